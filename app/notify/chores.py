"""The chores of telling: what the workers of the server deliver between requests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from app.chores import Chore
from app.notify.channel import Channel
from app.notify.courier import PAUSE_SECONDS
from app.notify.delivery import channels_of, deliver_due
from app.notify.settings import NoticeSettings
from app.services import Services


def chores_of(settings: NoticeSettings) -> list[Chore]:
    """Return one chore for each channel; each wants a thread, lest one hold up the other."""
    return [
        Chore(f"notices by {name}", PAUSE_SECONDS, partial(_deliver, {name: channel}))
        for name, channel in channels_of(settings).items()
    ]


def _deliver(channels: Mapping[str, Channel], given: Services) -> int:
    return deliver_due(given.engine, channels, clock=given.clock)
