"""JSOC: SHARP records as they are published, asked for in slices of time, again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from data_sender.live.feed import Feed, FeedError
from data_sender.live.frontiers import Frontiers
from data_sender.live.jsoc_answer import ASKED, Answer, read_answer
from data_sender.live.novelty import Novelty
from data_sender.live.pace import Pace
from data_sender.live.regions import NoaaNames
from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.source import Chunk
from solar.sharp import (
    CADENCE_SECONDS,
    NEAR_REAL_TIME_SUFFIX,
    SHARP_SERIES,
    is_near_real_time,
)
from solar.slots import slot_before, tai_label
from solar.time import isoformat, to_datetime

logger = logging.getLogger(__name__)

SERIES = {
    "definitive": (SHARP_SERIES,),
    "nrt": (SHARP_SERIES + NEAR_REAL_TIME_SUFFIX,),
    "both": (SHARP_SERIES + NEAR_REAL_TIME_SUFFIX, SHARP_SERIES),
}
# Where a sender begins that has no position: definitive records come some five weeks late.
FIRST_LOOK = timedelta(days=2)
FIRST_LOOK_DEFINITIVE = timedelta(days=45)
# A range with an end is given up, with a status, after so many failures in a row.
MOST_FAILURES = 5
_CADENCE = timedelta(seconds=CADENCE_SECONDS)


@dataclass(frozen=True)
class Plan:
    """What is asked for: series, from when (the kept position wins), to when (None: for ever).

    `slice_length` bounds one answer; `lookback` is asked for again each time, because the
    records of one moment do not all appear at once.
    """

    series: Sequence[str]
    start_at: datetime | None = None
    end_at: datetime | None = None
    slice_length: timedelta = timedelta(days=1)
    lookback: timedelta = timedelta(hours=6)


class Jsoc:
    """The records of one or two series: the past in slices, then what is new, every 720 s."""

    fingerprint = "jsoc"
    flare_source = None
    covers_from = None
    runs_on = False

    def __init__(
        self, feed: Feed, plan: Plan, frontiers: Frontiers, *,
        pace: Pace, rest: Callable[[float], bool], clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._feed = feed
        self._plan = plan
        self._frontiers = frontiers
        self._pace = pace
        self._rest = rest
        self._clock = clock
        self._names = NoaaNames()
        self._novelty = Novelty()
        self._merged: set[int] = set()
        self._began_at = clock()

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Give what is new, a slice at a time; a slice that fails is asked for again.

        The generator goes on once its chunk is delivered or spooled: only then a frontier moves.
        """
        while True:
            for series in self._plan.series:
                yield from self._sweep(series)
            if self._plan.end_at is not None or self._rest(self._pace.after_answer()):
                return

    def _sweep(self, series: str) -> Iterator[Chunk]:
        for begin_at, end_at in self._slices(series):
            answer = self._ask(series, begin_at, end_at)
            if answer is None:
                return
            self._tell_merged(answer.merged)
            rows = self._novelty.new_of(self._sendable(answer.rows))
            if len(rows):
                yield Chunk(rows)
                self._novelty.remember(rows)
            seen = answer.rows.t_rec[~np.isnat(answer.rows.t_rec)]
            if len(seen):
                self._frontiers.advance(self._name(series), to_datetime(seen[-1]))
            self._novelty.forget_before(series, self._begin(series))

    def _slices(self, series: str) -> Iterator[tuple[datetime, datetime]]:
        """Divide what is to be asked for into slices [begin, end), on the slots of T_REC."""
        last_at = self._clock() if self._plan.end_at is None else self._plan.end_at
        begin_at = slot_before(self._begin(series))
        while begin_at < last_at:
            end_at = min(begin_at + self._plan.slice_length, last_at)
            yield begin_at, end_at
            begin_at = slot_before(end_at) if end_at < last_at else last_at

    def _begin(self, series: str) -> datetime:
        frontier = self._frontiers.of(self._name(series))
        if frontier is not None:
            return frontier - self._plan.lookback
        if self._plan.start_at is not None:
            return self._plan.start_at
        is_quick = is_near_real_time(series)
        return self._began_at - (FIRST_LOOK if is_quick else FIRST_LOOK_DEFINITIVE)

    def _name(self, series: str) -> str:
        """Name the frontier: a range with an end has one of its own, beside that of the present."""
        start_at, end_at = self._plan.start_at, self._plan.end_at
        if end_at is None:
            return series
        return f"{series} {isoformat(start_at) if start_at else ''} to {isoformat(end_at)}"

    def _ask(self, series: str, begin_at: datetime, end_at: datetime) -> Answer | None:
        """Ask until there is an answer that can be used; None at the wish to stop."""
        # The last slot before the end, because JSOC's ranges include both ends.
        until = tai_label(slot_before(end_at - timedelta(seconds=1)))
        records = f"{series}[][{tai_label(begin_at)}-{until}]"
        while True:
            try:
                content = self._feed.ask(ds=records, op="rs_list", key=",".join(ASKED))
                answer = read_answer(content, series)
            except FeedError as error:
                wait = self._pace.after_failure()
                logger.error(
                    "%s from %s: %s; asked again in %.1f s",
                    series, isoformat(begin_at), error, wait,
                )  # fmt: skip
                if self._plan.end_at is not None and self._pace.failures >= MOST_FAILURES:
                    raise
                if self._rest(wait):
                    return None
            else:
                self._pace.after_answer()
                return answer

    def _sendable(self, rows: Rows) -> Rows:
        """Name the records; definitive ones alone stand under their HARPNUM."""
        has_quick = any(map(is_near_real_time, self._plan.series))
        return self._names.named(rows) if has_quick else rows

    def _tell_merged(self, harps: Sequence[int]) -> None:
        for harp in sorted(set(harps) - self._merged):
            self._merged.add(harp)
            logger.info("HARP %d has merged with another: its keywords jump there", harp)
