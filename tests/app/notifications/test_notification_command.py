from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from mail_server import mail_server
from processes import free_port, serving
from pydantic import SecretStr
from raised_alerts import announce
from served_windows import MakeApp
from webhook_receiver import SECRET, Receiver, receiving

from app.background_jobs.jobs import notification_jobs
from app.notifications.channels import Channel
from app.notifications.delivery import deliver_due, deliver_once, retry_failed
from app.services import services
from app.settings import NotificationSettings
from database.engine import reading
from database.notifications import CLAIM_LASTS, notification_counts
from solar.errors import InvalidInputError

ROOT = Path(__file__).resolve().parents[3]


def counts(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        found = notification_counts(connection)
    return {state: count for state, count in found.items() if count}


def environment(engine: sa.Engine, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    address = engine.url.render_as_string(hide_password=False)
    given = {"DATABASE_URL": address, **settings}
    return kept | {f"FLARE_{name}": value for name, value in given.items()}


def notify(*words: str) -> list[str]:
    return [sys.executable, "-m", "app", "notify", *words]


def run(engine: sa.Engine, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        notify(*words), cwd=ROOT, env=environment(engine, **settings),
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def settings(engine: sa.Engine, receiver: Receiver) -> NotificationSettings:
    address = engine.url.render_as_string(hide_password=False)
    return NotificationSettings(
        database_url=address,
        webhook_url=SecretStr(receiver.url),
        webhook_secret=SecretStr(SECRET),
    )


def to(receiver: Receiver) -> dict[str, str]:
    return {"WEBHOOK_URL": receiver.url, "WEBHOOK_SECRET": SECRET}


def test_it_tells_on_both_channels_and_says_how_the_outbox_stands(
    engine_sqlite: sa.Engine,
) -> None:
    announce(engine_sqlite, channels=("webhook", "mail"))

    with receiving() as receiver, mail_server() as server:
        done = run(
            engine_sqlite, "--once", **to(receiver), SMTP_URL=f"smtp://127.0.0.1:{server.port}",
            MAIL_FROM="flarewatch@example.org", MAIL_TO="desk@example.org",
        )  # fmt: skip

    assert done.stdout == "2 notifications attempted; now 0 waiting, 2 sent, 0 dry-run, 0 failed\n"
    assert (len(receiver.posts), len(server.letters)) == (1, 1)
    assert {json.loads(line)["level"] for line in done.stderr.splitlines()} == {"info"}
    assert SECRET not in done.stderr


def test_a_dry_run_reaches_nobody(engine_sqlite: sa.Engine) -> None:
    announce(engine_sqlite)

    with receiving() as receiver:
        said = deliver_once(settings(engine_sqlite, receiver), is_dry_run=True)

    assert said == "1 notifications attempted; now 0 waiting, 0 sent, 1 dry-run, 0 failed"
    assert receiver.posts == []


def test_what_was_given_up_is_delivered_after_all_when_asked_for(
    engine_sqlite: sa.Engine,
) -> None:
    announce(engine_sqlite)

    with receiving(401) as receiver:
        given = settings(engine_sqlite, receiver)
        first = deliver_once(given, is_dry_run=False)
        again = retry_failed(given)
        second = deliver_once(given, is_dry_run=False)

    assert "0 sent, 0 dry-run, 1 failed" in first
    assert again == "1 failed notifications are due again"
    assert "1 sent, 0 dry-run, 0 failed" in second


def test_without_anyone_to_tell_it_refuses(engine_sqlite: sa.Engine) -> None:
    address = engine_sqlite.url.render_as_string(hide_password=False)

    with pytest.raises(InvalidInputError, match="set FLARE_WEBHOOK_URL or FLARE_SMTP_URL"):
        deliver_once(NotificationSettings(database_url=address), is_dry_run=False)


def test_a_process_killed_after_sending_leaves_the_notice_to_be_sent_again(
    engine: sa.Engine,
) -> None:
    announce(engine)

    with receiving() as receiver:
        has_come, may_answer = threading.Event(), threading.Event()
        receiver.before_answer = lambda: (has_come.set(), may_answer.wait(30))
        process = subprocess.Popen(
            notify("--once"), cwd=ROOT, env=environment(engine, **to(receiver))
        )
        assert has_come.wait(30)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        may_answer.set()
        receiver.before_answer = lambda: None

        channels: dict[str, Channel] = {"webhook": receiver.webhook()}
        early = deliver_due(engine, channels)
        late = deliver_due(engine, channels, clock=lambda: datetime.now(UTC) + CLAIM_LASTS)

    assert (early, late) == (0, 1)
    assert len(receiver.posts) == 2
    assert len(set(receiver.notice_ids)) == 1
    assert counts(engine) == {"sent": 1}


def test_it_delivers_until_it_is_stopped(engine_sqlite: sa.Engine) -> None:
    with receiving() as receiver:
        has_come = threading.Event()
        receiver.before_answer = has_come.set
        process = subprocess.Popen(
            notify(), cwd=ROOT, env=environment(engine_sqlite, **to(receiver)),
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        announce(engine_sqlite)
        assert has_come.wait(30)
        process.terminate()

        assert process.wait(10) == 0
    assert counts(engine_sqlite) == {"sent": 1}


def test_a_webhook_without_a_secret_is_refused_by_name(engine_sqlite: sa.Engine) -> None:
    done = run(engine_sqlite, "--once", WEBHOOK_URL="https://hooks.example.org/token-in-the-path")

    assert done.returncode == 1
    assert "FLARE_WEBHOOK_SECRET: " in done.stderr
    assert "token" not in done.stderr


def test_every_channel_has_a_chore_of_its_own_in_the_workers(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    announce(engine_sqlite)

    with receiving() as receiver:
        given = settings(engine_sqlite, receiver)
        (job,) = notification_jobs(given)
        with make_app(engine_sqlite).app_context():
            done = job.work(services())

    assert (job.name, done, len(receiver.posts)) == ("notices by webhook", 1, 1)


@pytest.mark.slow
def test_the_workers_of_the_server_deliver_by_themselves(engine: sa.Engine) -> None:
    port = free_port()

    with receiving() as receiver:
        # What is announced is years old, and would be let go as soon as it is delivered.
        given = environment(engine, API_PORT=port, RETENTION="notices=keep", **to(receiver))
        with serving("app", "serve", ready=f"http://127.0.0.1:{port}/health", environment=given):
            announce(engine)
            deadline = time.monotonic() + 30
            while counts(engine) != {"sent": 1} and time.monotonic() < deadline:
                time.sleep(0.1)

    assert len(receiver.posts) == 1
    assert counts(engine) == {"sent": 1}
