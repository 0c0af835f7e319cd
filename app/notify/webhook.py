"""The webhook: a notice as a signed POST to one address."""

from __future__ import annotations

import email.utils
import http.client
import ssl
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.notify.channel import TIMEOUT_SECONDS, UndeliveredError
from app.notify.signature import sign
from database.notifications import Notification

# Answers below 500 that say "later", not "never": RFC 9110 15.5.9, RFC 8470, RFC 6585.
_PASSING = (408, 425, 429)


@dataclass(frozen=True)
class Webhook:
    """One receiver and the secret shared with it."""

    url: SecretStr
    secret: SecretStr
    timeout_seconds: float = TIMEOUT_SECONDS

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Post the notice; any 2xx answer means that the receiver has it."""
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
            status, retry_after = self._post(body, headers)
        except (OSError, UnicodeError) as error:
            raise UndeliveredError(f"the receiver does not answer: {error}") from error
        except http.client.HTTPException as error:
            # Its words are the other side's and may be anything.
            raise UndeliveredError(
                f"the receiver does not speak HTTP: {type(error).__name__}"
            ) from error
        _refuse(status, retry_after_seconds=_seconds(retry_after, now))

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
        parts = urlsplit(self.url.get_secret_value())
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            # http.client follows no redirect and asks no proxy: the address is the one that
            # was set, or none.
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers.get("Retry-After")
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.timeout_seconds)
        return http.client.HTTPSConnection(
            host, port, timeout=self.timeout_seconds, context=ssl.create_default_context()
        )


def _refuse(status: int, *, retry_after_seconds: float) -> None:
    if 200 <= status < 300:
        return
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    raise UndeliveredError(
        f"the receiver answered {status}{hint}",
        is_final=400 <= status < 500 and status not in _PASSING,
        retry_after_seconds=retry_after_seconds,
    )


def _seconds(retry_after: str | None, now: datetime) -> float:
    """Read a Retry-After header, which is a number of seconds or a date; 0 when it is neither."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, at.timestamp() - now.timestamp())
