"""nginx with the files of `deploy/nginx`, in front of a server of the product."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml
from certificate import self_signed
from processes import free_port, serving
from slow_peers import slow_peers

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "nginx"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
# Whatever a client says of itself; the last is a name of gunicorn's for the path.
CLAIMS = {
    "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test",
    "X-Real-IP": "192.0.2.7", "Forwarded": "for=192.0.2.7", "X-Forwarded-User": "admin",
    "X-Forwarded-Groups": "admins", "Remote-User": "admin", "X-Remote-User": "admin",
    "Host": "evil.test", "SCRIPT_NAME": "/headers",
}  # fmt: skip


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    port = free_port()
    ready = f"http://127.0.0.1:{port}/health"
    with serving("tests.small_server", port, ready=ready, environment=os.environ):
        yield f"127.0.0.1:{port}"


class Proxy:
    """An nginx that listens, and what a client needs to trust it."""

    def __init__(self, http: str, https: str, trust: ssl.SSLContext) -> None:
        self.http, self.https, self.trust = http, https, trust

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.https}{path}", body, {**CLAIMS, "Content-Type": "text/plain"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.trust) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()


@contextmanager
def proxied(folder: Path, backend: str, *, signs_in: bool = False) -> Iterator[Proxy]:
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install --no-install-recommends nginx-light")
    certificate, _ = self_signed(folder)
    certificate.rename(folder / "fullchain.pem")
    (folder / "key.pem").rename(folder / "privkey.pem")
    http, https = free_port(), free_port()
    values = {
        "PROXY_DOMAIN": "127.0.0.1", "PROXY_HTTP": http, "PROXY_HTTPS": https,
        "PROXY_TLS": str(folder), "PROXY_API": backend, "PROXY_DASHBOARD": backend,
        "PROXY_SIGN_IN": backend,
    }  # fmt: skip
    site, sign_in = (
        re.sub(r"\$\{(PROXY_\w+)\}", lambda name: values[name[1]], (DEPLOY / name).read_text())
        for name in ("flarewatch.conf.template", "sign-in.conf.template")
    )
    if signs_in:
        site = site.replace(
            "    location / {\n        client", f"{sign_in}\n    location / {{\n        client"
        )
    (folder / "flarewatch.conf").write_text(site)
    main = (DEPLOY / "nginx.conf").read_text().replace("/tmp/", f"{folder}/")  # noqa: S108
    # As root it would work as another account, which may not enter the folders of tests.
    own = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(own + main.replace("/dev/stdout", "off"))
    command = [
        NGINX,
        "-p",
        str(folder),
        "-e",
        str(folder / "log"),
        "-c",
        str(folder / "nginx.conf"),
    ]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        yield Proxy(http, https, trust)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def proxy(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxied(tmp_path_factory.mktemp("nginx"), backend) as opened:
        time.sleep(0.3)
        yield opened


def test_the_proxy_says_who_asks_whatever_the_client_claims(proxy: Proxy) -> None:
    for path in ("/headers", "/api/v1/headers"):
        status, shown = proxy.ask(path)

        forwarded: dict[str, Any] = json.loads(shown)
        assert status == 200
        assert forwarded == {
            "HTTP_HOST": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1",
            "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "127.0.0.1",
            "HTTP_USER_AGENT": forwarded["HTTP_USER_AGENT"], "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "most"),
    [("/", 1 << 20), ("/lab/uploads/1", 4 << 20), ("/api/v1/observations", 32 << 20)],
)
def test_the_proxy_bounds_bodies_by_their_address(proxy: Proxy, path: str, most: int) -> None:
    # The server behind it takes less, and says so in its own words.
    assert b"nginx" not in proxy.ask(path, b"x" * 200_000)[1]

    assert proxy.ask(path, b"x" * (most + 1)) == (413, proxy.ask("/", b"x" * (1 << 21))[1])


def test_a_request_passes_beside_1200_silent_connections(proxy: Proxy) -> None:
    with slow_peers(int(proxy.https), idle=1_200, heads=12):
        began = time.monotonic()
        status, _ = proxy.ask("/api/v1/anything")
        seconds = time.monotonic() - began

    assert (status, seconds < 1) == (200, True)


def test_metrics_are_not_for_everybody_and_http_leads_to_https(proxy: Proxy) -> None:
    assert proxy.ask("/metrics")[0] == 404
    with pytest.raises(HTTPError) as led:
        urllib.request.build_opener(_Stay).open(f"http://127.0.0.1:{proxy.http}/skill?event=M")
    led.value.close()

    assert led.value.headers["Location"] == "https://127.0.0.1/skill?event=M"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def test_people_whom_the_institute_has_signed_in_come_with_their_name(
    backend: str, tmp_path: Path
) -> None:
    with proxied(tmp_path, backend, signs_in=True) as proxy:
        time.sleep(0.3)
        page, api = (json.loads(proxy.ask(path)[1]) for path in ("/headers", "/api/headers"))

    assert (page["HTTP_X_FORWARDED_USER"], page["HTTP_X_FORWARDED_GROUPS"]) == (
        "frida", "forecasters",
    )  # fmt: skip
    assert "HTTP_X_FORWARDED_USER" not in api


def test_the_proxy_of_the_containers_fills_in_every_value() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["proxy"]
    site = (DEPLOY / "flarewatch.conf.template").read_text()

    assert set(re.findall(r"\$\{(PROXY_\w+)\}", site)) <= set(service["environment"])
