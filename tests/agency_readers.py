"""Readers of the two agencies, as the sender reads them, that keep what would be sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from replayed_agencies import NOW, Agencies

from data_sender.delivery.spool import Post
from data_sender.position import Position
from data_sender.sources.live.feed import Feed, Pace
from data_sender.sources.live.jsoc import SERIES, Checkpoints, Jsoc, Plan
from data_sender.sources.live.sent_state import SentState
from data_sender.sources.live.swpc import Swpc
from solar.process import StopSignal
from solar.time import nearest_slot

BEGIN = nearest_slot(datetime(2014, 3, 1, tzinfo=UTC))
HOUR = timedelta(hours=1)


class JsocReader:
    """Reads the source as the sender does, for some rounds, and keeps what would be sent."""

    def __init__(self, agencies: Agencies, folder: Path, stop: StopSignal) -> None:
        self.agencies, self.folder, self.stop = agencies, folder, stop
        self.now = BEGIN + 2 * HOUR
        self.sent: list[dict[str, Any]] = []

    def read(
        self, *, rounds: int = 1, between: Callable[[], None] = lambda: None, **plan: Any
    ) -> None:
        left = [rounds]

        def rest(seconds: float) -> bool:
            # A wait of the cadence ends a round; those of failures are short.
            if seconds >= 0.5:
                left[0] -= 1
                between()
            return left[0] == 0

        feed = Feed(self.agencies.jsoc_url, self.stop, timeout_seconds=0.2)
        plan = {"series": SERIES["definitive"], "start_at": BEGIN} | plan
        source = Jsoc(
            feed,
            Plan(**plan),
            Checkpoints(self.folder / "jsoc.json"),
            pace=Pace(1.0, longest_seconds=0.01),
            rest=rest,
            clock=lambda: self.now,
        )
        for chunk in source.chunks(Position()):
            self.sent += chunk.rows.observations()
        feed.close()

    @property
    def times(self) -> list[str]:
        return [row["t_rec"] for row in self.sent]


class SwpcReader:
    """Reads every product once a call, with a memory on disk, and keeps what is posted."""

    def __init__(self, agencies: Agencies, folder: Path, stop: StopSignal) -> None:
        self.agencies, self._path, self._stop = agencies, folder / "swpc.json", stop
        self.now = NOW
        self.posts: list[Post] = []
        self.is_stopped = False
        self.start()

    def start(self) -> None:
        self._feed = Feed(self.agencies.swpc_url, self._stop, timeout_seconds=1.0)
        self._swpc = Swpc(self._feed, SentState(self._path), self._deliver, clock=lambda: self.now,
                          every_seconds=1e-6)  # fmt: skip

    def read(self) -> list[str]:
        self.posts = []
        return self._swpc.read()

    def items(self, kind: str) -> list[dict[str, Any]]:
        return [item for post in self.posts if post.kind == kind for item in post.items]

    @property
    def covers(self) -> list[tuple[str, str]]:
        spans = [post.extra["covers"] for post in self.posts if "covers" in post.extra]
        return [(span["from"][11:16], span["to"][11:16]) for span in spans]

    def _deliver(self, post: Post) -> bool:
        self.posts += [] if self.is_stopped else [post]
        return not self.is_stopped

    def close(self) -> None:
        self._feed.close()
