"""Delivery: every post reaches the API at least once, in order, through the spool if need be."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson

from data_sender.delivery.client import Answer, ApiUnavailableError, Transport, api_backoff
from data_sender.delivery.spool import Post, Spool, SpoolFullError
from data_sender.disk import DiskFullError, append_line, is_full
from data_sender.progress import Progress
from data_sender.rows import RowItems, Rows
from solar.process import GRACE_SECONDS, StopSignal

logger = logging.getLogger(__name__)

QUICK_ATTEMPTS = 4
_DISK_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_INDEX = re.compile(r"\d+")


class Delivery:
    """Posts straight to the API while it answers, and through the spool while it does not."""

    def __init__(
        self,
        transport: Transport,
        spool: Spool,
        *,
        folder: Path,
        stop: StopSignal,
        progress: Progress,
        handed_over: int = 0,
    ) -> None:
        self._transport = transport
        self._spool = spool
        self.rejected_path = folder / "rejected.jsonl"
        self._stop = stop
        self._progress = progress
        self._backoff = api_backoff()
        self._retry_at = 0.0
        self._handed_over = handed_over

    @property
    def is_done(self) -> bool:
        """Whether nothing waits for delivery."""
        return self._spool.is_empty

    def seconds_until_retry(self) -> float:
        """Return the time until `drain` tries again [s]."""
        return max(0.0, self._retry_at - time.monotonic())

    def deliver(self, post: Post) -> bool:
        """Post, or spool; return False when neither was possible before the stop signal."""
        self._handed_over = _sent(post, self._handed_over)
        if self._spool.is_empty and not self._stop.is_set:
            try:
                self._send(post, attempts=QUICK_ATTEMPTS)
            except ApiUnavailableError as error:
                logger.warning("%s; rows go to the spool", error)
                self._postpone(error)
            else:
                return True
        return self._spool_post(post)

    def begin(self, posts: Sequence[Post]) -> Callable[[], bool]:
        """Start to post several at the same time; return what waits for them as `deliver` does.

        Until it has been called nothing else may be delivered. Only the transport works in other
        threads. What it cannot deliver goes to the spool, in order.
        """
        self._handed_over = _sent(posts[-1], self._handed_over)
        if not self._spool.is_empty or self._stop.is_set:
            return partial(self._spool_all, posts)
        # The spool is empty, so that nothing waits behind these posts.
        calls = [partial(self._transport.send, _with_spooled(post, 0)) for post in posts]
        answers = [_in_thread(partial(call, attempts=QUICK_ATTEMPTS)) for call in calls]
        return partial(self._finish, posts, answers)

    def hand_over(self, post: Post) -> bool:
        """Post what can be read again from its source: it waits there, not in the spool.

        After a first attempt nobody knows whether the rows arrived, so that it is repeated until
        one succeeds; only the stop signal ends it, with False.
        """
        while not self._stop.is_set:
            try:
                self._send(post, attempts=1)
            except ApiUnavailableError as error:
                self._postpone(error)
                self._stop.wait(self.seconds_until_retry())
            else:
                self._backoff.reset()
                return True
        return False

    def drain(self) -> None:
        """Deliver what is spooled, oldest first, as far as the API accepts it."""
        while not self._stop.is_set and self.seconds_until_retry() == 0:
            post = self._spool.first()
            if post is None:
                return
            try:
                self._send(post, attempts=1)
            except ApiUnavailableError as error:
                self._postpone(error)
                return
            self._spool.discard_first()
            self._backoff.reset()
            self._progress.log()

    def drain_all(self) -> None:
        """Deliver everything that is spooled; return at the stop signal."""
        while not self.is_done and not self._stop.is_set:
            self.drain()
            self._stop.wait(self.seconds_until_retry())

    def reject(
        self, item: dict[str, Any], errors: list[Any], *, kind: str = "observations"
    ) -> None:
        """Write what cannot be delivered, and why, to the file of rejected rows.

        A full disk is waited for.

        Raises
        ------
        DiskFullError
            When the stop signal came before there was space; the row counts as not delivered.
        """
        line = orjson.dumps({kind.removesuffix("s"): item, "errors": errors}) + b"\n"
        while True:
            try:
                with self.rejected_path.open("ab", buffering=0) as file:
                    append_line(file, line)
            except OSError as error:
                if not is_full(error):
                    raise
                message = f"{self.rejected_path}: {error.strerror}; free space on that disk"
                logger.error("%s", message)
                if self._stop.wait(_DISK_PAUSE_SECONDS):
                    raise DiskFullError(message) from error
            else:
                return

    def _finish(self, posts: Sequence[Post], answers: Sequence[Future[Answer]]) -> bool:
        self._wait_for(answers)
        waiting = []
        for post, answer in zip(posts, answers, strict=True):
            try:
                self._take(post, answer.result(timeout=0), attempts=QUICK_ATTEMPTS)
            except ApiUnavailableError as error:
                logger.warning("%s; rows go to the spool", error)
                self._postpone(error)
                waiting.append(post)
            except TimeoutError:
                logger.warning("no answer when this sender was stopped; rows go to the spool")
                waiting.append(post)
        return self._spool_all(waiting)

    def _wait_for(self, answers: Sequence[Future[Answer]]) -> None:
        """Return when all answers are there, or the grace period after the stop signal is over."""
        stopped_at = None
        while wait(answers, _LOOK_SECONDS).not_done:
            if self._stop.is_set:
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() - stopped_at > GRACE_SECONDS:
                    return

    def _spool_all(self, posts: Sequence[Post]) -> bool:
        return all(self._spool_post(post) for post in posts)

    def _spool_post(self, post: Post) -> bool:
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
                    self._progress.counts["spooled"] += len(post.items)
                self.drain()
                return True

    def _postpone(self, error: ApiUnavailableError) -> None:
        wait = self._backoff.next_seconds(error.retry_after_seconds)
        self._retry_at = time.monotonic() + wait
        logger.info("the API is unavailable: %s; next attempt in %.1f s", error, wait)

    def _send(self, post: Post, *, attempts: int) -> None:
        sent = _sent(post, self._handed_over)
        behind = _with_spooled(post, max(0, self._handed_over - sent))
        self._take(post, self._transport.send(behind, attempts=attempts), attempts=attempts)

    def _take(self, post: Post, answer: Answer, *, attempts: int) -> None:
        """Take note of the answer to a post; halve and send again what was too large."""
        if answer.status == 413 and len(post.items) > 1:
            for half in _halves(post):
                self._send(half, attempts=attempts)
            return
        rejected = _rejected(answer, len(post.items))
        for index, errors in rejected.items():
            self.reject(post.items[index], errors, kind=post.kind)
        body = {**answer.body, "rejected": len(rejected)}
        self._progress.add_answer(post.kind, body, len(post.items))


def _in_thread(call: Callable[[], Answer]) -> Future[Answer]:
    """Call in a thread that does not keep the process from ending, as that of a pool would."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _sent(post: Post, otherwise: int) -> int:
    """Return up to where the count of the sender goes in a post, if it has one."""
    sent: int = post.extra.get("sender", {}).get("sent", otherwise)
    return sent


