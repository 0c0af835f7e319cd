"""A faulty source: another source to which a tester adds the faults of a TOML file.

What happens to a row follows from the fault, the region and the time of the row alone, so that the
same file and source give the same faults at any speed and batch, from any number of replicas, and
after a kill.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_sender.delivery.spool import Post
from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sharding.shard import exclude_delivered
from data_sender.source import Chunk, FlareReport, Source, event_times
from data_sender.xrays import XrayMinutes
from solar.columns import Bools, Floats, Integers, Times
from solar.errors import InvalidInputError
from solar.injected_faults import AMOUNTS, InjectedFault, Kind, checked_fault
from solar.sharp import QUALITY_LIMIT
from solar.time import isoformat, parse_time, to_datetime64

MOST_FAULTS = 100
OF_XRAYS: frozenset[Kind] = frozenset({"xrs-gap", "satellite-switch"})
# The API takes no latitude beyond 90 deg.
CORRUPT_LATITUDE = 999.0
_SECOND = np.timedelta64(1, "s")
_FIRST, _SECOND_FACTOR, _THIRD = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class _Entry(BaseModel):
    """One ``[[fault]]`` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Kind
    from_: datetime | str = Field(alias="from")
    to: datetime | str
    region: int | None = None
    amount: float | None = None
    seed: int = 1


def read_faults(path: Path) -> tuple[InjectedFault, ...]:
    """Read the faults of a TOML file, in its order.

    Raises
    ------
    InvalidInputError
        When the file is no list of faults, with its name, the fault and the field.
    """
    entries = _entries(path)
    faults = tuple(_fault(entry, f"{path.name}: fault {n}") for n, entry in enumerate(entries, 1))
    places: dict[str, int] = {}
    for n, fault in enumerate(faults, 1):
        first = places.setdefault(fault.fault_id, n)
        if first != n:
            raise InvalidInputError(f"{path.name}: fault {n} is fault {first} again; remove one")
    return faults


def _entries(path: Path) -> list[Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is not UTF-8 text; save it as such") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{path.name} is not TOML: {error}") from error
    entries = content.get("fault")
    if set(content) != {"fault"} or not isinstance(entries, list) or not entries:
        raise InvalidInputError(f"{path.name}: write each fault below a line [[fault]]")
    if len(entries) > MOST_FAULTS:
        raise InvalidInputError(f"{path.name}: {len(entries)} faults; {MOST_FAULTS} at most")
    return entries


def _fault(entry: Any, place: str) -> InjectedFault:
    try:
        read = _Entry.model_validate(entry)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'][:1])}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise InvalidInputError(f"{place}: {wrong}") from error
    try:
        window = _time("from", read.from_), _time("to", read.to)
        return checked_fault(InjectedFault(read.kind, *window, read.region, read.amount, read.seed))
    except InvalidInputError as error:
        raise InvalidInputError(f"{place} ({read.kind}): {error}") from error


def _time(field: str, value: datetime | str) -> datetime:
    try:
        return parse_time(value if isinstance(value, str) else value.isoformat())
    except InvalidInputError as error:
        raise InvalidInputError(f"{field}: {error}") from error


def with_faults(
    source: Source, faults: Sequence[InjectedFault], *, has_xrays: bool = False
) -> Source:
    """Return the source with these faults; the same source where there are none.

    Parameters
    ----------
    has_xrays : whether X-ray minutes are sent beside it

    Raises
    ------
    InvalidInputError
        When the source has nothing that a fault could concern.
    """
    if not faults:
        return source
    for fault in faults:
        if fault.kind in OF_XRAYS and not has_xrays:
            raise InvalidInputError(
                f"the fault {fault.kind} needs X-ray minutes; give a replay some with --xray, or"
                " remove it"
            )
        if fault.kind == "flare-list-delay" and source.flare_source is None:
            raise InvalidInputError(
                "the fault flare-list-delay needs a flare list; give one with --flares"
            )
    return FaultySource(source, faults)


