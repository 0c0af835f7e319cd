"""Channels: the webhook and the mail server that take notifications to people."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import logging
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from app.notifications.email import email_message
from database.notifications import Notification
from solar.errors import FlarewatchError
from solar.process import retry_after_seconds

_log = logging.getLogger(__name__)

# A receiver that accepts but does not answer must not hold up the notifications behind it.
TIMEOUT_SECONDS = 10.0
# Answers below 500 that say "later", not "never": RFC 9110 15.5.9, RFC 8470, RFC 6585.
_TEMPORARY = (408, 425, 429)
_PORTS = {"smtp": 587, "smtps": 465}
_LONGEST_REPLY = 120
_CHECK_SECONDS = 0.2


class UndeliveredError(FlarewatchError):
    """The receiver did not take the notification; the message names no password and no key.

    `is_final` when it would refuse the same notification again; `retry_after_seconds` is what it
    asked for, 0 when it named none.
    """

    def __init__(
        self, message: str, *, is_final: bool = False, retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_after_seconds = retry_after_seconds


class Channel(Protocol):
    """A way to reach people."""

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Hand the notification over, or raise UndeliveredError."""


@dataclass(frozen=True)
class DryRunChannel:
    """The channel of a dry run, which reaches nobody."""

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Do nothing; the delivery logs what would have been sent."""


class Deadlines:
    """Ends the reading from sockets at a deadline, on a thread that starts with the first of them.

    A socket itself only bounds a pause: one byte a second keeps it going for ever. At the
    deadline its reading side is shut, so that the reader finds the end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[socket.socket, float] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def until(self, deadline: float, connection: socket.socket | None) -> Iterator[None]:
        """Watch a connection up to a time on the clock of `time.monotonic`; None is not watched."""
        if connection is None:
            yield
            return
        with self._changed:
            self._due[connection] = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(connection, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._due))
                self._shut(time.monotonic())
            time.sleep(_CHECK_SECONDS)

    def _shut(self, now: float) -> None:
        for connection in [socket_ for socket_, deadline in self._due.items() if deadline <= now]:
            del self._due[connection]
            # It may be gone already.
            with suppress(OSError):
                # Beneath TLS, whose own shutdown would take the reader's state away.
                socket.socket.shutdown(connection, socket.SHUT_RD)


deadlines = Deadlines()


