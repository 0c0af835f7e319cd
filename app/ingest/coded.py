"""A coded column: n values of which few differ, as the different ones and a code per row."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True)
class Coded(Generic[Value]):
    """Row i holds ``values[codes[i]]``; not every value need be in use."""

    values: tuple[Value, ...]
    codes: Integers

    @classmethod
    def of(cls, rows: Sequence[Value]) -> Coded[Value]:
        """Code a value per row."""
        places: dict[Value, int] = {}
        codes = [places.setdefault(value, len(places)) for value in rows]
        return cls(tuple(places), np.array(codes, np.int64))

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Integers) -> Coded[Value]:
        """Return the rows at these places, in this order."""
        return Coded(self.values, self.codes[rows])

    def rows(self) -> list[Value]:
        """Return the value of each row."""
        return [self.values[code] for code in self.codes.tolist()]
