"""Arrow rows: a stream of observations becomes a batch, for senders of bulk."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.contract.bodies import check_rows
from app.contract.problems import Fault, Rejection, RequestError
from app.contract.schemas import (
    MAX_ARS,
    MAX_HARPNUM,
    MAX_NOAA_AR,
    MAX_ROWS,
    Observation,
)
from app.contract.times import EARLIEST_AT, LATEST_AT, read_time
from app.ingest.arrow_stream import is_list, is_text, read_columns
from app.ingest.batch import Batch
from app.ingest.json_rows import NAME
from solar.columns import Bools, Coded, Floats, Integers, Times
from solar.observations import KEYWORD_NAMES, NoaaNumbers, no_times, one_number_each
from solar.sharp import BY_NAME, SERIES_PATTERN, UNSTATED_SERIES
from solar.time import isoformat, to_datetime, to_datetime64

MEDIA_TYPE = "application/vnd.apache.arrow.stream"

Values = TypeVar("Values")

Arrays = dict[str, pa.Array]

_SERIES = re.compile(SERIES_PATTERN.removeprefix("^").removesuffix("$"))
_NO_TIME = np.datetime64("NaT", "us")
_MOST_ARS = 4 * MAX_ARS * MAX_ROWS


def read_stream(body: bytes) -> tuple[Batch, list[Rejection]]:
    """Read a stream; rows that cannot be used are rejected one by one.

    There is one column per keyword, and ``harpnum``, ``noaa_ars`` (integer or list), ``t_rec``
    and ``made_at`` (UTC timestamp or text), ``series``, ``quality``, ``lon_fwt``, ``lat_fwt``. A
    null is missing; NaN and infinity are refused as in JSON.

    Rows are checked column by column, exactly as strictly as by
    `app.contract.schemas.Observation`. Those that fail are read once more as JSON rows, so that
    they are refused in the same words.
    """
    arrays = read_columns(body)
    batch, is_sound = _read(arrays, len(arrays["t_rec"]))
    if is_sound.all():
        return batch, []
    unsound = np.flatnonzero(~is_sound)
    return batch.take(np.flatnonzero(is_sound)), _explain(arrays, unsound)


def _read(arrays: Arrays, length: int) -> tuple[Batch, Bools]:
    harpnum = harpnums(arrays.get("harpnum"), length)
    noaa_ars = ar_sets(arrays.get("noaa_ars"), length)
    t_rec = times(arrays["t_rec"], length, may_be_missing=False)
    made_at = times(arrays.get("made_at"), length, may_be_missing=True)
    series = texts(arrays.get("series"), length)
    positions = [numbers(arrays.get(name), length) for name in ("quality", "lon_fwt", "lat_fwt")]
    keywords, is_finite = _keywords(arrays, length)
    checks = [
        harpnum.is_sound,
        noaa_ars.is_sound,
        t_rec.is_sound,
        made_at.is_sound,
        series.is_sound,
        *(column.is_sound for column in positions),
        is_finite,
    ]
    quality, lon_fwt, lat_fwt = (column.values for column in positions)
    batch = Batch(
        t_rec=t_rec.values,
        series=series.values,
        harpnum=harpnum.values,
        noaa_ars=noaa_ars.values,
        made_at=made_at.values,
        quality=quality,
        lon_fwt=lon_fwt,
        lat_fwt=lat_fwt,
        keywords=keywords,
        index=np.arange(length),
    )
    return batch, np.all(checks, axis=0)


def _keywords(arrays: Arrays, length: int) -> tuple[Floats, Bools]:
    matrix = np.full((length, len(KEYWORD_NAMES)), np.nan)
    is_sound = np.ones(length, np.bool_)
    for i, name in enumerate(KEYWORD_NAMES):
        if name in arrays:
            column = numbers(arrays[name], length)
            matrix[:, i] = column.values
            is_sound &= column.is_sound
    return matrix, is_sound


def _explain(arrays: Arrays, rows: Integers) -> list[Rejection]:
    indexes = rows.tolist()
    _, rejected = check_rows(Observation, list(_as_json(arrays, rows)), NAME, indexes=indexes)
    explained = {rejection.index for rejection in rejected}
    return rejected + [_unexplained(index) for index in indexes if index not in explained]


def _unexplained(index: int) -> Rejection:
    message = "cannot be used; send it as JSON to learn why"
    return Rejection(index, (Fault(f"{NAME}[{index}]", message),))


def _as_json(arrays: Arrays, rows: Integers) -> Iterator[dict[str, Any]]:
    """Return rows as they would be in JSON; nulls are left out."""
    columns = {name: _values_in_json(array, rows) for name, array in arrays.items()}
    for values in zip(*columns.values(), strict=True):
        fields = dict(zip(columns, values, strict=True))
        row = {name: value for name, value in fields.items() if value is not None}
        keywords = {name: row.pop(name) for name in BY_NAME if name in row}
        if isinstance(number := row.get("noaa_ars"), int):
            row["noaa_ars"] = [number]
        yield {**row, "t_rec": fields["t_rec"], "keywords": keywords}


@dataclass(frozen=True)
class Column(Generic[Values]):
    """The values of n rows, and which of them (n,) can be used; the others hold anything."""

    values: Values
    is_sound: Bools


def numbers(array: pa.Array | None, length: int) -> Column[Floats]:
    """Read floats; a null is NaN and sound, a NaN in the array is not."""
    if array is None or pa.types.is_null(array.type):
        return Column(np.full(length, np.nan), np.ones(length, np.bool_))
    values = _floats(array)
    is_sound = np.isfinite(values)
    return Column(values, is_sound | is_null(array) if array.null_count else is_sound)


def harpnums(array: pa.Array | None, length: int) -> Column[Integers]:
    """Read HARPNUMs; a null is 0."""
    return _integers(array, length, highest=MAX_HARPNUM)


def ar_sets(array: pa.Array | None, length: int) -> Column[Coded[NoaaNumbers]]:
    """Read NOAA numbers, one per row or a list per row; a null is an empty list."""
    if array is not None and is_list(array.type):
        return _ar_lists(array)
    column = _integers(array, length, highest=MAX_NOAA_AR)
    return Column(one_number_each(column.values), column.is_sound)


def _ar_lists(array: pa.Array) -> Column[Coded[NoaaNumbers]]:
    lengths = pc.list_value_length(array).fill_null(0).to_numpy().astype(np.int64)
    row_of = np.repeat(np.arange(len(array)), _checked(lengths))
    flat = _integers(array.flatten(), len(row_of), highest=MAX_NOAA_AR)
    is_bad = ~flat.is_sound | (flat.values == 0)
    is_sound = (np.bincount(row_of, is_bad, len(array)) == 0) & (lengths <= MAX_ARS)
    column = np.arange(len(row_of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = is_sound[row_of]
    matrix = np.zeros((len(array), lengths[is_sound].max(initial=1)), np.int64)
    matrix[row_of[kept], column[kept]] = flat.values[kept]
    distinct, codes = np.unique(matrix, axis=0, return_inverse=True)
    sets = tuple(tuple(number for number in row if number) for row in distinct.tolist())
    return Column(Coded(codes.reshape(-1), sets), is_sound)


def _checked(lengths: Integers) -> Integers:
    # Lists of nulls take no room in a stream, however long they are.
    if (count := int(lengths.sum())) > _MOST_ARS:
        fault = Fault("noaa_ars", f"holds {count:,} numbers; expected {MAX_ARS} at most per row")
        raise RequestError("the stream's columns cannot be used; see errors", faults=[fault])
    return lengths


def texts(array: pa.Array | None, length: int) -> Column[Coded[str]]:
    """Read names of series; a null is the unstated one."""
    if array is None or pa.types.is_null(array.type):
        return Column(Coded.constant(UNSTATED_SERIES, length), np.ones(length, bool))
    if not is_text(array.type):
        return Column(Coded.constant(UNSTATED_SERIES, length), is_null(array))
    read = coded(array)
    names = Coded(read.codes, tuple(UNSTATED_SERIES if n is None else n for n in read.values))
    return Column(names, names.map(lambda name: _SERIES.fullmatch(name) is not None, bool))


def _integers(array: pa.Array | None, length: int, *, highest: int) -> Column[Integers]:
    """Read integers from 1 to `highest`; a null is 0 and sound."""
    if array is None or pa.types.is_null(array.type):
        return Column(np.zeros(length, np.int64), np.ones(length, np.bool_))
    is_sound = is_null(array)
    values = np.zeros(length, np.int64)
    if pa.types.is_integer(array.type):
        # An integer that a float cannot hold exactly is far out of range.
        floats = _floats(array)
        is_within = (floats >= 1) & (floats <= highest)
        values[is_within] = floats[is_within].astype(np.int64)
        is_sound = is_sound | is_within
    return Column(values, is_sound)


def _floats(array: pa.Array) -> Floats:
    values: Floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def is_null(array: pa.Array) -> Bools:
    """Tell which values (n,) are missing."""
    if pa.types.is_dictionary(array.type):
        # A dictionary may hold null as one of its values.
        return coded(array).map(lambda value: value is None, bool)
    nulls: Bools = array.is_null().to_numpy(zero_copy_only=False)
    return nulls


def coded(array: pa.Array) -> Coded[str | None]:
    """Return text by its distinct values; of a dictionary only those in use."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    indices = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    used, codes = np.unique(indices, return_inverse=True)
    values = encoded.dictionary.take(pa.array(used, mask=used < 0)).to_pylist()
    return Coded(codes, tuple(values))


