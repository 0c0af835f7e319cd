"""An answer of JSOC: read into rows or refused as a whole, its regions named as the API does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_sender.rows import Rows
from data_sender.sources.live.feed import FeedFormatError
from data_sender.sources.live.values import is_missing, number, quality, utc
from solar.columns import Coded
from solar.errors import InvalidInputError
from solar.observations import NoaaNumbers, keyword_matrix
from solar.sharp import LIVE_KEYWORDS, is_near_real_time
from solar.time import parse_time, to_datetime64

logger = logging.getLogger(__name__)

# Keywords that JSOC does not serve are not requested: one unknown name spoils the answer.
_HEAD = (
    "T_REC",
    "HARPNUM",
    "NOAA_AR",
    "NOAA_ARS",
    "LON_FWT",
    "LAT_FWT",
    "QUALITY",
    "DATE",
    "H_MERGE",
)
REQUESTED_KEYWORDS: tuple[str, ...] = (*_HEAD, *(keyword.name for keyword in LIVE_KEYWORDS))

_MOST_EXAMPLES = 5
_NAT = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class JsocAnswer:
    """Rows (n,) in the order of time, and the HARPs that have absorbed another one."""

    rows: Rows
    merged: tuple[int, ...]


def read_answer(content: Any, series: str) -> JsocAnswer:
    """Read the answer of ``op=rs_list``.

    A value that cannot be read is logged and counts as missing; a column of which nothing can be
    read is a change of format.

    Raises
    ------
    FeedFormatError
        When the answer is not one of this kind, lacks a requested keyword, or its
        columns have different lengths. Nothing of it can be used then.
    """
    columns = _columns(content)
    n = len(columns["T_REC"])
    harpnum = _whole(columns, "HARPNUM")
    # A record without its own number must not go under another name.
    noaa_ars = [
        _noaa(ars, ar) if harp > 0 else ()
        for ars, ar, harp in zip(columns["NOAA_ARS"], columns["NOAA_AR"], harpnum, strict=True)
    ]
    merged = np.unique(harpnum[(_whole(columns, "H_MERGE") > 0) & (harpnum > 0)])
    rows = Rows(
        series=Coded.constant(series, n),
        t_rec=_times(columns, "T_REC", parse_time),
        harpnum=harpnum,
        noaa_ars=Coded.of(noaa_ars),
        made_at=_times(columns, "DATE", utc),
        lon_fwt=_read(columns, "LON_FWT", number),
        lat_fwt=_read(columns, "LAT_FWT", number),
        quality=_read(columns, "QUALITY", quality),
        has_quality=np.ones(n, bool),
        keywords=keyword_matrix({k.name: _read(columns, k.name, number) for k in LIVE_KEYWORDS}, n),
    )
    return JsocAnswer(rows.sorted(), tuple(merged.tolist()))


def _columns(content: Any) -> dict[str, list[Any]]:
    if not isinstance(content, dict) or "status" not in content:
        raise FeedFormatError(f"JSOC's answer is no object with a status: {_excerpt(content)}")
    if content["status"] not in (0, "0"):
        reason = content.get("error", "without a reason")
        raise FeedFormatError(f"JSOC refuses the request with status {content['status']}: {reason}")
    if not content.get("keywords") and content.get("count") in (0, "0"):
        return {name: [] for name in REQUESTED_KEYWORDS}
    columns = _named(content.get("keywords"))
    lacking = [name for name in REQUESTED_KEYWORDS if name not in columns]
    if lacking:
        raise FeedFormatError(
            f"JSOC's answer lacks {', '.join(lacking[:_MOST_EXAMPLES])}, which was requested;"
            f" it has {', '.join(sorted(columns))[:200]}"
        )
    _check_lengths({name: len(columns[name]) for name in REQUESTED_KEYWORDS}, content.get("count"))
    return columns


def _check_lengths(lengths: dict[str, int], count: Any) -> None:
    n = lengths["T_REC"]
    if set(lengths.values()) == {n} and (count is None or str(count) == str(n)):
        return
    different = ", ".join(f"{name} {length}" for name, length in lengths.items() if length != n)
    raise FeedFormatError(
        f"JSOC's columns have different lengths: T_REC {n}, {different or 'all others too'},"
        f" count {count}"
    )


def _named(keywords: Any) -> dict[str, list[Any]]:
    try:
        columns = {entry["name"]: entry["values"] for entry in keywords}
    except (TypeError, KeyError) as error:
        raise FeedFormatError(
            f"JSOC's keywords are not a list of name and values: {_excerpt(keywords)}"
        ) from error
    if not all(isinstance(values, list) for values in columns.values()):
        raise FeedFormatError("JSOC's values are not lists")
    # JSOC answers so for a keyword that the series does not have.
    return {
        name: values
        for name, values in columns.items()
        if not values or any(str(value) != "Invalid KeyLink" for value in values)
    }


def _read(
    columns: dict[str, list[Any]], name: str, reader: Callable[[Any], float]
) -> NDArray[np.float64]:
    values = columns[name]
    parsed = np.full(len(values), np.nan)
    unread: list[Any] = []
    for place, value in enumerate(values):
        try:
            parsed[place] = reader(value)
        except ValueError:
            unread.append(value)
    _report_unread(name, unread, sum(not is_missing(value) for value in values))
    return parsed


def _whole(columns: dict[str, list[Any]], name: str) -> NDArray[np.int64]:
    """Read whole numbers; 0 where missing."""
    parsed = _read(columns, name, number)
    return np.where(np.isfinite(parsed), parsed, 0).astype(np.int64)


def _times(
    columns: dict[str, list[Any]], name: str, reader: Callable[[str], Any]
) -> NDArray[np.datetime64]:
    values = columns[name]
    # The records of one moment share their time.
    known: dict[str, np.datetime64] = {}
    unread: list[Any] = []
    for text in {str(value) for value in values if not is_missing(value)}:
        try:
            known[text] = to_datetime64(reader(text))
        except InvalidInputError:
            unread.append(text)
    _report_unread(name, unread, len(known) + len(unread))
    return np.array([known.get(str(value), _NAT) for value in values], "datetime64[us]")


def _report_unread(name: str, unread: Sequence[Any], present: int) -> None:
    if not unread:
        return
    examples = ", ".join(repr(value) for value in unread[:_MOST_EXAMPLES])
    if len(unread) == present:
        raise FeedFormatError(f"no {name} in JSOC's answer can be read, for example {examples}")
    logger.warning("%d %s in JSOC's answer cannot be read: %s", len(unread), name, examples)


def _noaa(ars: Any, ar: Any) -> NoaaNumbers:
    text = "" if is_missing(ars) else str(ars)
    numbers = {int(part) for part in text.split(",") if part.strip().isdecimal()}
    if not numbers and str(ar).strip().isdecimal():
        numbers = {int(str(ar))}
    # The lowest first: a number that joins later is higher, and the first one names the region.
    return tuple(sorted(number for number in numbers if number > 0))


def _excerpt(content: Any) -> str:
    return repr(content)[:120]


class NoaaNames:
    """Names records by their NOAA numbers, in which near-real-time and definitive series meet.

    The patches of the near-real-time series have a numbering of their own: sent as a HARPNUM,
    one would fall on another region of years ago. A patch without a NOAA number has no name
    that means the same elsewhere, and is left out. A definitive record without one keeps its
    HARPNUM. Of several records with the same first number at the same time the one with the
    most flux is the region.
    """

    def __init__(self) -> None:
        self._logged: set[tuple[int, str]] = set()

    def named(self, rows: Rows) -> Rows:
        """Return the records that can be sent, under their names."""
        has_number = rows.noaa_ars.map(bool, bool)
        is_region = np.zeros(len(rows), bool)
        is_region[has_number] = _with_most_flux(rows.take(has_number))
        is_nrt = rows.series.map(is_near_real_time, bool)
        left_out = is_nrt & ~is_region
        self._log(rows.harpnum[left_out & ~has_number], "has no NOAA number yet")
        self._log(rows.harpnum[left_out & has_number], "shares its number with a larger one")
        rows, is_region = rows.take(~left_out), is_region[~left_out]
        harpnum = np.where(is_region, 0, rows.harpnum)
        # What keeps its HARPNUM must not draw the flares of the region that has the number.
        named = zip(rows.noaa_ars.rows(), is_region.tolist(), strict=True)
        numbers = Coded.of([ars if is_named else () for ars, is_named in named])
        return replace(rows, harpnum=harpnum, noaa_ars=numbers)

    def _log(self, patches: Iterable[int], why: str) -> None:
        for patch in sorted({int(patch) for patch in patches}):
            if (patch, why) not in self._logged:
                self._logged.add((patch, why))
                logger.info("near-real-time patch %d %s: left out", patch, why)


def _with_most_flux(rows: Rows) -> NDArray[np.bool_]:
    """Mark among the records (n,) of one first number and time the one with the most flux."""
    first = rows.first_noaa_ar()
    flux = np.nan_to_num(rows.keyword("USFLUX"), nan=-1.0)
    order = np.lexsort((rows.harpnum, -flux, rows.t_rec, first))
    number, t_rec = first[order], rows.t_rec[order]
    leads = np.ones(len(order), bool)
    leads[1:] = (number[1:] != number[:-1]) | (t_rec[1:] != t_rec[:-1])
    is_main = np.zeros(len(order), bool)
    is_main[order[leads]] = True
    return is_main
