"""Row items: rows as the items of a post, written as observations only when someone looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from data_sender.rows import Rows


class RowItems(Sequence[dict[str, Any]]):
    """The observations of `rows`, in their order; a slice of them is made of the same columns."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, place: slice) -> RowItems: ...

    def __getitem__(self, place: int | slice) -> dict[str, Any] | RowItems:
        if isinstance(place, slice):
            return RowItems(self.rows.take(place))
        index = range(len(self))[place]
        return self.rows.take(slice(index, index + 1)).observations()[0]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows.observations())
