"""Mail: a notice as a letter handed to one mail server."""

from __future__ import annotations

import ipaddress
import logging
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from app.notify.channel import TIMEOUT_SECONDS, UndeliveredError
from app.notify.letter import letter
from database.notifications import Notification

_log = logging.getLogger(__name__)

_PORTS = {"smtp": 587, "smtps": 465}
_LONGEST_REPLY = 120


@dataclass(frozen=True)
class Mail:
    """One mail server, whom the letters come from and whom they go to."""

    url: SecretStr
    sender: str
    recipients: tuple[str, ...]
    timeout_seconds: float = TIMEOUT_SECONDS

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Hand the letter over; the server's word for one recipient at least is enough."""
        message = letter(notice, sender=self.sender, recipients=self.recipients, now=now)
        try:
            self._hand_over(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise _refusal("every recipient", code, reply=reply) from error
        except smtplib.SMTPAuthenticationError as error:
            # Without its words, which may repeat what was said to it.
            raise _refusal("user and password", error.smtp_code) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal("the letter", error.smtp_code, reply=error.smtp_error) from error
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
                    "%s; others have the letter", _refusal("a recipient", code, reply=reply)
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
    said = " ".join(text.split())[:_LONGEST_REPLY]
    return UndeliveredError(
        f"the mail server refused {what}: {code}{f' {said}' if said else ''}",
        is_final=500 <= code < 600,  # RFC 5321 4.2.1: the same again would be refused again
    )
