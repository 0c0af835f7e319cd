"""SHARP rows: raw keywords of a region at t_rec, with the truth of the flare list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from model_training.choices.data import FillChoice, SharpChoice
from model_training.datasets.dataset import Dataset, points
from model_training.datasets.files import (
    clock,
    existing,
    numbers,
    outcomes,
    read_table,
    require,
    to_utc,
    whole_numbers,
)
from model_training.datasets.joining import RegionFlares, read_region_flares
from model_training.datasets.sampling import at_day_end, left_out
from model_training.datasets.truth import truth_of
from model_training.features import KEYWORD_FEATURES, Floats, Integers, Times
from solar.errors import InvalidInputError
from solar.sharp import QUALITY_LIMIT

_REGION = "noaa_ar"
_HARP = "harpnum"


def load_sharp(choice: SharpChoice, folder: Path, *, labels: Mapping[str, str]) -> Dataset:
    """Read rows, drop those with spoilt or unreadable QUALITY, and join the flares.

    `labels` names a column for the truth of an event: event -> column of 0 and 1.
    """
    rows, is_harp = _read_rows(choice.rows, folder, licences=choice.licences)
    flares = _read_flares(choice, folder, is_harp=is_harp)
    before = len(rows)
    rows = _usable(rows)
    rejected = before - len(rows)
    rows = rows.sort_values(["t_rec", _REGION], kind="stable")
    rows = at_day_end(rows) if choice.issue == "day-end" else rows
    filled = 0
    if choice.fill and flares:
        added = _left_out(choice.fill, rows, flares, folder=folder)
        rows, filled = pd.concat([rows, added], ignore_index=True), len(added)
    region_id = whole_numbers(rows, _REGION, file=choice.rows)
    t_rec = to_utc(rows["t_rec"].to_numpy(), where=f"{choice.rows}: t_rec", scale="TAI")
    records, steps = points(_features(rows, choice, flares, (region_id, t_rec)), len(rows))
    own = {event: outcomes(rows, name, file=choice.rows) for event, name in labels.items()}
    return Dataset(
        records=records,
        steps=steps,
        region_id=region_id,
        t_rec=t_rec,
        truth=(flares.truth(region_id, t_rec) if flares else {}) | own,
        flared_before=flares.before(region_id, t_rec) if flares else {},
        rejected=rejected,
        filled=filled,
    )


def _read_flares(choice: SharpChoice, folder: Path, *, is_harp: bool) -> RegionFlares | None:
    if choice.flares is None:
        return None
    if is_harp and choice.harps is None:
        raise InvalidInputError(
            f"{choice.rows} names regions by harpnum alone and the flare list by NOAA number;"
            " give data.harps, the HARP map"
        )
    return read_region_flares(folder, choice.flares, choice.harps if is_harp else None)


def _read_rows(
    file: str, folder: Path, *, licences: tuple[str, ...] | None
) -> tuple[pd.DataFrame, bool]:
    table = read_table(existing(folder, file))
    is_harp = _REGION not in table.columns and _HARP in table.columns
    if is_harp:
        table = table.rename(columns={_HARP: _REGION})
    require(table, ("t_rec", _REGION), file=file)
    table = table.assign(t_rec=clock(table["t_rec"], where=f"{file}: column t_rec", scale="TAI"))
    if licences is not None:
        require(table, ("licence",), file=file)
        table = table[table["licence"].isin(licences)]
        if table.empty:
            raise InvalidInputError(f"{file} has no rows of licence {', '.join(licences)}")
    return table, is_harp


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    if "QUALITY" not in rows.columns:
        return rows
    quality = rows["QUALITY"]
    return rows[quality.notna() & (quality >= 0) & (quality < QUALITY_LIMIT)]


def _left_out(
    fill: FillChoice, rows: pd.DataFrame, flares: RegionFlares, *, folder: Path
) -> pd.DataFrame:
    extra, _ = _read_rows(fill.rows, folder, licences=(fill.licence,))
    return left_out(extra, rows, truth_of(flares.owned), event=fill.event)


def _features(
    rows: pd.DataFrame,
    choice: SharpChoice,
    flares: RegionFlares | None,
    cases: tuple[Integers, Times],
) -> dict[str, Floats]:
    keywords = {
        name: numbers(rows, name, file=choice.rows)
        for name in KEYWORD_FEATURES
        if name in rows.columns
    }
    return keywords | (flares.history(*cases) if flares else {})
