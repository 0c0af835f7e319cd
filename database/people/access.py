"""Access over HTTP: which hosts, origins and addresses API and dashboard believe.

`headers` are those of a request, looked up without regard to case.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from database.people.principal import ROLES
from solar.settings import Settings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "Via")
_HEADER_NAME = r"^[A-Za-z0-9-]{1,64}$"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Headers(Protocol):
    """The headers of a request."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, None where it is absent."""


class AccessSettings(Settings):
    """Settings of API and dashboard about who may come, with the prefix ``FLARE_``.

    ``public_url`` is the address of the dashboard for people (``public_dash_url`` is its older
    name), ``allowed_hosts`` further names by which the servers are known. ``trusted_proxies`` are
    addresses or networks; only these may name the client, and the person in
    ``proxy_user_header``. ``proxy_groups`` gives roles to the groups in ``proxy_groups_header``,
    such as ``flare-admins=admin,desk=operator``.
    """

    public_url: str | None = Field(default=None, pattern=r"^https?://[!-~]+$")
    public_dash_url: str | None = None
    allowed_hosts: str = ""
    trusted_proxies: str = ""
    proxy_user_header: str | None = Field(default=None, pattern=_HEADER_NAME)
    proxy_groups_header: str = Field(default="X-Forwarded-Groups", pattern=_HEADER_NAME)
    proxy_groups: str = ""

    @field_validator("trusted_proxies")
    @classmethod
    def _areread_networks(cls, value: str) -> str:
        read_networks(value)
        return value

    @field_validator("proxy_groups")
    @classmethod
    def _are_roles(cls, value: str) -> str:
        _roles_of_groups(value)
        return value

    @property
    def has_proxy(self) -> bool:
        """Tell whether a proxy may name people."""
        return bool(self.proxy_user_header and self.trusted_proxies)

    @property
    def public_address(self) -> str:
        """The address of the dashboard for people, without a trailing slash; empty if not set."""
        return (self.public_url or self.public_dash_url or "").rstrip("/")

    @property
    def has_tls(self) -> bool:
        """Tell whether people come by TLS."""
        return self.public_address.startswith("https://")


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


@lru_cache(maxsize=16)
def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks with commas between them; raises ValueError."""
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in _parts(text))
    except ValueError as error:
        raise ValueError(f"{error}; write addresses or networks: 10.0.0.5,10.1.0.0/16") from error


@lru_cache(maxsize=16)
def _roles_of_groups(text: str) -> Mapping[str, str]:
    pairs = dict(part.partition("=")[::2] for part in _parts(text))
    for group, role in pairs.items():
        if role not in ROLES:
            raise ValueError(f"{group!r} has no role; write group=role with {', '.join(ROLES)}")
    return pairs


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Tell whether a name or address is that of this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_everywhere(host: str) -> bool:
    """Tell whether a server of this address listens on every network of its machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


@lru_cache(maxsize=256)
def host_of(authority: str | None) -> str:
    """Return the name in ``name:port``, in lower case; empty when it cannot be read."""
    try:
        return urlsplit(f"//{authority or ''}").hostname or ""
    except ValueError:
        return ""


def is_known_host(settings: AccessSettings, authority: str | None, *, bound_to: str) -> bool:
    """Tell whether a server that listens at `bound_to` is known by the name of a request.

    Another name is a sign of DNS rebinding: a page elsewhere whose name now leads here.
    """
    host = host_of(authority)
    own = {bound_to.strip("[]"), urlsplit(settings.public_address).hostname or ""}
    return bool(host) and (is_loopback(host) or host in own | set(_parts(settings.allowed_hosts)))


def is_from_another_site(settings: AccessSettings, method: str, headers: Headers) -> bool:
    """Tell whether a browser sends an unsafe request from a page of another site.

    A browser says so in one of two headers; what sends neither is no browser.
    """
    if method in _SAFE_METHODS:
        return False
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("Origin")
    if origin is None:
        return False
    own = {headers.get("Host"), urlsplit(settings.public_address).netloc}
    return urlsplit(origin).netloc not in own - {None, ""}


def is_trusted_proxy(settings: AccessSettings, address: str | None) -> bool:
    """Tell whether the peer is one of the listed proxies."""
    try:
        peer = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(peer in network for network in read_networks(settings.trusted_proxies))


def client_address(
    settings: AccessSettings,
    peer: str | None,
    headers: Headers,
    *,
    is_believed: bool = False,
) -> str:
    """Return the address that a request comes from, as far as it can be believed.

    What listed proxies, this machine and peers with a key (`is_believed`) add to
    ``X-Forwarded-For`` counts, from the last backwards.
    """
    address = peer or ""
    hops = _parts(headers.get("X-Forwarded-For"))
    while hops and (is_believed or is_loopback(address) or is_trusted_proxy(settings, address)):
        address, is_believed = hops.pop(), False
    return address[:45]


def is_on_this_machine(peer: str | None, headers: Headers) -> bool:
    """Tell whether a request comes from this machine itself, and not through a proxy on it."""
    is_forwarded = any(headers.get(name) is not None for name in _FORWARDED)
    return (
        is_loopback(peer or "") and is_loopback(host_of(headers.get("Host"))) and not is_forwarded
    )


def proxied_person(
    settings: AccessSettings, peer: str | None, headers: Headers
) -> tuple[str, tuple[str, ...]] | None:
    """Return name and roles of the person that a listed proxy names, None where none does.

    A person in no group that has a role is a viewer.
    """
    if not settings.has_proxy or not is_trusted_proxy(settings, peer):
        return None
    subject = (headers.get(settings.proxy_user_header or "") or "").strip()
    if not subject:
        return None
    groups = set(_parts(headers.get(settings.proxy_groups_header)))
    granted = {
        role for group, role in _roles_of_groups(settings.proxy_groups).items() if group in groups
    }
    return subject, tuple(role for role in ROLES if role in granted) or ("viewer",)


_VISIBLE_NAME = re.compile(r"[^a-z0-9._-]+")


def login_of(subject: str) -> str:
    """Return a name to sign in with from a proxy's name for a person, such as an address."""
    return _VISIBLE_NAME.sub("-", subject.lower()).strip("-._")[:64]
