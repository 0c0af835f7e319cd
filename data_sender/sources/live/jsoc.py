"""JSOC: SHARP records as they are published, requested in slices of time, again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import orjson

from data_sender.disk import replace_file
from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.source import Chunk
from data_sender.sources.live.feed import Feed, FeedError, Pace
from data_sender.sources.live.jsoc_answer import (
    REQUESTED_KEYWORDS,
    JsocAnswer,
    NoaaNames,
    read_answer,
)
from solar.errors import InvalidInputError
from solar.sharp import (
    CADENCE_SECONDS,
    NEAR_REAL_TIME_SUFFIX,
    SHARP_SERIES,
    is_near_real_time,
)
from solar.time import (
    is_slot_of,
    isoformat,
    parse_time,
    slot_before,
    slot_from,
    tai_label,
    to_datetime,
    to_datetime64,
)

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
CADENCE = timedelta(seconds=CADENCE_SECONDS)

# Series, time since 1970 [us], HARPNUM and NOAA numbers.
_Key = tuple[str, int, int, tuple[int, ...]]
_NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Plan:
    """What to request: series, from when (the checkpoint wins), to when (None: for ever).

    Of each region the records at the slots of `cadence` are requested. `slice_length` bounds one
    answer; `lookback` is requested again each time, because the records of one moment do not all
    appear at once.
    """

    series: Sequence[str]
    start_at: datetime | None = None
    end_at: datetime | None = None
    cadence: timedelta = CADENCE
    slice_length: timedelta = timedelta(days=1)
    lookback: timedelta = timedelta(hours=6)

    @property
    def step(self) -> str:
        """The cadence as JSOC reads it behind a range of times; empty for every record."""
        seconds = self.cadence.total_seconds()
        return "" if self.cadence == CADENCE else f"@{seconds:.0f}s"


class Checkpoints:
    """The newest record of each series that is delivered or spooled, kept on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest = _load(path)

    def get(self, series: str) -> datetime | None:
        """Return the time of the newest record, None before the first."""
        return self._newest.get(series)

    def advance(self, series: str, at: datetime) -> None:
        """Save the time of a record if it is the newest; call it for what is handed over."""
        before = self._newest.get(series)
        if before is None or at > before:
            self._newest[series] = at
            labels = {name: isoformat(newest) for name, newest in self._newest.items()}
            replace_file(self._path, orjson.dumps(labels, option=orjson.OPT_INDENT_2))

    def forget(self) -> None:
        """Start every series over."""
        self._newest = {}
        self._path.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, datetime]:
    if not path.exists():
        return {}
    try:
        labels = orjson.loads(path.read_bytes())
        return {str(name): parse_time(label) for name, label in labels.items()}
    except (orjson.JSONDecodeError, AttributeError, TypeError, InvalidInputError) as error:
        # Sending twice is harmless, since the API knows its rows; not sending is not.
        logger.warning("%s cannot be read (%s): starting over", path, error)
        return {}


class Deduplicator:
    """Leaves out records of the repeatedly requested stretch that were sent as they are.

    Its state ends with the process: after a restart the stretch is sent once more, and the API
    finds duplicates.
    """

    def __init__(self) -> None:
        self._known: dict[_Key, bytes] = {}

    def new_rows(self, rows: Rows) -> Rows:
        """Return the rows that are unknown or have changed, in their order."""
        digests = zip(_keys(rows), _contents(rows), strict=True)
        return rows.take(np.array([self._known.get(k) != c for k, c in digests], bool))

    def add(self, rows: Rows) -> None:
        """Record these rows as sent."""
        self._known.update(zip(_keys(rows), _contents(rows), strict=True))

    def forget_before(self, series: str, at: datetime) -> None:
        """Forget the records of a series before a time."""
        limit = int(to_datetime64(at).astype(np.int64))
        self._known = {
            key: content
            for key, content in self._known.items()
            if key[0] != series or key[1] >= limit or key[1] == _NO_TIME
        }


def _keys(rows: Rows) -> list[_Key]:
    times = rows.t_rec.astype(np.int64).tolist()
    names = rows.series.rows(), times, rows.harpnum.tolist(), rows.noaa_ars.rows()
    return list(zip(*names, strict=True))


def _contents(rows: Rows) -> list[bytes]:
    made_at = rows.made_at.view(np.float64)
    columns = (made_at, rows.lon_fwt, rows.lat_fwt, rows.quality, rows.keywords)
    return [row.tobytes() for row in np.column_stack(columns)]


