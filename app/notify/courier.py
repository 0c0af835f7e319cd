"""The courier: a process of its own that delivers notices, beside the server or in its place."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa

from app.notify.channel import Channel
from app.notify.delivery import channels_of, deliver_due
from app.notify.settings import NoticeSettings
from database.engine import create_engine, reading, transact
from database.notifications import notification_counts, requeue_failed
from solar.errors import FlarewatchError, InvalidInputError

PAUSE_SECONDS = 2.0

_log = logging.getLogger(__name__)


def deliver_once(settings: NoticeSettings, *, is_dry_run: bool) -> str:
    """Deliver what is due now and say how the outbox stands then."""
    channels = _channels(settings, is_dry_run=is_dry_run)
    engine = create_engine(settings)
    try:
        done = deliver_due(engine, channels)
        with reading(engine) as connection:
            counts = notification_counts(connection)
    finally:
        engine.dispose()
    standing = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{done} notices taken in hand; now {standing}"


def retry_failed(settings: NoticeSettings) -> str:
    """Put what was given up back among what is due."""
    engine = create_engine(settings)
    try:
        count = transact(engine, partial(requeue_failed, now=datetime.now(UTC)))
    finally:
        engine.dispose()
    return f"{count} failed notices are due again"


def keep_delivering(settings: NoticeSettings, *, is_dry_run: bool) -> None:
    """Deliver until SIGTERM or Ctrl-C, each channel in a thread of its own."""
    channels = _channels(settings, is_dry_run=is_dry_run)
    engine = create_engine(settings)
    is_stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_stopped.set())
    signal.signal(signal.SIGINT, lambda *_: is_stopped.set())
    threads = [
        threading.Thread(target=_keep_delivering, args=(engine, {name: channel}, is_stopped))
        for name, channel in channels.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()


def _keep_delivering(
    engine: sa.Engine, channels: Mapping[str, Channel], is_stopped: threading.Event
) -> None:
    while not is_stopped.wait(PAUSE_SECONDS):
        try:
            deliver_due(engine, channels, is_wanted=lambda: not is_stopped.is_set())
        except FlarewatchError as error:
            _log.warning("notices: %s", error)


def _channels(settings: NoticeSettings, *, is_dry_run: bool) -> dict[str, Channel]:
    channels = channels_of(settings, is_dry_run=is_dry_run)
    if not channels:
        raise InvalidInputError(
            "nobody is to be told; set FLARE_WEBHOOK_URL or FLARE_SMTP_URL (docs/notices.md)"
        )
    return channels