class FaultySource:
    """The rows and flares of another source with faults in them."""

    def __init__(self, source: Source, faults: Sequence[InjectedFault]) -> None:
        self._source = source
        # Silence comes last: it holds back whatever would be sent, late rows too.
        self._faults = sorted(faults, key=lambda fault: fault.kind == "silence")
        names = " ".join(fault.fault_id for fault in faults)
        self.fingerprint = hashlib.sha256(f"{source.fingerprint} {names}".encode()).hexdigest()
        delays = (fault.delay for fault in faults)
        self._longest_delay = np.timedelta64(sum(delays, timedelta()))

    @property
    def flare_source(self) -> str | None:
        """The origin of the flares."""
        return self._source.flare_source

    @property
    def covers_from(self) -> np.datetime64 | None:
        """Since when the flares are complete."""
        return self._source.covers_from

    @property
    def continues_past_end(self) -> bool:
        """Whether event time passes the last row."""
        return self._source.continues_past_end

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        """Return up to when the flares are published at a time."""
        return min(_listed_through(fault, moment) for fault in self._faults)

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Yield what follows a position of the rows with faults."""
        through, left = position.through, position.at_through
        begin = None if through is None else through - self._longest_delay
        held: list[Rows] = []
        for chunk in self._source.chunks(Position(through=begin, covered_to=position.covered_to)):
            ready = Rows.concatenate([*held, self._altered(chunk.rows)])
            ready = ready.take(np.argsort(ready.times(), kind="stable"))
            # Rows of the last time wait: more of that time may follow, or come late to it.
            last = event_times(chunk.rows)[-1:]
            cut = int(np.searchsorted(ready.times(), last)[0]) if len(last) else 0
            held = [ready.take(slice(cut, None))]
            ready = ready.take(slice(0, cut))
            chosen = np.ones(len(ready), bool)
            left -= exclude_delivered(chosen, ready, through, left)
            minutes = faulty_minutes(self._faults, chunk.minutes)
            yield Chunk(ready.take(chosen), chunk.flares, minutes)
        for rest in held:
            chosen = np.ones(len(rest), bool)
            exclude_delivered(chosen, rest, through, left)
            yield Chunk(rest.take(chosen))

    def _altered(self, rows: Rows) -> Rows:
        rows = replace(rows, leaves_at=event_times(rows))
        for fault in self._faults:
            alter = _ALTERATIONS.get(fault.kind)
            chosen = _chosen(fault, rows)
            if alter is not None and chosen.any():
                rows = alter(fault, rows, chosen)
        return rows


def _listed_through(fault: InjectedFault, moment: np.datetime64) -> np.datetime64:
    start, delay = to_datetime64(fault.start_at), np.timedelta64(fault.delay)
    end = to_datetime64(fault.end_at)
    if fault.kind == "silence" and start <= moment < end:
        return start
    if fault.kind == "flare-list-delay" and start <= moment < end + delay:
        return max(start, moment - delay)
    return moment


def _chosen(fault: InjectedFault, rows: Rows) -> Bools:
    """Tell which rows (n,) a fault concerns."""
    chosen = _is_within(fault, rows.times() if fault.kind == "silence" else rows.t_rec)
    if fault.region is not None:
        chosen &= _numbers(rows) == fault.region
    rule = AMOUNTS.get(fault.kind)
    if rule is AMOUNTS["gap"] and fault.amount is not None:
        chosen &= _draws(fault, rows) < fault.amount
    return chosen


def _is_within(fault: InjectedFault, times: Times) -> Bools:
    return (times >= to_datetime64(fault.start_at)) & (times < to_datetime64(fault.end_at))


def _numbers(rows: Rows) -> Integers:
    """Return the HARPNUM of each row (n,), or the NOAA number of a region without one."""
    return np.where(rows.harpnum > 0, rows.harpnum, rows.first_noaa_ar())


def _draws(fault: InjectedFault, rows: Rows, *, series: int = 0) -> Floats:
    """Draw a number in [0, 1) for each row (n,) from the seed, its region and its time alone."""
    return _uniform(f"{fault.kind} {fault.seed} {series}", rows.t_rec, _numbers(rows))


def _uniform(name: str, times: Times, numbers: Integers) -> Floats:
    """Return the hashes of a name with times and numbers (n,), spread evenly over [0, 1)."""
    seconds = (times.astype("datetime64[s]").astype(np.int64)).view(np.uint64)
    mixed = seconds * np.uint64(_FIRST) ^ numbers.astype(np.int64).view(np.uint64)
    mixed = mixed * np.uint64(_THIRD) + np.uint64(zlib.crc32(name.encode()) * 0x100000001)
    for shift, factor in ((30, _SECOND_FACTOR), (27, _THIRD), (31, _FIRST)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(11)) / float(1 << 53)


def _without(_fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    return rows.take(~chosen)


def _late(fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    return _leaving(rows, rows.t_rec + np.timedelta64(fault.delay), chosen)


def _in_disorder(fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    """Send each row up to the amount later, but by the end of the window."""
    seconds = (_draws(fault, rows) * fault.delay.total_seconds()).astype("timedelta64[s]")
    return _leaving(rows, np.minimum(rows.t_rec + seconds, to_datetime64(fault.end_at)), chosen)


def _silent(fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    return _leaving(rows, np.full(len(rows), to_datetime64(fault.end_at)), chosen)


def _leaving(rows: Rows, at: Times, chosen: Bools) -> Rows:
    """Let chosen rows leave at a time (n,), if that is later than they do."""
    return replace(rows, leaves_at=np.where(chosen, np.fmax(rows.times(), at), rows.times()))


def _repeated(fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    copies = np.where(chosen, int(fault.amount or 0), 0)
    return rows.take(np.repeat(np.arange(len(rows)), 1 + copies))


def _corrupt(_fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    return replace(rows, lat_fwt=np.where(chosen, CORRUPT_LATITUDE, rows.lat_fwt))


def _of_poor_quality(_fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    quality = np.where(chosen, float(QUALITY_LIMIT), rows.quality)
    return replace(rows, quality=quality, has_quality=rows.has_quality | chosen)


def _without_keywords(fault: InjectedFault, rows: Rows, chosen: Bools) -> Rows:
    share, columns = fault.amount or 0.0, range(rows.keywords.shape[1])
    is_lost = np.column_stack([_draws(fault, rows, series=place) < share for place in columns])
    return replace(rows, keywords=np.where(is_lost & chosen[:, None], np.nan, rows.keywords))


_ALTERATIONS: Mapping[Kind, Callable[[InjectedFault, Rows, Bools], Rows]] = {
    "gap": _without,
    "late": _late,
    "duplicate": _repeated,
    "disorder": _in_disorder,
    "corrupt": _corrupt,
    "quality": _of_poor_quality,
    "missing-keywords": _without_keywords,
    "silence": _silent,
}


def faulty_minutes(faults: Sequence[InjectedFault], minutes: XrayMinutes) -> XrayMinutes:
    """Return the X-ray minutes that are sent, when they are, and each one's satellite as it says.

    Silence holds them back too. No fault of rows or flares concerns them.
    """
    for fault in faults:
        chosen = _chosen_minutes(fault, minutes)
        if fault.kind == "xrs-gap":
            minutes = minutes.take(~chosen)
        elif fault.kind == "satellite-switch":
            names = np.where(chosen, _next_satellites(minutes.satellites), minutes.satellites)
            minutes = replace(minutes, satellites=names)
        elif fault.kind == "silence":
            held = np.where(chosen, to_datetime64(fault.end_at), minutes.leaves_at)
            minutes = replace(minutes, leaves_at=np.maximum(minutes.leaves_at, held))
    return minutes.take(np.argsort(minutes.leaves_at, kind="stable"))


def _chosen_minutes(fault: InjectedFault, minutes: XrayMinutes) -> Bools:
    """Tell which X-ray minutes (n,) a fault concerns."""
    chosen = _is_within(fault, minutes.times)
    if fault.kind == "xrs-gap":
        nowhere = np.zeros(len(minutes), np.int64)
        draws = _uniform(f"{fault.kind} {fault.seed}", minutes.times, nowhere)
        chosen &= draws < (fault.amount or 0.0)
    return chosen


def _next_satellites(names: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return for each name (n,) that of the next satellite: G16 becomes G17."""
    known, places = np.unique(names, return_inverse=True)
    return np.array([_next_satellite(str(name)) for name in known], "U8")[places]


