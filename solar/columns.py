"""Columns: n rows of one kind as columns of n values, from the sender to the store and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]
Places = NDArray[np.integer[Any]] | Bools | slice
Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True)
class Columns:
    """The base of every dataclass whose fields are columns of the same n rows; the first is one.

    A column is an array (n, ...), another `Columns`, or a mapping of names to columns. A field
    that is none of these holds for every row. Missing floats are NaN, missing times NaT.
    """

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.__dataclass_fields__))))

    def take(self, places: Places) -> Self:
        """Return the rows at some places in this order, those of a mask, or a slice of them."""
        # The mapping itself, because `fields()` would walk through it anew for every batch.
        names = self.__dataclass_fields__
        return type(self)(**{name: _take(getattr(self, name), places) for name in names})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put one part or more together; what is no column is that of the first."""
        if len(parts) == 1:
            return parts[0]
        names = cls.__dataclass_fields__
        return cls(**{n: _concatenate([getattr(part, n) for part in parts]) for n in names})


@dataclass(frozen=True)
class Coded(Columns, Generic[Value]):
    """A column of few different values: row i holds ``values[codes[i]]``.

    Not every value need be in use.
    """

    codes: Integers
    values: tuple[Value, ...]

    @classmethod
    def of(cls, rows: Sequence[Value]) -> Coded[Value]:
        """Code a value for each row."""
        code_of: dict[Value, int] = {}
        codes = [code_of.setdefault(value, len(code_of)) for value in rows]
        return cls(np.array(codes, np.int64), tuple(code_of))

    @classmethod
    def constant(cls, value: Value, n: int) -> Coded[Value]:
        """Return the same value for each of n rows."""
        return cls(np.zeros(n, np.int64), (value,))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Put parts together, whose values may differ; only values in use are kept."""
        code_of: dict[Value, int] = {}
        codes = []
        for part in parts:
            recoded = np.zeros(len(part.values), np.int64)
            for code in np.flatnonzero(np.bincount(part.codes)).tolist():
                recoded[code] = code_of.setdefault(part.values[code], len(code_of))
            codes.append(recoded[part.codes])
        return cls(np.concatenate(codes), tuple(code_of))

    def rows(self) -> list[Value]:
        """Return the value of each row."""
        return [self.values[code] for code in self.codes.tolist()]

    def map(self, function: Callable[[Value], Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return what a function makes of each row (n,); it is called once for each value."""
        return np.array([function(value) for value in self.values], dtype)[self.codes]


def nullable(values: Floats) -> list[Any]:
    """Return (nested) lists of floats for SQL and JSON, with None in the place of NaN."""
    missing = np.isnan(values)
    objects = values.astype(object)
    objects[missing] = None
    lists: list[Any] = objects.tolist()
    return lists


def _take(column: Any, places: Places) -> Any:
    if isinstance(column, np.ndarray):
        return column[places]
    if isinstance(column, Columns):
        return column.take(places)
    if isinstance(column, Mapping):
        return {name: _take(values, places) for name, values in column.items()}
    return column


def _concatenate(columns: Sequence[Any]) -> Any:
    first = columns[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(columns)
    if isinstance(first, Columns):
        return type(first).concatenate(columns)
    if isinstance(first, Mapping):
        return {name: _concatenate([part[name] for part in columns]) for name in first}
    return first
