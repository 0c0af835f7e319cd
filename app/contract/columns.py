"""Columns: values of many rows as arrays, repeated values by a code, and NaN as None."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]
Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True)
class Coded(Generic[Value]):
    """A column of n rows with few distinct values: row i holds ``values[codes[i]]``.

    Not every value need be in use.
    """

    values: tuple[Value, ...]
    codes: Integers

    @classmethod
    def of(cls, rows: Sequence[Value]) -> Coded[Value]:
        """Code a value per row."""
        code_of: dict[Value, int] = {}
        codes = [code_of.setdefault(value, len(code_of)) for value in rows]
        return cls(tuple(code_of), np.array(codes, np.int64))

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Integers) -> Coded[Value]:
        """Return these rows, in this order."""
        return Coded(self.values, self.codes[rows])

    def rows(self) -> list[Value]:
        """Return the value of each row."""
        return [self.values[code] for code in self.codes.tolist()]


def nullable(values: Floats) -> list[Any]:
    """Return (nested) lists of floats for SQL and JSON, with None in the place of NaN."""
    missing = np.isnan(values)
    objects = values.astype(object)
    objects[missing] = None
    lists: list[Any] = objects.tolist()
    return lists
