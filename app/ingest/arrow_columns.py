"""Arrow columns: each as an array, with a verdict per row that is as strict as the JSON schema.

A row that gets a bad verdict is read again on its own for the words that say why, so the
verdicts may not be kinder than `app.contract.schemas.Observation`, and no stricter either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.contract.problems import Fault, RequestError
from app.contract.schemas import (
    MAX_ARS,
    MAX_HARPNUM,
    MAX_NOAA_AR,
    MAX_ROWS,
)
from app.ingest.arrow_table import is_list, is_text
from app.ingest.batch import Floats
from app.ingest.coded import Coded, Integers, Value
from solar.sharp import SERIES_PATTERN, UNSTATED_SERIES

Bools = NDArray[np.bool_]
Values = TypeVar("Values")

_SERIES = re.compile(SERIES_PATTERN.removeprefix("^").removesuffix("$"))
_MOST_ARS = 4 * MAX_ARS * MAX_ROWS


@dataclass(frozen=True)
class Column(Generic[Values]):
    """The values of n rows, and which of them (n,) can be used; the others hold anything."""

    values: Values
    is_sound: Bools


def numbers(array: pa.Array | None, length: int) -> Column[Floats]:
    """Read floats; a null is NaN, and a NaN that was given is not sound."""
    if array is None or pa.types.is_null(array.type):
        return Column(np.full(length, np.nan), np.ones(length, np.bool_))
    values = _floats(array)
    is_sound = np.isfinite(values)
    return Column(values, is_sound | is_null(array) if array.null_count else is_sound)


def harpnums(array: pa.Array | None, length: int) -> Column[Integers]:
    """Read HARPNUMs; a null is 0."""
    return _integers(array, length, highest=MAX_HARPNUM)


def ar_sets(array: pa.Array | None, length: int) -> Column[Coded[tuple[int, ...]]]:
    """Read NOAA numbers, one per row or a list per row; a null is an empty list."""
    if array is not None and is_list(array.type):
        return _ar_lists(array)
    column = _integers(array, length, highest=MAX_NOAA_AR)
    different, codes = np.unique(column.values, return_inverse=True)
    sets = tuple((number,) if number else () for number in different.tolist())
    return Column(Coded(sets, codes), column.is_sound)


def _ar_lists(array: pa.Array) -> Column[Coded[tuple[int, ...]]]:
    lengths = pc.list_value_length(array).fill_null(0).to_numpy().astype(np.int64)
    row_of = np.repeat(np.arange(len(array)), _checked(lengths))
    flat = _integers(array.flatten(), len(row_of), highest=MAX_NOAA_AR)
    is_bad = ~flat.is_sound | (flat.values == 0)
    is_sound = (np.bincount(row_of, is_bad, len(array)) == 0) & (lengths <= MAX_ARS)
    place = np.arange(len(row_of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    taken = is_sound[row_of]
    matrix = np.zeros((len(array), lengths[is_sound].max(initial=1)), np.int64)
    matrix[row_of[taken], place[taken]] = flat.values[taken]
    different, codes = np.unique(matrix, axis=0, return_inverse=True)
    sets = tuple(tuple(number for number in row if number) for row in different.tolist())
    return Column(Coded(sets, codes.reshape(-1)), is_sound)


def _checked(lengths: Integers) -> Integers:
    # Lists of nulls take no room in a stream, however long they are.
    if (count := int(lengths.sum())) > _MOST_ARS:
        fault = Fault("noaa_ars", f"holds {count:,} numbers; expected {MAX_ARS} at most per row")
        raise RequestError("the stream's columns cannot be used; see errors", faults=[fault])
    return lengths


def texts(array: pa.Array | None, length: int) -> Column[Coded[str]]:
    """Read names of series; a null says nothing of where the record comes from."""
    if array is None or pa.types.is_null(array.type):
        return Column(Coded((UNSTATED_SERIES,), np.zeros(length, np.int64)), np.ones(length, bool))
    if not is_text(array.type):
        names = Coded((UNSTATED_SERIES,), np.zeros(length, np.int64))
        return Column(names, is_null(array))
    given = coded(array)
    names = Coded(tuple(UNSTATED_SERIES if n is None else n for n in given.values), given.codes)
    return Column(names, _judged(names, lambda name: _SERIES.fullmatch(name) is not None))


def _integers(array: pa.Array | None, length: int, *, highest: int) -> Column[Integers]:
    """Read integers from 1 to `highest`; a null is 0 and sound."""
    if array is None or pa.types.is_null(array.type):
        return Column(np.zeros(length, np.int64), np.ones(length, np.bool_))
    is_sound = is_null(array)
    values = np.zeros(length, np.int64)
    if pa.types.is_integer(array.type):
        # What a float cannot hold exactly lies far outside.
        given = _floats(array)
        is_given = (given >= 1) & (given <= highest)
        values[is_given] = given[is_given].astype(np.int64)
        is_sound = is_sound | is_given
    return Column(values, is_sound)


def _floats(array: pa.Array) -> Floats:
    values: Floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def is_null(array: pa.Array) -> Bools:
    """Tell which values (n,) are missing."""
    if pa.types.is_dictionary(array.type):
        # A dictionary may hold null as one of its values.
        given = coded(array)
        return _judged(given, lambda value: value is None)
    nulls: Bools = array.is_null().to_numpy(zero_copy_only=False)
    return nulls


def coded(array: pa.Array) -> Coded[str | None]:
    """Return text by its different values, of a dictionary those alone that are used."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    indices = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    used, codes = np.unique(indices, return_inverse=True)
    values = encoded.dictionary.take(pa.array(used, mask=used < 0)).to_pylist()
    return Coded(tuple(values), codes)


def _judged(column: Coded[Value], test: Callable[[Value], bool]) -> Bools:
    verdicts = np.array([test(value) for value in column.values], np.bool_)
    return verdicts[column.codes]