@dataclass(frozen=True)
class Webhook:
    """One address that gets signed POSTs, and the secret shared with it."""

    url: SecretStr
    secret: SecretStr
    timeout_seconds: float = TIMEOUT_SECONDS

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Post the notification; any 2xx answer means that the receiver has it."""
        body = notice.body.encode()
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "flarewatch",
            "X-Flarewatch-Notice": notice.notice_id,
            "X-Flarewatch-Timestamp": timestamp,
            "X-Flarewatch-Signature": sign(
                self.secret.get_secret_value(), timestamp=timestamp, body=body
            ),
        }
        try:
            status, retry_after = exchange(
                self.url.get_secret_value(),
                "POST",
                headers=headers,
                timeout_seconds=self.timeout_seconds,
                body=body,
            )
        except (OSError, UnicodeError) as error:
            raise UndeliveredError(f"the receiver does not answer: {error}") from error
        except http.client.HTTPException as error:
            # The text of the error comes from the receiver and may be anything.
            raise UndeliveredError(
                f"the receiver does not speak HTTP: {type(error).__name__}"
            ) from error
        _check(status, retry_after_seconds=retry_after_seconds(retry_after, now=now))


def exchange(
    url: str,
    method: str,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float,
    body: bytes | None = None,
) -> tuple[int, str | None]:
    """Send a request and return the status of the answer, and its Retry-After.

    Raises
    ------
    OSError, UnicodeError, http.client.HTTPException
        When there is no answer in time, or none in HTTP.
    """
    parts = urlsplit(url)
    connection = _connection(parts, timeout_seconds)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + timeout_seconds
    try:
        # http.client follows no redirect and asks no proxy: the address is the one that
        # was set, or none.
        connection.request(method, path, body, dict(headers))
        # The time-out of a socket begins anew with every byte.
        with deadlines.until(deadline, connection.sock):
            response = connection.getresponse()
        return response.status, response.headers.get("Retry-After")
    except (OSError, http.client.HTTPException) as error:
        # At the deadline the connection is closed here, which looks as if the other end had.
        if time.monotonic() >= deadline:
            raise TimeoutError("timed out") from error
        raise
    finally:
        connection.close()


def _connection(parts: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout_seconds)
    return http.client.HTTPSConnection(
        host, parts.port, timeout=timeout_seconds, context=ssl.create_default_context()
    )


def _check(status: int, *, retry_after_seconds: float) -> None:
    if 200 <= status < 300:
        return
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    raise UndeliveredError(
        f"the receiver answered {status}{hint}",
        is_final=400 <= status < 500 and status not in _TEMPORARY,
        retry_after_seconds=retry_after_seconds,
    )


def sign(secret: str, *, timestamp: str, body: bytes) -> str:
    """Return ``v1=`` and the HMAC-SHA256 (RFC 2104) of ``timestamp.body`` in hexadecimal.

    A receiver checks this signature before it trusts a notification (docs/notices.md).

    Parameters
    ----------
    timestamp : whole seconds since 1970 when the notification is sent; it is signed so that a
        recorded notification cannot be replayed much later
    """
    message = timestamp.encode("ascii") + b"." + body
    return f"v1={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True)
class Mail:
    """One mail server, and the sender and recipients of its emails."""

    url: SecretStr
    sender: str
    recipients: tuple[str, ...]
    timeout_seconds: float = TIMEOUT_SECONDS

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Hand the email over; it is enough that the server accepts one recipient."""
        message = email_message(notice, sender=self.sender, recipients=self.recipients, now=now)
        try:
            self._hand_over(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise _refusal("every recipient", code, reply=reply) from error
        except smtplib.SMTPAuthenticationError as error:
            # Without the reply, which may repeat the password.
            raise _refusal("user and password", error.smtp_code) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal("the email", error.smtp_code, reply=error.smtp_error) from error
        except smtplib.SMTPException as error:
            raise UndeliveredError(f"the mail server broke off: {type(error).__name__}") from error
        except (OSError, UnicodeError) as error:
            raise UndeliveredError(f"the mail server does not answer: {error}") from error

    def _hand_over(self, message: EmailMessage) -> None:
        parts = urlsplit(self.url.get_secret_value())
        with self._connection(parts) as server:
            is_private = parts.scheme == "smtps" or _is_this_machine(parts.hostname or "")
            server.ehlo_or_helo_if_needed()
            if parts.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                is_private = True
            if parts.username:
                _log_in(server, parts, is_private=is_private)
            for code, reply in server.send_message(message).values():
                _log.warning(
                    "%s; others have the email", _refusal("a recipient", code, reply=reply)
                )

    def _connection(self, parts: SplitResult) -> smtplib.SMTP:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        if parts.scheme == "smtp":
            return smtplib.SMTP(host, port, timeout=self.timeout_seconds)
        return smtplib.SMTP_SSL(
            host, port, timeout=self.timeout_seconds, context=ssl.create_default_context()
        )


def _log_in(server: smtplib.SMTP, parts: SplitResult, *, is_private: bool) -> None:
    if not is_private:
        raise UndeliveredError(
            "the mail server offers no TLS, and a password is not sent in the clear;"
            " use smtps:// or leave it out of FLARE_SMTP_URL",
            is_final=True,
        )
    server.login(unquote(parts.username or ""), unquote(parts.password or ""))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(what: str, code: int, *, reply: bytes | str = b"") -> UndeliveredError:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    words = " ".join(text.split())[:_LONGEST_REPLY]
    return UndeliveredError(
        f"the mail server refused {what}: {code}{f' {words}' if words else ''}",
        is_final=500 <= code < 600,  # RFC 5321 4.2.1: permanent failures
    )
