"""Delivery: the notification worker, which delivers the outbox at least once."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from app.notifications.channels import Channel, DryRunChannel, Mail, UndeliveredError, Webhook
from app.notifications.email import subject
from app.settings import MAIL, WEBHOOK, NotificationSettings
from database.clock.clock import replay_time
from database.engine import create_engine, reading, refuse_wrong_store, transact
from database.notifications import (
    DRY_RUN,
    SENT,
    Notification,
    claim,
    is_any_due,
    notification_counts,
    postpone,
    requeue_failed,
    settle,
)
from solar.errors import FlarewatchError, InvalidInputError
from solar.process import Backoff, StopSignal

PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 300.0
MOST_ATTEMPTS = 10
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0
# The longest wait that a receiver may ask for; an alert is of no use after that.
LONGEST_RETRY_AFTER_SECONDS = 86_400.0
_JITTER = 0.2
_STEP_SECONDS = 0.5

_log = logging.getLogger(__name__)


def channels_of(settings: NotificationSettings, *, is_dry_run: bool = False) -> dict[str, Channel]:
    """Return the channels that are set up, by name; in a dry run they reach nobody."""
    if is_dry_run or settings.notify_dry_run:
        return {name: DryRunChannel() for name in settings.notification_channels}
    channels: dict[str, Channel] = {}
    if settings.webhook_url and settings.webhook_secret:
        channels[WEBHOOK] = Webhook(settings.webhook_url, settings.webhook_secret)
    if settings.smtp_url and settings.mail_from:
        channels[MAIL] = Mail(settings.smtp_url, settings.mail_from.strip(), settings.recipients)
    return channels


def deliver_due(
    engine: sa.Engine,
    channels: Mapping[str, Channel],
    *,
    notify_replay: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    is_wanted: Callable[[], bool] = lambda: True,
) -> int:
    """Deliver what is due on these channels; return how many notifications were attempted.

    Any number of processes may do so at once: a notification is claimed in one transaction, sent
    outside of any, and settled in another. If a process dies in between, it is sent again. Once
    `is_wanted` returns False, nothing more is claimed. What a replay says reaches nobody, as in a
    dry run, unless `notify_replay` says that it may; what is later than its clock waits.
    """
    done = 0
    with reading(engine) as connection:
        event_at = replay_time(connection)
    if not notify_replay and event_at is not None:
        channels = {name: DryRunChannel() for name in channels}
    for name, channel in channels.items():
        while is_wanted() and (notice := _claimed(engine, name, now=clock(), event_at=event_at)):
            _deliver(engine, channel, notice=notice, clock=clock)
            done += 1
    return done


def wait_seconds(attempts: int, *, asked_seconds: float) -> float:
    """Return how long to wait after so many failed attempts [s].

    From 30 s doubling to 1 h, up to a fifth more or less, so that what failed together is not
    sent again together; never less than the receiver asked for.
    """
    backoff = Backoff(
        FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, (1 - _JITTER, 1 + _JITTER), failures=attempts - 1
    )
    return max(backoff.next_seconds(), min(asked_seconds, LONGEST_RETRY_AFTER_SECONDS))


def _claimed(
    engine: sa.Engine, channel: str, *, now: datetime, event_at: datetime | None
) -> Notification | None:
    # Read first, because on SQLite even a claim of nothing would block other writers.
    with reading(engine) as connection:
        if not is_any_due(connection, channel, now=now, event_at=event_at):
            return None
    return transact(engine, partial(claim, channel=channel, now=now, event_at=event_at))


def _deliver(
    engine: sa.Engine,
    channel: Channel,
    *,
    notice: Notification,
    clock: Callable[[], datetime],
) -> None:
    try:
        channel.deliver(notice, now=clock())
    # A channel that fails in an unforeseen way must not keep back the notices behind this one.
    except Exception as error:
        if not isinstance(error, UndeliveredError):
            # The message of an unforeseen error may hold an address with a password.
            _log.exception("notice %s: unforeseen error", notice.notice_id)
            error = UndeliveredError(f"unforeseen {type(error).__name__}; see the log")
        until = None
        if not (error.is_final or notice.attempts >= MOST_ATTEMPTS):
            wait = wait_seconds(notice.attempts, asked_seconds=error.retry_after_seconds)
            until = clock() + timedelta(seconds=wait)
        transact(engine, partial(postpone, notice=notice, until=until, error=str(error)))
        following = "given up" if until is None else f"next try at {until:%H:%M:%S} UTC"
        _log.warning("notice %s not delivered: %s; %s", notice.notice_id, error, following)
    else:
        state = DRY_RUN if isinstance(channel, DryRunChannel) else SENT
        transact(engine, partial(settle, notice=notice, state=state, now=clock()))
        summary = subject(json.loads(notice.body))
        _log.info("notice %s: %s: %s", notice.notice_id, state, summary)


def deliver_once(settings: NotificationSettings, *, is_dry_run: bool) -> str:
    """Deliver what is due now, and return a line about the state of the outbox."""
    channels = _channels(settings, is_dry_run=is_dry_run)
    engine = create_engine(settings)
    try:
        done = deliver_due(engine, channels, notify_replay=settings.replay_notify)
        with reading(engine) as connection:
            counts = notification_counts(connection)
    finally:
        engine.dispose()
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{done} notifications attempted; now {states}"


def retry_failed(settings: NotificationSettings) -> str:
    """Make failed notifications due again, and return a line about it."""
    engine = create_engine(settings)
    try:
        count = transact(engine, partial(requeue_failed, now=datetime.now(UTC)))
    finally:
        engine.dispose()
    return f"{count} failed notifications are due again"


def keep_delivering(settings: NotificationSettings, *, is_dry_run: bool) -> None:
    """Deliver until SIGTERM or Ctrl-C, each channel in a thread of its own."""
    channels = _channels(settings, is_dry_run=is_dry_run)
    engine = create_engine(settings)
    refuse_wrong_store(engine)
    with closing(StopSignal()) as stop:
        stop.install()
        threads = [
            threading.Thread(
                target=_keep_delivering,
                args=(engine, {name: channel}, stop),
                kwargs={"notify_replay": settings.replay_notify},
            )
            for name, channel in channels.items()
        ]
        for thread in threads:
            thread.start()
        # A signal is handled between two steps of this thread, also where another one received it.
        for thread in threads:
            while thread.is_alive():
                thread.join(_STEP_SECONDS)
    engine.dispose()


def _keep_delivering(
    engine: sa.Engine,
    channels: Mapping[str, Channel],
    stop: StopSignal,
    *,
    notify_replay: bool = False,
) -> None:
    pause = Backoff(PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, jitter=(1.0, 1.0))
    pause_seconds = PAUSE_SECONDS
    while not stop.wait(pause_seconds):
        pause_seconds = PAUSE_SECONDS
        try:
            deliver_due(
                engine,
                channels,
                notify_replay=notify_replay,
                is_wanted=lambda: not stop.is_set,
            )
            pause.reset()
        except FlarewatchError as error:
            _log.warning("notices: %s", error)
        except Exception:
            # It must not end the thread, since nobody would start another.
            _log.exception("notices failed")
            pause_seconds = pause.next_seconds(at_least=PAUSE_SECONDS)


def _channels(settings: NotificationSettings, *, is_dry_run: bool) -> dict[str, Channel]:
    channels = channels_of(settings, is_dry_run=is_dry_run)
    if not channels:
        raise InvalidInputError(
            "no channel is set up; set FLARE_WEBHOOK_URL or FLARE_SMTP_URL (docs/notices.md)"
        )
    return channels
