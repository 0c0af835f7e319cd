"""A channel: one way to reach people, which delivers a notice or says why it could not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from database.notifications import Notification
from solar.errors import FlarewatchError

# A receiver that accepts but does not answer must not hold up the notices behind it.
TIMEOUT_SECONDS = 10.0


class UndeliveredError(FlarewatchError):
    """The other side did not take the notice; the message names no password and no key.

    `is_final` when it would refuse the same notice again; `retry_after_seconds` is what it
    asked for, 0 when it said nothing.
    """

    def __init__(
        self, message: str, *, is_final: bool = False, retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_after_seconds = retry_after_seconds


class Channel(Protocol):
    """What the delivery needs of a way to reach people."""

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Hand the notice over, or raise UndeliveredError."""


@dataclass(frozen=True)
class Silence:
    """The channel of a dry run, which reaches nobody."""

    def deliver(self, notice: Notification, *, now: datetime) -> None:
        """Do nothing; the delivery logs what would have been sent."""
