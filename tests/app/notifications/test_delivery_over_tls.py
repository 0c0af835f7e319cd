from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from certificate import self_signed
from mail_server import mail_server
from pydantic import SecretStr
from raised_alerts import NOW, one_notice
from webhook_receiver import SECRET, dripping, receiving

from app.notifications.channels import Mail, UndeliveredError, Webhook
from database.notifications import Notification

OFFER = {"EHLO": "250-mail.example.org\r\n250-AUTH PLAIN\r\n250 STARTTLS", "STAR": "220 go on"}


@pytest.fixture
def notice(engine_sqlite: sa.Engine) -> Notification:
    return one_notice(engine_sqlite)


@pytest.fixture
def unknown(tmp_path: Path) -> ssl.SSLContext:
    return self_signed(tmp_path)[1]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    certificate, context = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return context


def mail(scheme: str, port: int) -> Mail:
    url = SecretStr(f"{scheme}://desk:password@127.0.0.1:{port}")
    return Mail(url, "flarewatch@example.org", ("desk@example.org",), timeout_seconds=5.0)


def test_a_webhook_is_posted_under_a_certificate_that_is_known(
    notice: Notification, trusted: ssl.SSLContext
) -> None:
    with receiving(tls=trusted) as receiver:
        receiver.webhook().deliver(notice, now=NOW)

    assert receiver.notice_ids == [notice.notice_id]


def test_a_webhook_is_not_posted_under_a_certificate_that_nobody_knows(
    notice: Notification, unknown: ssl.SSLContext
) -> None:
    with receiving(tls=unknown) as receiver:
        with pytest.raises(UndeliveredError, match="CERTIFICATE_VERIFY_FAILED"):
            receiver.webhook().deliver(notice, now=NOW)

        assert receiver.posts == []


def test_a_letter_and_the_password_go_behind_starttls(
    notice: Notification, trusted: ssl.SSLContext
) -> None:
    with mail_server(OFFER, tls=trusted) as server:
        mail("smtp", server.port).deliver(notice, now=NOW)

    verbs = [line[:5].upper() for line in server.lines]
    assert verbs.index("(TLS)") < verbs.index("AUTH ") < verbs.index("MAIL ")
    assert len(server.letters) == 1


def test_smtps_is_encrypted_from_the_first_byte(
    notice: Notification, trusted: ssl.SSLContext
) -> None:
    with mail_server(tls=trusted, tls_at_once=True) as server:
        mail("smtps", server.port).deliver(notice, now=NOW)

    assert len(server.letters) == len(server.said("AUTH")) == 1


def test_a_mail_server_that_nobody_knows_gets_neither_letter_nor_password(
    notice: Notification, unknown: ssl.SSLContext
) -> None:
    impostor = mail_server(OFFER, tls=unknown)
    with impostor as server, pytest.raises(UndeliveredError, match="CERTIFICATE_VERIFY_FAILED"):
        mail("smtp", server.port).deliver(notice, now=NOW)

    assert server.said("AUTH") == server.letters == []


def test_a_receiver_that_answers_byte_by_byte_over_tls_is_left_after_the_time_limit(
    notice: Notification, trusted: ssl.SSLContext
) -> None:
    with dripping(trusted) as url:
        began = time.monotonic()
        with pytest.raises(UndeliveredError):
            Webhook(SecretStr(url), SecretStr(SECRET), 0.3).deliver(notice, now=NOW)
        seconds = time.monotonic() - began

    assert seconds < 2
