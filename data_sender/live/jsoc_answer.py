"""An answer of JSOC: a list of values for each keyword, read into rows or refused as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_sender.live.feed import FeedShapeError
from data_sender.live.values import is_nothing, number, quality, utc
from data_sender.rows import Rows
from solar.errors import InvalidInputError
from solar.sharp import LIVE_KEYWORDS
from solar.time import parse_time, to_datetime64

logger = logging.getLogger(__name__)

# Keywords that JSOC does not serve are not asked for: one unknown name spoils the answer.
_HEAD = ("T_REC", "HARPNUM", "NOAA_AR", "NOAA_ARS", "LON_FWT", "LAT_FWT", "QUALITY", "DATE",
         "H_MERGE")  # fmt: skip
ASKED: tuple[str, ...] = (*_HEAD, *(keyword.name for keyword in LIVE_KEYWORDS))

_MOST_SHOWN = 5
_NAT = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Answer:
    """Rows (n,) in the order of time, and the HARPs that have absorbed another one."""

    rows: Rows
    merged: tuple[int, ...]


def read_answer(content: Any, series: str) -> Answer:
    """Read the answer of ``op=rs_list``.

    A value that cannot be read is missing and is told in the log; a column of which nothing can
    be read is a change of format.

    Raises
    ------
    FeedShapeError
        When the answer is not one of this kind, lacks a keyword that was asked for, or its
        columns have different lengths. Nothing of it can be used then.
    """
    columns = _columns(content)
    n = len(columns["T_REC"])
    harpnum = _whole(columns, "HARPNUM")
    # A record without its own number must not go under another name.
    noaa_ars = np.empty(n, object)
    noaa_ars[:] = [
        _noaa(ars, ar) if harp > 0 else []
        for ars, ar, harp in zip(columns["NOAA_ARS"], columns["NOAA_AR"], harpnum, strict=True)
    ]
    merged = np.unique(harpnum[(_whole(columns, "H_MERGE") > 0) & (harpnum > 0)])
    rows = Rows(
        series=np.full(n, series, object),
        t_rec=_times(columns, "T_REC", parse_time),
        harpnum=harpnum,
        noaa_ars=noaa_ars,
        made_at=_times(columns, "DATE", utc),
        lon_fwt=_read(columns, "LON_FWT", number),
        lat_fwt=_read(columns, "LAT_FWT", number),
        quality=_read(columns, "QUALITY", quality),
        has_quality=np.ones(n, bool),
        keywords={k.name: _read(columns, k.name, number) for k in LIVE_KEYWORDS},
    )
    return Answer(rows.sorted(), tuple(merged.tolist()))


def _columns(content: Any) -> dict[str, list[Any]]:
    if not isinstance(content, dict) or "status" not in content:
        raise FeedShapeError(f"JSOC's answer is no object with a status: {_shown(content)}")
    if content["status"] not in (0, "0"):
        said = content.get("error", "without a reason")
        raise FeedShapeError(f"JSOC refuses the question with status {content['status']}: {said}")
    if not content.get("keywords") and content.get("count") in (0, "0"):
        return {name: [] for name in ASKED}
    columns = _named(content.get("keywords"))
    lacking = [name for name in ASKED if name not in columns]
    if lacking:
        raise FeedShapeError(
            f"JSOC's answer lacks {', '.join(lacking[:_MOST_SHOWN])}, which was asked for;"
            f" it has {', '.join(sorted(columns))[:200]}"
        )
    _check_lengths({name: len(columns[name]) for name in ASKED}, content.get("count"))
    return columns


def _check_lengths(lengths: dict[str, int], count: Any) -> None:
    n = lengths["T_REC"]
    if set(lengths.values()) == {n} and (count is None or str(count) == str(n)):
        return
    told = ", ".join(f"{name} {length}" for name, length in lengths.items() if length != n)
    raise FeedShapeError(
        f"JSOC's columns have different lengths: T_REC {n}, {told or 'all others too'},"
        f" count {count}"
    )


def _named(keywords: Any) -> dict[str, list[Any]]:
    try:
        found = {entry["name"]: entry["values"] for entry in keywords}
    except (TypeError, KeyError) as error:
        raise FeedShapeError(
            f"JSOC's keywords are not a list of name and values: {_shown(keywords)}"
        ) from error
    if not all(isinstance(values, list) for values in found.values()):
        raise FeedShapeError("JSOC's values are not lists")
    # What JSOC says of a keyword that the series does not have.
    return {
        name: values
        for name, values in found.items()
        if not values or any(str(value) != "Invalid KeyLink" for value in values)
    }


def _read(
    columns: dict[str, list[Any]], name: str, reader: Callable[[Any], float]
) -> NDArray[np.float64]:
    values = columns[name]
    found = np.full(len(values), np.nan)
    unread: list[Any] = []
    for place, value in enumerate(values):
        try:
            found[place] = reader(value)
        except ValueError:
            unread.append(value)
    _judge(name, unread, sum(not is_nothing(value) for value in values))
    return found


def _whole(columns: dict[str, list[Any]], name: str) -> NDArray[np.int64]:
    """Read whole numbers; 0 for nothing."""
    found = _read(columns, name, number)
    return np.where(np.isfinite(found), found, 0).astype(np.int64)


def _times(
    columns: dict[str, list[Any]], name: str, reader: Callable[[str], Any]
) -> NDArray[np.datetime64]:
    values = columns[name]
    # The records of one moment share their time.
    known: dict[str, np.datetime64] = {}
    unread: list[Any] = []
    for text in {str(value) for value in values if not is_nothing(value)}:
        try:
            known[text] = to_datetime64(reader(text))
        except InvalidInputError:
            unread.append(text)
    _judge(name, unread, len(known) + len(unread))
    return np.array([known.get(str(value), _NAT) for value in values], "datetime64[us]")


def _judge(name: str, unread: Sequence[Any], given: int) -> None:
    if not unread:
        return
    examples = ", ".join(repr(value) for value in unread[:_MOST_SHOWN])
    if len(unread) == given:
        raise FeedShapeError(f"no {name} in JSOC's answer can be read, for example {examples}")
    logger.warning("%d %s in JSOC's answer cannot be read: %s", len(unread), name, examples)


def _noaa(ars: Any, ar: Any) -> list[int]:
    text = "" if is_nothing(ars) else str(ars)
    found = {int(part) for part in text.split(",") if part.strip().isdecimal()}
    if not found and str(ar).strip().isdecimal():
        found = {int(str(ar))}
    # The lowest first: a number that joins later is higher, and the first one names the region.
    return sorted(number for number in found if number > 0)


def _shown(content: Any) -> str:
    return repr(content)[:120]
