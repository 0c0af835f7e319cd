"""SHARP rows: raw keywords of a region at t_rec, with the truth of the flare list.

A set that samples flaring regions before their flares is read with one row per region and day,
and the days that it leaves out come from another file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from model_training.data.dataset import TRAINING_ONLY, Dataset, points
from model_training.data.files import (
    clock,
    existing,
    numbers,
    outcomes,
    read_table,
    require,
    to_utc,
    whole_numbers,
)
from model_training.data.flares import RegionFlares, harps_of, read_region_flares, truth_of
from model_training.features import KEYWORD_FEATURES, Floats, Integers, Times
from model_training.recipe.data import AddedConfig, FillConfig, SharpConfig
from solar.errors import InvalidInputError
from solar.flares import event as event_named
from solar.sharp import LONGITUDE_LIMIT_DEG, QUALITY_LIMIT
from solar.time import tai_to_utc
from solar.truth import Truth
from solar.windows import DAY

# The last 12-minute record of a TAI day.
_DAY_END = pd.Timedelta(hours=23, minutes=48)
_DAY = np.timedelta64(DAY.validity)
_KEY = ["noaa_ar", "day"]
_REGION = "noaa_ar"
_HARP = "harpnum"


def at_day_end(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the last record of every region and TAI day, and issue it at 23:48 of that day."""
    day = table["t_rec"].dt.floor("D")
    last = table.assign(day=day).sort_values("t_rec", kind="stable")
    last = last.drop_duplicates(_KEY, keep="last")
    issued = last["day"] + _DAY_END
    # A record after 23:48 cannot be issued before itself.
    last["t_rec"] = issued.where(issued >= last["t_rec"], last["t_rec"])
    return last.sort_values(["t_rec", "noaa_ar"], kind="stable").drop(columns="day")


def days_left_out(
    extra: pd.DataFrame, rows: pd.DataFrame, truth: Truth, *, event: str
) -> pd.DataFrame:
    """Find the region-days after an event and before none, which `rows` leaves out.

    In a set without such quiet days every yes of persistence is right. They are
    looked for in `extra` among the regions of `rows`, within the longitude limit where the
    position is known and else between the first and last day of the region.
    """
    candidates = at_day_end(extra[extra["noaa_ar"].isin(rows["noaa_ar"])])
    candidates = candidates[_is_new(candidates, rows) & _is_on_disk(candidates, rows)]
    t_rec = tai_to_utc(candidates["t_rec"].to_numpy())
    region_id = candidates["noaa_ar"].to_numpy(np.int64)
    before, after = (
        truth.any_within(event_named(event), start, start + _DAY, region_id=region_id)
        for start in (t_rec - _DAY, t_rec)
    )
    days: pd.DataFrame = candidates[before & ~after]
    return days


