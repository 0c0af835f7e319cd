"""Observations as columns: what every source yields and what the API's rows are made from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from solar.sharp import BY_NAME

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Observations of any series.

    `series` (n,) names the data series of each row; `t_rec` (n,) is UTC, NaT where the source
    has none; `harpnum` (n,) is 0 and `noaa_ars` (n,) an empty list where unknown; positions are
    Stonyhurst degrees, west positive. A keyword that is missing is NaN.
    `quality` counts only where `has_quality`: a source without the column says nothing about it.
    `made_at` (n,) is DATE in UTC, NaT where unknown, None where the source has no such column.
    """

    series: NDArray[np.object_]
    t_rec: NDArray[np.datetime64]
    harpnum: NDArray[np.int64]
    noaa_ars: NDArray[np.object_]
    lon_fwt: Floats
    lat_fwt: Floats
    quality: Floats
    has_quality: NDArray[np.bool_]
    keywords: dict[str, Floats]
    made_at: NDArray[np.datetime64] | None = None

    def __len__(self) -> int:
        return len(self.t_rec)

    def take(self, order: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Rows:
        """Return the rows at these positions."""
        columns = {
            field.name: getattr(self, field.name)[order]
            for field in fields(self)
            if field.name not in ("keywords", "made_at")
        }
        chosen = {name: values[order] for name, values in self.keywords.items()}
        made_at = None if self.made_at is None else self.made_at[order]
        return Rows(keywords=chosen, made_at=made_at, **columns)

    def sorted(self) -> Rows:
        """Order by event time, then region; equals keep their order, NaT comes last."""
        first_ar = np.array([numbers[0] if numbers else 0 for numbers in self.noaa_ars], np.int64)
        return self.take(np.lexsort((first_ar, self.harpnum, self.t_rec)))

    def faults(self) -> dict[int, str]:
        """Return why a row cannot be sent at all, for each such row."""
        faults: dict[int, str] = {}
        positions = {"QUALITY": self.quality, "LON_FWT": self.lon_fwt, "LAT_FWT": self.lat_fwt}
        for name, values in {**self.keywords, **positions}.items():
            for index in np.flatnonzero(np.isinf(values)):
                faults[int(index)] = f"{name} is {values[index]}: JSON carries finite numbers only"
        for index in np.flatnonzero((self.harpnum <= 0) & ~self.noaa_ars.astype(bool)):
            faults[int(index)] = "neither HARPNUM nor NOAA_AR: the row belongs to no region"
        for index in np.flatnonzero(np.isnat(self.t_rec)):
            faults[int(index)] = "T_REC is missing"
        return faults

    def observations(self) -> list[dict[str, Any]]:
        """Write every row as the contract's observation; NaN keywords are left out."""
        times = np.datetime_as_string(self.t_rec, unit="s").tolist()
        names = tuple(self.keywords)
        levels = zip(*(values.tolist() for values in self.keywords.values()), strict=True)
        heads = zip(
            times,
            self.harpnum.tolist(),
            self.noaa_ars.tolist(),
            self.lon_fwt.tolist(),
            self.lat_fwt.tolist(),
            self.quality.tolist(),
            self.has_quality.tolist(),
            self.series.tolist(),
            strict=True,
        )
        observations = [
            self._observation(head, dict(zip(names, level, strict=True)))
            for head, level in zip(heads, levels, strict=True)
        ]
        if self.made_at is not None:
            made = np.datetime_as_string(self.made_at, unit="s").tolist()
            for observation, at in zip(observations, made, strict=True):
                if at != "NaT":
                    observation["made_at"] = f"{at}Z"
        return observations

    def _observation(self, head: tuple[Any, ...], level: dict[str, float]) -> dict[str, Any]:
        time, harpnum, noaa_ars, lon_fwt, lat_fwt, quality, has_quality, series = head
        t_rec = None if time == "NaT" else f"{time}Z"
        observation: dict[str, Any] = {"t_rec": t_rec, "series": series}
        if harpnum > 0:
            observation["harpnum"] = harpnum
        if noaa_ars:
            observation["noaa_ars"] = noaa_ars
        if has_quality:
            observation["quality"] = int(quality) if math.isfinite(quality) else None
        if lon_fwt == lon_fwt:
            observation["lon_fwt"] = lon_fwt
        if lat_fwt == lat_fwt:
            observation["lat_fwt"] = lat_fwt
        # NaN is the only value that differs from itself.
        observation["keywords"] = {name: value for name, value in level.items() if value == value}
        return observation


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Put rows together; a keyword that a part lacks is NaN there."""
    names = [name for name in BY_NAME if any(name in part.keywords for part in parts)]
    keywords = {
        name: np.concatenate(
            [part.keywords.get(name, np.full(len(part), np.nan)) for part in parts]
        )
        for name in names
    }
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Rows)
        if field.name not in ("keywords", "made_at")
    }
    made_at = None
    if any(part.made_at is not None for part in parts):
        unknown = np.datetime64("NaT", "us")
        made_at = np.concatenate(
            [np.full(len(p), unknown) if p.made_at is None else p.made_at for p in parts]
        )
    return Rows(keywords=keywords, made_at=made_at, **cast("dict[str, Any]", columns))


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
