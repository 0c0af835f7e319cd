"""The heartbeat of a sender: it is there also while it waits, and says when it has finished."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from data_sender.delivery.client import ApiClient, ApiRefusedError, ApiUnavailableError
from data_sender.repeating import Repeating

logger = logging.getLogger(__name__)

PATH = "/api/v1/senders"
_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Heartbeat:
    """What a sender says of itself beside its rows; nobody waits for an answer to it."""

    api: ApiClient
    sender: str

    def finish(self) -> None:
        """Say that all is delivered and nothing more comes."""
        self._say(is_finished=True)

    def beat(self) -> None:
        """Say that this sender is there."""
        self._say(is_finished=False)

    def _say(self, *, is_finished: bool) -> None:
        try:
            self.api.post_json(PATH, {"sender": self.sender, "finished": is_finished})
        except (ApiUnavailableError, ApiRefusedError) as error:
            logger.debug("no heartbeat: %s", error)


@contextmanager
def beating(api: ApiClient, sender: str) -> Iterator[Heartbeat]:
    """Let the heart of a sender beat until the block ends."""
    heartbeat = Heartbeat(api, sender)
    repeating = Repeating(heartbeat.beat, _EVERY_SECONDS)
    repeating.start()
    try:
        yield heartbeat
    finally:
        repeating.close()