class Jsoc:
    """The records of one or two series: the past in slices, then what is new, every 720 s."""

    fingerprint = "jsoc"
    flare_source = None
    covers_from = None
    continues_past_end = False

    def __init__(
        self,
        feed: Feed,
        plan: Plan,
        checkpoints: Checkpoints,
        *,
        pace: Pace,
        rest: Callable[[float], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._feed = feed
        self._plan = plan
        self._checkpoints = checkpoints
        self._pace = pace
        self._rest = rest
        self._clock = clock
        self._names = NoaaNames()
        self._deduplicator = Deduplicator()
        self._merged: set[int] = set()
        self._began_at = clock()

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        """The same time: each flare is published when it has ended."""
        return moment

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Yield what is new, a slice at a time; a slice that fails is requested again.

        The generator resumes once its chunk is delivered or spooled: only then a checkpoint moves.
        """
        while True:
            for series in self._plan.series:
                yield from self._read_series(series)
            if self._plan.end_at is not None or self._rest(self._pace.after_answer()):
                return

    def _read_series(self, series: str) -> Iterator[Chunk]:
        for begin_at, end_at in self._slices(series):
            answer = self._request(series, begin_at, end_at)
            if answer is None:
                return
            self._log_merged(answer.merged)
            rows = self._deduplicator.new_rows(self._sendable(answer.rows))
            if len(rows):
                yield Chunk(rows)
                self._deduplicator.add(rows)
            times = answer.rows.t_rec[~np.isnat(answer.rows.t_rec)]
            if len(times):
                self._checkpoints.advance(self._checkpoint(series), to_datetime(times[-1]))
            self._deduplicator.forget_before(series, self._begin(series))

    def _slices(self, series: str) -> Iterator[tuple[datetime, datetime]]:
        """Divide the requested time into slices [begin, end), which begin at slots."""
        last_at = self._clock() if self._plan.end_at is None else self._plan.end_at
        begin_at = self._slot(self._begin(series))
        while begin_at < last_at:
            end_at = min(begin_at + self._plan.slice_length, last_at)
            yield begin_at, end_at
            begin_at = self._slot(end_at) if end_at < last_at else last_at

    def _slot(self, at: datetime) -> datetime:
        """Return the slot of the record of a time, or the next one of the cadence."""
        # JSOC counts the steps of a range from its beginning.
        return slot_from(slot_before(at), cadence=self._plan.cadence)

    def _begin(self, series: str) -> datetime:
        newest_at = self._checkpoints.get(self._checkpoint(series))
        if newest_at is not None:
            return newest_at - self._plan.lookback
        if self._plan.start_at is not None:
            return self._plan.start_at
        is_nrt = is_near_real_time(series)
        return self._began_at - (FIRST_LOOK if is_nrt else FIRST_LOOK_DEFINITIVE)

    def _checkpoint(self, series: str) -> str:
        """Name the checkpoint of a series; a cadence and a range with an end have their own."""
        start_at, end_at = self._plan.start_at, self._plan.end_at
        name = f"{series}{self._plan.step}"
        if end_at is None:
            return name
        return f"{name} {isoformat(start_at) if start_at else ''} to {isoformat(end_at)}"

    def _request(self, series: str, begin_at: datetime, end_at: datetime) -> JsocAnswer | None:
        """Request until there is an answer that can be used; None at the stop signal."""
        # The last slot before the end, because JSOC's ranges include both ends.
        until = tai_label(slot_before(end_at - timedelta(seconds=1)))
        records = f"{series}[][{tai_label(begin_at)}-{until}{self._plan.step}]"
        while True:
            try:
                content = self._feed.get(ds=records, op="rs_list", key=",".join(REQUESTED_KEYWORDS))
                answer = read_answer(content, series)
            except FeedError as error:
                wait = self._pace.after_failure()
                logger.error(
                    "%s from %s: %s; next attempt in %.1f s",
                    series,
                    isoformat(begin_at),
                    error,
                    wait,
                )
                if self._plan.end_at is not None and self._pace.failures >= MOST_FAILURES:
                    raise
                if self._rest(wait):
                    return None
            else:
                self._pace.after_answer()
                return answer

    def _sendable(self, rows: Rows) -> Rows:
        """Name the records by NOAA numbers; definitive records alone keep their HARPNUM.

        What a mirror that ignores the cadence has sent between its slots is left out.
        """
        if self._plan.step:
            rows = rows.take(is_slot_of(rows.t_rec, self._plan.cadence) | np.isnat(rows.t_rec))
        has_nrt = any(map(is_near_real_time, self._plan.series))
        return self._names.named(rows) if has_nrt else rows

    def _log_merged(self, harps: Sequence[int]) -> None:
        for harp in sorted(set(harps) - self._merged):
            self._merged.add(harp)
            logger.info("HARP %d has merged with another: its keywords jump there", harp)