def times(array: pa.Array | None, length: int, *, may_be_missing: bool) -> Column[Times]:
    """Read times as datetime64[us] in UTC, from timestamps with a zone or from text.

    A null is NaT, and sound where it may be missing.
    """
    column = _times(array, length)
    if not may_be_missing:
        return column
    is_missing = np.ones(length, np.bool_) if array is None else is_null(array)
    return Column(column.values, column.is_sound | is_missing)


def _times(array: pa.Array | None, length: int) -> Column[Times]:
    if array is not None and pa.types.is_timestamp(array.type):
        return _timestamps(array)
    if array is not None and is_text(array.type):
        return _time_texts(array)
    return Column(no_times(length), np.zeros(length, np.bool_))


def _timestamps(array: pa.Array) -> Column[Times]:
    raw = _ticks(array)
    earliest, latest = (
        to_datetime64(at).astype(raw.dtype).astype(np.int64) for at in (EARLIEST_AT, LATEST_AT)
    )
    ticks = raw.astype(np.int64)
    # In the unit of the column, because a time far out would overflow in another one.
    is_sound = (ticks >= earliest) & (ticks < latest)
    values = no_times(len(raw))
    values[is_sound] = raw[is_sound].astype("datetime64[us]")
    return Column(values, is_sound)


def _ticks(array: pa.Array) -> Times:
    """Return timestamps in their own unit; a null, the smallest number there is, is NaT."""
    whole = array.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    ticks: Times = whole.view(f"datetime64[{array.type.unit}]")
    return ticks


def _time_texts(array: pa.Array) -> Column[Times]:
    values = coded(array).map(_moment, "datetime64[us]")
    return Column(values, ~np.isnat(values))


def _moment(text: str | None) -> np.datetime64:
    try:
        return to_datetime64(read_time(text))
    except ValueError:
        return _NO_TIME


def _values_in_json(array: pa.Array, rows: Integers) -> list[Any]:
    """Return the values of some rows as they would be in JSON."""
    chosen = array.take(pa.array(rows))
    if not pa.types.is_timestamp(array.type):
        return list(chosen.to_pylist())
    return [_time_in_json(at) for at in _ticks(chosen)]


def _time_in_json(at: np.datetime64) -> str | None:
    if np.isnat(at):
        return None
    year = int(at.astype("datetime64[Y]").astype(np.int64)) + 1970
    if datetime.MINYEAR <= year <= datetime.MAXYEAR:
        return isoformat(to_datetime(at))
    return f"{np.datetime_as_string(at)}Z"