def _next_satellite(name: str) -> str:
    number = re.search(r"\d+$", name)
    return f"{name[: number.start()]}{int(number[0]) + 1}" if number else f"{name[:7]}2"


def report(
    faults: Sequence[InjectedFault],
    source: Source,
    *,
    sender: str,
    minutes: XrayMinutes | None = None,
) -> Post:
    """Return the post that tells the API of the faults, with how much of the source each concerns.

    Parameters
    ----------
    source : the whole source without faults, of which every replica counts the same
    """
    counts = _counts(faults, source) | (_minute_counts(faults, minutes) if minutes else {})
    items = [
        {
            "kind": fault.kind,
            "from": isoformat(fault.start_at),
            "to": isoformat(fault.end_at),
            "region": fault.region,
            "amount": fault.amount,
            "seed": fault.seed,
            "affected": counts[fault.fault_id],
        }
        for fault in faults
    ]
    return Post("faults", items, {"sender": {"id": sender}})


def _counts(faults: Sequence[InjectedFault], source: Source) -> dict[str, int]:
    counts = {fault.fault_id: 0 for fault in faults}
    first, last = min(one.start_at for one in faults), max(one.end_at for one in faults)
    for chunk in source.chunks(Position(through=to_datetime64(first) - _SECOND)):
        for fault in faults:
            counts[fault.fault_id] += _count(fault, chunk)
        if len(chunk.rows) and event_times(chunk.rows)[-1] >= to_datetime64(last):
            break
    return counts


def _minute_counts(faults: Sequence[InjectedFault], minutes: XrayMinutes) -> dict[str, int]:
    of_xrays = (fault for fault in faults if fault.kind in OF_XRAYS)
    return {fault.fault_id: int(_chosen_minutes(fault, minutes).sum()) for fault in of_xrays}


def _count(fault: InjectedFault, chunk: Chunk) -> int:
    if fault.kind == "flare-list-delay":
        return int(_is_within(fault, _ends(chunk.flares)).sum())
    if fault.kind in OF_XRAYS:
        return int(_chosen_minutes(fault, chunk.minutes).sum())
    return int(_chosen(fault, chunk.rows).sum())


def _ends(flares: Sequence[FlareReport]) -> Times:
    return np.array([flare.ended_at for flare in flares], "datetime64[us]")
