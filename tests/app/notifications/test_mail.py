from __future__ import annotations

import base64
import email
import json
from dataclasses import replace
from email.policy import default

import pytest
import sqlalchemy as sa
from mail_server import BREAK_OFF, MailServer, mail_server
from pydantic import SecretStr
from raised_alerts import NOW, one_notice, raised

from app.notifications.channels import Mail, UndeliveredError
from app.notifications.email import email_message, subject
from database.notifications import Notification

TO = ("desk@example.org", "duty@example.org")


def mail(server: MailServer, account: str = "", host: str = "127.0.0.1") -> Mail:
    url = SecretStr(f"smtp://{account}{host}:{server.port}")
    return Mail(url, "flarewatch@example.org", TO, timeout_seconds=5.0)


@pytest.fixture
def notice(engine_sqlite: sa.Engine) -> Notification:
    return one_notice(engine_sqlite, raised(-12017))


def test_a_letter_reaches_every_recipient_and_says_all_in_its_subject(notice: Notification) -> None:
    with mail_server() as server:
        mail(server).deliver(notice, now=NOW)

    (raw,) = server.letters
    found = email.message_from_bytes(raw, policy=default)
    told = [line.lower().split(" ")[1] for line in server.said("RCPT")]
    assert told == [f"to:<{one}>" for one in TO]
    assert found["Subject"] == "[R1] M1.0+ alert opened: AR 12017, P 23 %"
    assert (found["From"], found["To"]) == ("flarewatch@example.org", ", ".join(TO))
    assert found["Date"].datetime == NOW
    assert "Probability:    23 % (threshold 12 %)" in found.get_content()
    assert "Opened:         20 % at 2014-03-29T12:00:00Z" in found.get_content()


def test_a_letter_of_another_window_says_which(engine_sqlite: sa.Engine) -> None:
    notice = one_notice(engine_sqlite, raised(-12017, event="M1.0/6h"))

    found = email_message(notice, sender="a@b.org", recipients=TO, now=NOW)

    assert json.loads(notice.body)["window"] == "6h"
    assert found["Subject"] == "[R1] M1.0+ in 6 h alert opened: AR 12017, P 23 %"
    assert found.get_content().startswith("M1.0+ in 6 h alert opened, severity R1")


def test_a_letter_that_is_sent_again_carries_the_same_message_id(notice: Notification) -> None:
    with mail_server() as server:
        mail(server).deliver(notice, now=NOW)
        mail(server).deliver(notice, now=NOW)

    ids = {email.message_from_bytes(raw, policy=default)["Message-ID"] for raw in server.letters}
    assert ids == {f"<{notice.notice_id}@example.org>"}


def test_an_id_with_signs_of_its_own_stays_one_message_id(notice: Notification) -> None:
    found = email_message(
        replace(notice, notice_id="lstm@1 <x>"), sender="a@b.org", recipients=TO, now=NOW
    )

    assert found["Message-ID"] == "<lstm%401%20%3Cx%3E@b.org>"


def test_no_part_of_a_notice_can_add_a_header(notice: Notification) -> None:
    said = {**json.loads(notice.body), "severity": "R1\r\nBcc: thief@example.com"}
    forged = replace(notice, body=json.dumps(said))

    with pytest.raises(ValueError, match="linefeed"):
        email_message(forged, sender="a@b.org", recipients=TO, now=NOW)


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"change": "judged", "outcome": "confirmed", "outcome_class": "X1.0"}, "confirmed X1.0"),
        ({"change": "judged", "outcome": "false alarm"}, "false alarm"),
        ({"change": "closed", "probability": None}, "P –"),
        ({"change": "escalated", "probability": 0.004}, "P 0.4 %"),
    ],
)
def test_the_subject_ends_with_what_matters_about_the_change(
    notice: Notification, changes: dict[str, object], end: str
) -> None:
    said = json.loads(notice.body) | changes

    assert subject(said) == f"[R1] M1.0+ alert {changes['change']}: AR 12017, {end}"


def test_a_region_without_noaa_numbers_is_called_by_its_harp(notice: Notification) -> None:
    said = json.loads(notice.body) | {"region": 3894, "noaa_ars": []}

    assert "opened: HARP 3894, P" in subject(said)


def test_an_account_is_used_with_its_signs_decoded(notice: Notification) -> None:
    with mail_server() as server:
        mail(server, account="desk:p%40ss%2Fword@").deliver(notice, now=NOW)

    (line,) = server.said("AUTH")
    assert base64.b64decode(line.split(" ")[2]) == b"\0desk\0p@ss/word"
    assert len(server.letters) == 1


def test_a_password_does_not_leave_this_machine_without_tls(notice: Notification) -> None:
    # Linux takes 0.0.0.0 for this machine, and the program takes it for another one.
    with mail_server() as server, pytest.raises(UndeliveredError, match="no TLS") as found:
        mail(server, account="desk:password@", host="0.0.0.0").deliver(notice, now=NOW)

    assert found.value.is_final
    assert server.said("AUTH") == server.letters == []


def test_where_tls_is_offered_and_fails_nothing_is_said_in_the_clear(notice: Notification) -> None:
    offer = {"EHLO": "250-mail.example.org\r\n250 STARTTLS", "STAR": "220 not really"}

    with mail_server(offer) as server, pytest.raises(UndeliveredError, match="does not answer"):
        mail(server, account="desk:password@").deliver(notice, now=NOW)

    assert server.said("AUTH") == server.letters == []


@pytest.mark.parametrize(
    ("replies", "words", "is_final"),
    [
        ({"AUTH": "535 desk:password is wrong"}, "user and password: 535$", True),
        ({"RCPT": "550 no such user"}, "every recipient: 550 no such user$", True),
        ({"RCPT": "450 come back later"}, "every recipient: 450", False),
        ({"DATA": "554 looks like spam"}, "the email: 554 looks like spam", True),
        ({".": "451 disk full"}, "the email: 451 disk full", False),
        ({"EHLO": "554 go away", "HELO": "554 go away"}, "refused the email: 554", True),
    ],
)
def test_a_refusal_is_final_from_500_on(
    notice: Notification, replies: dict[str, str], words: str, is_final: bool
) -> None:
    with mail_server(replies) as server, pytest.raises(UndeliveredError, match=words) as found:
        mail(server, account="desk:password@").deliver(notice, now=NOW)

    assert found.value.is_final is is_final


def test_one_recipient_who_is_refused_keeps_no_other_from_the_letter(
    notice: Notification, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server({f"rcpt TO:<{TO[0]}>": "550 no such user"}) as server:
        mail(server).deliver(notice, now=NOW)

    assert len(server.letters) == 1
    assert "550 no such user" in caplog.text


def test_a_mail_server_that_is_not_there_is_asked_again(notice: Notification) -> None:
    with mail_server() as server:
        pass

    with pytest.raises(UndeliveredError, match="does not answer") as found:
        mail(server).deliver(notice, now=NOW)

    assert not found.value.is_final


def test_a_conversation_that_breaks_off_is_begun_again(notice: Notification) -> None:
    with mail_server({"MAIL": BREAK_OFF}) as server, pytest.raises(UndeliveredError) as found:
        mail(server).deliver(notice, now=NOW)

    assert str(found.value) == "the mail server broke off: SMTPServerDisconnected"
    assert not found.value.is_final


def test_a_host_by_name_is_another_machine_unless_it_is_called_localhost(
    notice: Notification,
) -> None:
    with mail_server() as server:
        mail(server, account="desk:password@", host="localhost").deliver(notice, now=NOW)

    assert len(server.said("AUTH")) == len(server.letters) == 1