def _with_spooled(post: Post, spooled: int) -> Post:
    """Add to a post of counted rows how many wait behind them."""
    sender = post.extra.get("sender", {})
    if "sent" not in sender:
        return post
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

    An answer about the rows other than 200 accepted none of them: an item that it does not name
    gets the error of the call.
    """
    rejected: dict[int, list[Any]] = {}
    for entry in answer.body.get("rejected") or ():
        if isinstance(entry, dict) and 0 <= int(entry.get("index", -1)) < count:
            rejected[int(entry["index"])] = list(entry.get("errors") or [])
    if answer.status < 400:
        return rejected
    general = [answer.body.get("detail") or answer.body.get("title") or f"HTTP {answer.status}"]
    for error in answer.body.get("errors") or ():
        match = _INDEX.search(str(error.get("path", ""))) if isinstance(error, dict) else None
        if match and int(match.group()) < count:
            rejected.setdefault(int(match.group()), []).append(error)
    return {index: rejected.get(index) or general for index in range(count)}


class SentCounter(Protocol):
    """Counts the batches and the rows that a sender has handed over."""

    sequence: int
    sent: int


class BatchSender:
    """Sends rows as numbered posts, so that the API can tell when one never arrived.

    Rows that cannot be sent at all are written to the file of rejected rows instead.
    """

    def __init__(
        self,
        delivery: Delivery,
        deliver: Callable[[Post], bool],
        *,
        sender: str,
        counter: SentCounter,
        progress: Progress,
    ) -> None:
        self._delivery = delivery
        self._deliver = deliver
        self._sender = sender
        self._counter = counter
        self._progress = progress

    def send(self, rows: Rows) -> bool:
        """Hand rows over as one post; return False when the stop signal came before."""
        return self.begin([self.sendable(rows)])()

    def begin(self, parts: Sequence[Rows]) -> Callable[[], bool]:
        """Start to hand over sendable rows, each part of them as a post; return what ends it.

        A single post leaves only when the returned function is called, several leave at once.
        """
        posts = self._numbered(parts)
        if len(posts) > 1:
            return partial(self._count, posts, self._delivery.begin(posts))
        return partial(self._count, posts, lambda: all(map(self._deliver, posts)))

    def _numbered(self, parts: Sequence[Rows]) -> list[Post]:
        posts: list[Post] = []
        sequence, sent = self._counter.sequence, self._counter.sent
        for rows in parts:
            if len(rows):
                sequence, sent = sequence + 1, sent + len(rows)
                sender = {"id": self._sender, "sequence": sequence, "sent": sent}
                posts.append(Post("observations", RowItems(rows), {"sender": sender}))
        return posts

    def _count(self, posts: Sequence[Post], finish: Callable[[], bool]) -> bool:
        if not finish():
            return False
        self._counter.sequence += len(posts)
        self._counter.sent += sum(len(post.items) for post in posts)
        return True

    def sendable(self, rows: Rows) -> Rows:
        """Return the rows that can be sent; the others are written down as rejected."""
        faults = rows.faults()
        for index, reason in faults.items():
            row = rows.take(slice(index, index + 1)).observations()[0]
            self._delivery.reject(row, [reason])
        self._progress.counts["unreadable"] += len(faults)
        if not faults:
            return rows
        return rows.take(np.setdiff1d(np.arange(len(rows)), np.fromiter(faults, np.int64)))
