from __future__ import annotations

import hashlib
import json
import re
import runpy
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mail_server import mail_server
from pydantic import SecretStr
from raised_alerts import NOW, one_notice
from webhook_receiver import SECRET, dripping, receiving

from app.notifications.channels import UndeliveredError, Webhook, sign

PAGE = Path(__file__).parents[3] / "docs" / "notices.md"


def test_a_signature_is_the_hmac_of_timestamp_dot_body() -> None:
    # RFC 2104 by hand: H((K xor opad) + H((K xor ipad) + text)), K filled up to 64 bytes.
    key = SECRET.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(k ^ 0x36 for k in key) + b'1396094700.{"a":1}').digest()
    outer = hashlib.sha256(bytes(k ^ 0x5C for k in key) + inner).hexdigest()

    assert sign(SECRET, timestamp="1396094700", body=b'{"a":1}') == f"v1={outer}"


def receiver_of_the_page(folder: Path) -> Any:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    program = folder / "receiver.py"
    program.write_text(code.group(1))
    return runpy.run_path(str(program))["verify_signature"]


def test_the_receiver_on_the_page_believes_a_notice_and_no_altered_or_old_one(
    engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    verify_signature = receiver_of_the_page(tmp_path)
    notice = one_notice(engine_sqlite)
    with receiving() as receiver:
        receiver.webhook().deliver(notice, now=datetime.now(UTC))
        receiver.webhook().deliver(notice, now=datetime.now(UTC) - timedelta(seconds=400))
    fresh, old = receiver.posts

    assert verify_signature(SECRET, fresh.headers, fresh.body)
    assert not verify_signature("another-secret-than-ours", fresh.headers, fresh.body)
    assert not verify_signature(SECRET, fresh.headers, fresh.body.replace(b"R1", b"R0"))
    assert not verify_signature(SECRET, old.headers, old.body)


def test_the_body_is_posted_as_it_was_written_to_the_whole_address(
    engine_sqlite: sa.Engine,
) -> None:
    notice = one_notice(engine_sqlite)

    with receiving() as receiver:
        receiver.webhook().deliver(notice, now=NOW)

    (post,) = receiver.posts
    assert (post.path, post.body) == ("/hooks/flares?desk=1", notice.body.encode())
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["X-Flarewatch-Timestamp"] == "1396094700"
    assert post.headers["X-Flarewatch-Notice"] == json.loads(post.body)["notice_id"]


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(301, False), (400, True), (401, True), (408, False), (410, True), (425, False),
     (429, False), (500, False), (503, False)],
)  # fmt: skip
def test_a_refusal_is_final_when_the_same_again_would_be_refused_again(
    engine_sqlite: sa.Engine, status: int, is_final: bool
) -> None:
    notice = one_notice(engine_sqlite)

    with receiving(status) as receiver, pytest.raises(UndeliveredError, match=str(status)) as found:
        receiver.webhook().deliver(notice, now=NOW)

    assert found.value.is_final is is_final


def test_a_redirect_is_not_followed(engine_sqlite: sa.Engine) -> None:
    notice = one_notice(engine_sqlite)

    with receiving() as elsewhere, receiving((307, {"Location": elsewhere.url})) as receiver:
        with pytest.raises(UndeliveredError, match="redirects are not followed"):
            receiver.webhook().deliver(notice, now=NOW)

        assert elsewhere.posts == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("Sat, 29 Mar 2014 12:07:00 GMT", 120), ("Sat, 29 Mar 2014 12:00:00 GMT", 0),
     ("Sat, 29 Mar 2014 12:07:00 -0000", 120), ("Sat, 29 Mar 2014 12:07:00 +9999999999999", 0),
     ("soon", 0)],
)  # fmt: skip
def test_a_receiver_may_say_when_to_come_back(
    engine_sqlite: sa.Engine, header: str, seconds: int
) -> None:
    notice = one_notice(engine_sqlite)

    answer = (503, {"Retry-After": header})
    with receiving(answer) as receiver, pytest.raises(UndeliveredError) as found:
        receiver.webhook().deliver(notice, now=NOW)

    assert found.value.retry_after_seconds == seconds


def test_a_receiver_that_does_not_answer_is_left_after_the_time_limit(
    engine_sqlite: sa.Engine,
) -> None:
    notice = one_notice(engine_sqlite)

    with receiving(slow_seconds=1.0) as receiver:
        began = time.monotonic()
        with pytest.raises(UndeliveredError, match="does not answer: timed out"):
            receiver.webhook(timeout_seconds=0.2).deliver(notice, now=NOW)

    assert time.monotonic() - began < 2


def test_a_receiver_that_answers_byte_by_byte_is_left_after_the_time_limit(
    engine_sqlite: sa.Engine,
) -> None:
    notice = one_notice(engine_sqlite)

    with dripping() as url:
        began = time.monotonic()
        with pytest.raises(UndeliveredError):
            Webhook(SecretStr(url), SecretStr(SECRET), 0.3).deliver(notice, now=NOW)
        seconds = time.monotonic() - began

    assert seconds < 2


def test_an_address_where_nobody_listens_is_said_without_the_secret_parts(
    engine_sqlite: sa.Engine,
) -> None:
    notice = one_notice(engine_sqlite)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/hooks/token-in-the-path"
        webhook = Webhook(SecretStr(url), SecretStr(SECRET))

        with pytest.raises(UndeliveredError, match="Connection refused") as found:
            webhook.deliver(notice, now=NOW)

    assert "token" not in f"{found.value}{webhook}"
    assert SECRET not in f"{found.value}{webhook}"


def test_what_answers_in_another_language_than_http_is_asked_again(
    engine_sqlite: sa.Engine,
) -> None:
    notice = one_notice(engine_sqlite)

    with mail_server() as server:
        webhook = Webhook(SecretStr(f"http://127.0.0.1:{server.port}/"), SecretStr(SECRET))
        with pytest.raises(UndeliveredError, match="not speak HTTP: BadStatusLine") as found:
            webhook.deliver(notice, now=NOW)

    assert not found.value.is_final
