"""The delivery: whatever waits in the outbox, handed over once at least."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from app.notify.channel import Channel, Silence, UndeliveredError
from app.notify.letter import subject
from app.notify.mail import Mail
from app.notify.settings import MAIL, WEBHOOK, NoticeSettings
from app.notify.webhook import Webhook
from database.engine import reading, transact
from database.notifications import (
    DRY_RUN,
    SENT,
    Notification,
    claim,
    is_any_due,
    postpone,
    settle,
)

MOST_ATTEMPTS = 10
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0
# What a receiver may ask for; beyond that nobody would miss the alert any more.
LONGEST_RETRY_AFTER_SECONDS = 86_400.0
_JITTER = 0.2

_log = logging.getLogger(__name__)


def channels_of(settings: NoticeSettings, *, is_dry_run: bool = False) -> dict[str, Channel]:
    """Return the channels that are set up, by name; in a dry run they reach nobody."""
    if is_dry_run or settings.notify_dry_run:
        return {name: Silence() for name in settings.notice_channels}
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
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    rng: random.Random | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> int:
    """Deliver what is due on these channels; return how many notices were taken in hand.

    Any number of processes may do so at once: a notice is claimed in one transaction, sent
    outside of any, and settled in another. Who dies in between leaves it to be sent again.
    Once `is_wanted` says no, nothing more is claimed.
    """
    done = 0
    for name, channel in channels.items():
        while is_wanted() and (notice := _claimed(engine, name, now=clock())):
            _deliver(engine, channel, notice=notice, clock=clock, rng=rng or random.Random())
            done += 1
    return done


def wait_seconds(attempts: int, *, asked_seconds: float, rng: random.Random) -> float:
    """Return how long to wait after so many failed attempts [s].

    From 30 s doubling to 1 h, up to a fifth more or less, so that what failed together does
    not come back together; never less than the receiver asked for.
    """
    longer: float = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempts - 1))
    own = longer * rng.uniform(1 - _JITTER, 1 + _JITTER)
    return max(own, min(asked_seconds, LONGEST_RETRY_AFTER_SECONDS))


def _claimed(engine: sa.Engine, channel: str, *, now: datetime) -> Notification | None:
    # Looked first, because on SQLite even a vain claim would stop whoever writes.
    with reading(engine) as connection:
        if not is_any_due(connection, channel, now=now):
            return None
    return transact(engine, lambda connection: claim(connection, channel, now=now))


def _deliver(
    engine: sa.Engine, channel: Channel, *,
    notice: Notification, clock: Callable[[], datetime], rng: random.Random,
) -> None:  # fmt: skip
    try:
        channel.deliver(notice, now=clock())
    except UndeliveredError as error:
        until = (
            None
            if _is_over(notice, error)
            else clock()
            + timedelta(
                seconds=wait_seconds(
                    notice.attempts, asked_seconds=error.retry_after_seconds, rng=rng
                )
            )
        )
        transact(engine, partial(postpone, notice=notice, until=until, error=str(error)))
        fate = "given up" if until is None else f"next try at {until:%H:%M:%S} UTC"
        _log.warning("notice %s not delivered: %s; %s", notice.notice_id, error, fate)
    else:
        state = DRY_RUN if isinstance(channel, Silence) else SENT
        transact(engine, partial(settle, notice=notice, state=state, now=clock()))
        said = subject(json.loads(notice.body))
        _log.info("notice %s: %s: %s", notice.notice_id, state, said)


def _is_over(notice: Notification, error: UndeliveredError) -> bool:
    return error.is_final or notice.attempts >= MOST_ATTEMPTS