def _is_new(candidates: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[bool]:
    present = pd.MultiIndex.from_arrays([rows["noaa_ar"], rows["t_rec"].dt.floor("D")])
    candidate_days = pd.MultiIndex.from_arrays(
        [candidates["noaa_ar"], candidates["t_rec"].dt.floor("D")]
    )
    return pd.Series(~candidate_days.isin(present), index=candidates.index)


def _is_on_disk(candidates: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[bool]:
    first, last = (
        candidates["noaa_ar"].map(rows.groupby("noaa_ar")["t_rec"].agg(name))
        for name in ("min", "max")
    )
    is_between = (candidates["t_rec"] > first) & (candidates["t_rec"] < last)
    longitude = candidates["LON_FWT"]
    return (longitude.abs() <= LONGITUDE_LIMIT_DEG).where(longitude.notna(), is_between)


def load_sharp(config: SharpConfig, folder: Path, *, labels: Mapping[str, str]) -> Dataset:
    """Read rows, drop those with bad or unreadable QUALITY, and join the flares.

    `labels` names a column for the truth of an event: event -> column of 0 and 1.
    """
    harps = None if config.harps is None else harps_of(existing(folder, config.harps))
    rows, is_harp = _read_rows(config.rows, folder, licences=config.licences, harps=harps)
    before = len(rows)
    added = _added(config.added, folder, harps) if config.added else rows.iloc[:0]
    flares = _read_flares(config, folder, pd.concat([rows, added]), is_harp=is_harp)
    rows = _usable(rows)
    rejected = before - len(rows)
    rows = rows.sort_values(["t_rec", _REGION], kind="stable")
    rows = at_day_end(rows) if config.issue == "day-end" else rows
    filled = 0
    if config.fill and flares:
        left_out = _left_out(config.fill, rows, flares, folder=folder, harps=harps)
        rows, filled = pd.concat([rows, left_out], ignore_index=True), len(left_out)
    is_added = np.repeat([False, True], [len(rows), len(added)])
    rows = pd.concat([rows, added], ignore_index=True) if config.added else rows
    region_id, t_rec = _cases(rows, file=config.rows)
    records, steps = points(_features(rows, config, flares, (region_id, t_rec)), len(rows))
    declared = {event: outcomes(rows, name, file=config.rows) for event, name in labels.items()}
    return Dataset(
        records=records,
        steps=steps,
        region_id=region_id,
        t_rec=t_rec,
        truth=(flares.truth(region_id, t_rec) if flares else {}) | declared,
        flared_before=flares.before(region_id, t_rec) if flares else {},
        by_bin=flares.by_bin(region_id, t_rec) if flares else {},
        fold=np.where(is_added, TRAINING_ONLY, 0) if config.added else None,
        weight=np.where(is_added, config.added.weight, 1.0) if config.added else None,
        rejected=rejected,
        filled=filled,
    )


def _added(config: AddedConfig, folder: Path, harps: Integers | None) -> pd.DataFrame:
    """Read the last record of each region in every few hours (TAI)."""
    rows, _ = _read_rows(config.rows, folder, licences=(config.licence,), harps=harps)
    require(rows, ("src",), file=config.rows)
    rows = _usable(rows[rows["src"] == config.src])
    if rows.empty:
        raise InvalidInputError(f"{config.rows} has no usable rows of src {config.src}")
    rows = rows.sort_values(["t_rec", _REGION], kind="stable")
    stretch = rows["t_rec"].dt.floor(f"{config.every_hours}h")
    return rows[~pd.DataFrame({"r": rows[_REGION], "at": stretch}).duplicated(keep="last")]


def _read_flares(
    config: SharpConfig, folder: Path, rows: pd.DataFrame, *, is_harp: bool
) -> RegionFlares | None:
    if config.flares is None:
        return None
    if is_harp and config.harps is None:
        raise InvalidInputError(
            f"{config.rows} names regions by harpnum alone and the flare list by NOAA number;"
            " give data.harps, the HARP map"
        )
    return read_region_flares(
        folder,
        config.flares,
        config.harps if is_harp else None,
        _cases(rows, file=config.rows),
        known_from=config.flares_known_from,
    )


def _cases(rows: pd.DataFrame, *, file: str) -> tuple[Integers, Times]:
    t_rec = to_utc(rows["t_rec"].to_numpy(), where=f"{file}: t_rec", scale="TAI")
    return whole_numbers(rows, _REGION, file=file), t_rec


def _read_rows(
    file: str, folder: Path, *, licences: tuple[str, ...] | None, harps: Integers | None
) -> tuple[pd.DataFrame, bool]:
    """Read rows, with HARPs for regions where the pairs (k, 2) of HARP and NOAA are given.

    A row without a HARP gets the first of its NOAA region, or the number negated.
    """
    table = read_table(existing(folder, file))
    names_harps_alone = _HARP in table.columns and _REGION not in table.columns
    is_harp = harps is not None or names_harps_alone
    table = _by_harp(table, harps) if is_harp else table
    require(table, ("t_rec", _REGION), file=file)
    table = table.assign(t_rec=clock(table["t_rec"], where=f"{file}: column t_rec", scale="TAI"))
    if licences is not None:
        require(table, ("licence",), file=file)
        table = table[table["licence"].isin(licences)]
        if table.empty:
            raise InvalidInputError(f"{file} has no rows of licence {', '.join(licences)}")
    return table, is_harp


def _by_harp(table: pd.DataFrame, harps: Integers | None) -> pd.DataFrame:
    harpnum = table.get(_HARP)
    if harps is not None and _REGION in table.columns:
        first = pd.Series(harps[:, 0], harps[:, 1]).groupby(level=0).min()
        of_noaa = table[_REGION].map(first).fillna(-table[_REGION])
        harpnum = of_noaa if harpnum is None else harpnum.fillna(of_noaa)
    if harpnum is None:
        return table
    return table.assign(**{_REGION: harpnum}).drop(columns=_HARP, errors="ignore")


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    if "QUALITY" not in rows.columns:
        return rows
    quality = rows["QUALITY"]
    return rows[quality.notna() & (quality >= 0) & (quality < QUALITY_LIMIT)]


def _left_out(
    fill: FillConfig,
    rows: pd.DataFrame,
    flares: RegionFlares,
    *,
    folder: Path,
    harps: Integers | None,
) -> pd.DataFrame:
    extra, _ = _read_rows(fill.rows, folder, licences=(fill.licence,), harps=harps)
    return days_left_out(extra, rows, truth_of(flares.flares), event=fill.event)


def _features(
    rows: pd.DataFrame,
    config: SharpConfig,
    flares: RegionFlares | None,
    cases: tuple[Integers, Times],
) -> dict[str, Floats]:
    keywords = {
        name: numbers(rows, name, file=config.rows)
        for name in KEYWORD_FEATURES
        if name in rows.columns
    }
    return keywords | (flares.history(*cases) if flares else {})
