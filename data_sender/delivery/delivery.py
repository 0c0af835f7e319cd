"""Delivery: every post reaches the API once at least, in order, over the spool if need be."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from data_sender.delivery.carrier import Carrier
from data_sender.delivery.client import Answer, ApiAwayError, Backoff
from data_sender.delivery.spool import Post, Spool, SpoolFullError
from data_sender.stop import StopSignal
from data_sender.tally import Tally

logger = logging.getLogger(__name__)

QUICK_ATTEMPTS = 4
_INDEX = re.compile(r"\d+")


class Delivery:
    """Posts straight to the API while it answers, and through the spool while it does not."""

    def __init__(
        self, client: Carrier, spool: Spool, *,
        folder: Path, stop: StopSignal, tally: Tally, handed_over: int = 0,
    ) -> None:  # fmt: skip
        self._client = client
        self._spool = spool
        self.rejected_path = folder / "rejected.jsonl"
        self._stop = stop
        self._tally = tally
        self._backoff = Backoff()
        self._retry_at = 0.0
        self._handed_over = handed_over

    @property
    def is_done(self) -> bool:
        """Whether nothing waits for delivery."""
        return self._spool.is_empty

    def seconds_until_retry(self) -> float:
        """Return when `drain` will try again [s]."""
        return max(0.0, self._retry_at - time.monotonic())

    def deliver(self, post: Post) -> bool:
        """Post, or spool; tell False when neither was possible before the wish to stop."""
        self._handed_over = post.extra.get("sender", {}).get("sent", self._handed_over)
        if self._spool.is_empty and not self._stop.is_set:
            try:
                self._send(post, attempts=QUICK_ATTEMPTS)
            except ApiAwayError as error:
                logger.warning("%s; rows go to the spool", error)
                self._postpone(error)
            else:
                return True
        return self._keep(post)

    def hand_over(self, post: Post) -> bool:
        """Post what can be read again from its source: it waits there, not in the spool.

        Who has tried once must go on, since nobody knows whether the rows came; only the wish
        to stop ends it, with False.
        """
        while not self._stop.is_set:
            try:
                self._send(post, attempts=1)
            except ApiAwayError as error:
                self._postpone(error)
                self._stop.wait(self.seconds_until_retry())
            else:
                self._backoff.reset()
                return True
        return False

    def drain(self) -> None:
        """Deliver what is spooled, oldest first, as far as the API takes it."""
        while not self._stop.is_set and self.seconds_until_retry() == 0:
            post = self._spool.first()
            if post is None:
                return
            try:
                self._send(post, attempts=1)
            except ApiAwayError as error:
                self._postpone(error)
                return
            self._spool.discard_first()
            self._backoff.reset()
            self._tally.tell()

    def reject(
        self, item: dict[str, Any], errors: list[Any], *, kind: str = "observations"
    ) -> None:
        """Write down what cannot be delivered, and why."""
        line = {kind.removesuffix("s"): item, "errors": errors}
        with self.rejected_path.open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")

    def _keep(self, post: Post) -> bool:
        while True:
            try:
                self._spool.append(post)
            except SpoolFullError as error:
                logger.error("%s", error)
                if self._stop.wait(max(1.0, self.seconds_until_retry())):
                    return False
                self.drain()
            else:
                if post.kind == "observations":
                    self._tally.counts["spooled"] += len(post.items)
                self.drain()
                return True

    def _postpone(self, error: ApiAwayError) -> None:
        wait = self._backoff.next_seconds(error.retry_after_seconds)
        self._retry_at = time.monotonic() + wait
        logger.info("the API is away: %s; next try in %.1f s", error, wait)

    def _send(self, post: Post, *, attempts: int) -> None:
        answer = self._client.send(self._with_spooled(post), attempts=attempts)
        if answer.status == 413 and len(post.items) > 1:
            for half in _halves(post):
                self._send(half, attempts=attempts)
            return
        rejected = _rejected(answer, len(post.items))
        for index, errors in rejected.items():
            self.reject(post.items[index], errors, kind=post.kind)
        body = {**answer.body, "rejected": len(rejected)}
        self._tally.add_answer(post.kind, body, len(post.items))

    def _with_spooled(self, post: Post) -> Post:
        """Add how many rows wait behind those of this post: all that are handed over by now."""
        sender = post.extra.get("sender", {})
        if "sent" not in sender:
            return post
        spooled = max(0, self._handed_over - sender["sent"])
        return replace(post, extra={**post.extra, "sender": {**sender, "spooled": spooled}})


def _halves(post: Post) -> tuple[Post, Post]:
    """Cut a post in two; the first half counts as sent only what it holds."""
    middle = len(post.items) // 2
    extra = post.extra
    if "sent" in extra.get("sender", {}):
        sent = extra["sender"]["sent"] - (len(post.items) - middle)
        extra = {**extra, "sender": {**extra["sender"], "sent": sent}}
    return (
        Post(post.kind, post.items[:middle], extra),
        Post(post.kind, post.items[middle:], post.extra),
    )


def _rejected(answer: Answer, count: int) -> dict[int, list[Any]]:
    """Return the errors of each rejected item by its index.

    An answer about the rows other than 200 took none of them: an item that it does not name
    gets what was said about the call.
    """
    found: dict[int, list[Any]] = {}
    for entry in answer.body.get("rejected") or ():
        if isinstance(entry, dict) and 0 <= int(entry.get("index", -1)) < count:
            found[int(entry["index"])] = list(entry.get("errors") or [])
    if answer.status < 400:
        return found
    general = [answer.body.get("detail") or answer.body.get("title") or f"HTTP {answer.status}"]
    for error in answer.body.get("errors") or ():
        match = _INDEX.search(str(error.get("path", ""))) if isinstance(error, dict) else None
        if match and int(match.group()) < count:
            found.setdefault(int(match.group()), []).append(error)
    return {index: found.get(index) or general for index in range(count)}
