"""Rows: the observations of a source, which become the rows of a post."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from solar.columns import Bools, Integers, Times
from solar.observations import KEYWORD_NAMES, Observations


@dataclass(frozen=True)
class Rows(Observations):
    """Observations as a source has them, usable or not.

    `quality` counts only where `has_quality` (n,): a source without the column says nothing
    about it. `leaves_at` (n,) is when each row is sent, where that is not at its own time.
    """

    has_quality: Bools
    leaves_at: Times | None = None

    def times(self) -> Times:
        """Return when each row (n,) is sent, in event time; NaT where it has none."""
        return self.t_rec if self.leaves_at is None else self.leaves_at

    def sorted(self) -> Rows:
        """Order by event time, then region; equals keep their order, NaT comes last."""
        return self.take(np.lexsort((self.first_noaa_ar(), self.harpnum, self.t_rec)))

    def first_noaa_ar(self) -> Integers:
        """Return the first NOAA number of each row (n,), 0 without one."""
        return self.noaa_ars.map(lambda numbers: numbers[0] if numbers else 0, np.int64)

    def faults(self) -> dict[int, str]:
        """Return why a row cannot be sent at all, for each such row."""
        names = (*KEYWORD_NAMES, "QUALITY", "LON_FWT", "LAT_FWT")
        values = np.column_stack((self.keywords, self.quality, self.lon_fwt, self.lat_fwt))
        faults: dict[int, str] = {}
        for index, place in np.argwhere(np.isinf(values)).tolist():
            name, value = names[place], values[index, place]
            faults[index] = f"{name} is {value}: JSON carries finite numbers only"
        for index in np.flatnonzero(self.harpnum <= 0).tolist():
            if not self.noaa_ars.values[self.noaa_ars.codes[index]]:
                faults[index] = "neither HARPNUM nor NOAA_AR: the row belongs to no region"
        for index in np.flatnonzero(np.isnat(self.t_rec)).tolist():
            faults[index] = "T_REC is missing"
        return faults

    def observations(self) -> list[dict[str, Any]]:
        """Write every row as the contract's observation; what is missing is left out."""
        columns = zip(
            np.datetime_as_string(self.t_rec, unit="s").tolist(),
            np.datetime_as_string(self.made_at, unit="s").tolist(),
            self.series.rows(),
            self.harpnum.tolist(),
            self.noaa_ars.rows(),
            self.lon_fwt.tolist(),
            self.lat_fwt.tolist(),
            self.quality.tolist(),
            self.has_quality.tolist(),
            self.keywords.tolist(),
            strict=True,
        )
        return [_observation(*row) for row in columns]


def _observation(
    t_rec: str,
    made_at: str,
    series: str,
    harpnum: int,
    noaa_ars: Sequence[int],
    lon_fwt: float,
    lat_fwt: float,
    quality: float,
    has_quality: bool,
    keywords: Sequence[float],
) -> dict[str, Any]:
    observation: dict[str, Any] = {"t_rec": None if t_rec == "NaT" else f"{t_rec}Z"}
    observation["series"] = series
    if made_at != "NaT":
        observation["made_at"] = f"{made_at}Z"
    if harpnum > 0:
        observation["harpnum"] = harpnum
    if noaa_ars:
        observation["noaa_ars"] = list(noaa_ars)
    if has_quality:
        observation["quality"] = int(quality) if math.isfinite(quality) else None
    # NaN is the only value that differs from itself.
    if lon_fwt == lon_fwt:
        observation["lon_fwt"] = lon_fwt
    if lat_fwt == lat_fwt:
        observation["lat_fwt"] = lat_fwt
    named = zip(KEYWORD_NAMES, keywords, strict=True)
    observation["keywords"] = {name: value for name, value in named if value == value}
    return observation


class RowItems(Sequence[dict[str, Any]]):
    """The observations of `rows` as the items of a post, written out only when they are read.

    A slice of them is made of the same columns.
    """

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
