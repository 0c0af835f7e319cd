"""The carrier: what takes posts to where they are stored, whichever way."""

from __future__ import annotations

from typing import Protocol

from data_sender.delivery.client import Answer
from data_sender.delivery.spool import Post


class Carrier(Protocol):
    """Takes a post, or raises ApiAwayError (later, perhaps) or ApiRefusedError (never)."""

    def send(self, post: Post, *, attempts: int) -> Answer:
        """Return when the post is stored, or safe with whoever stores it."""

    def close(self) -> None:
        """Close the connection."""
