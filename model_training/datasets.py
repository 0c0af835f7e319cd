"""Data sets: rows of features with the three-state truth of each event."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.features import (
    HISTORY_REACH,
    KEYWORD_FEATURES,
    FlareHistory,
    Floats,
    Integers,
    Times,
    history_features,
)
from model_training.recipe import DataChoice
from model_training.sampling import at_day_end, left_out
from model_training.truth import flared_before, label, read_flares, truth_of
from solar.errors import InvalidInputError
from solar.sharp import QUALITY_LIMIT
from solar.time import tai_to_utc


@dataclass(frozen=True)
class Dataset:
    """Rows in the order of their time.

    Parameters
    ----------
    features : name -> (n,) float; NaN is missing
    region_id : (n,) NOAA AR number
    t_rec : (n,) datetime64[us], UTC, the time at which the forecast is issued
    truth : event name -> (n,) float; 1 event, 0 none, NaN unknown
    flared_before : event name -> (n,) float; the same for [t - 24 h, t), 1 or 0
    rejected : number of rows refused for their QUALITY
    filled : number of rows added for region-days that the set leaves out by construction
    """

    features: Mapping[str, Floats]
    region_id: Integers
    t_rec: Times
    truth: Mapping[str, Floats]
    flared_before: Mapping[str, Floats]
    rejected: int = 0
    filled: int = 0

    def __len__(self) -> int:
        return len(self.t_rec)

    def take(self, rows: NDArray[np.bool_] | Integers) -> Dataset:
        """Return the chosen rows."""
        return replace(
            self,
            features={name: column[rows] for name, column in self.features.items()},
            region_id=self.region_id[rows],
            t_rec=self.t_rec[rows],
            truth={name: column[rows] for name, column in self.truth.items()},
            flared_before={name: column[rows] for name, column in self.flared_before.items()},
        )

    def matrix(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        """Stack features by name, (n, len(names)); what the set does not have is NaN."""
        missing = np.full(len(self), np.nan)
        columns = [self.features.get(name, missing) for name in names]
        return np.stack(columns, axis=1).astype(np.float32)


def stacked(parts: Sequence[Dataset]) -> Dataset:
    """Put data sets with the same columns one after another."""
    return replace(
        parts[0],
        features=_joined([part.features for part in parts]),
        region_id=np.concatenate([part.region_id for part in parts]),
        t_rec=np.concatenate([part.t_rec for part in parts]),
        truth=_joined([part.truth for part in parts]),
        flared_before=_joined([part.flared_before for part in parts]),
    )


def _joined(parts: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def load(choice: DataChoice, folder: Path, *, labels: Mapping[str, str] | None = None) -> Dataset:
    """Read rows and flares of a data folder and join them by NOAA active region.

    `labels` names columns of the rows that stand for the truth of an event instead of the
    flare list: event name -> column of 0 and 1.
    """
    flares = read_flares(_existing(folder, choice.flares))
    rows, rejected = _read_rows(_existing(folder, choice.rows), choice)
    filled = 0
    if choice.fill:
        extra = pd.read_parquet(_existing(folder, choice.fill.rows))
        extra = extra[extra["licence"] == choice.fill.licence]
        added = left_out(extra, rows, truth_of(flares), event=choice.fill.event)
        rows, filled = pd.concat([rows, added], ignore_index=True), len(added)
        rows = rows.sort_values(["t_rec", "noaa_ar"], kind="stable")
    joined = _join(rows, flares)
    own = {event: _column(rows, choice.rows, name) for event, name in (labels or {}).items()}
    return replace(joined, truth={**joined.truth, **own}, rejected=rejected, filled=filled)


def _column(rows: pd.DataFrame, file: str, name: str) -> Floats:
    if name not in rows.columns:
        raise InvalidInputError(f"{file} has no column {name}")
    return rows[name].to_numpy(float)


def _join(rows: pd.DataFrame, flares: FlareHistory) -> Dataset:
    t_rec = tai_to_utc(rows["t_rec"].to_numpy())
    region_id = rows["noaa_ar"].to_numpy(np.int64)
    keywords = {
        name: rows[name].to_numpy(float) for name in KEYWORD_FEATURES if name in rows.columns
    }
    truth = truth_of(flares)
    history = history_features(region_id, t_rec, flares, known=_covered(t_rec, flares))
    return Dataset(
        features=keywords | history,
        region_id=region_id,
        t_rec=t_rec,
        truth=label(region_id, t_rec, truth),
        flared_before=flared_before(region_id, t_rec, truth),
    )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_rows(path: Path, choice: DataChoice) -> tuple[pd.DataFrame, int]:
    table = pd.read_parquet(path)
    absent = {"t_rec", "noaa_ar"} - set(table.columns)
    if absent:
        raise InvalidInputError(f"{choice.rows} has no column {', '.join(sorted(absent))}")
    before = len(table)
    if "QUALITY" in table.columns:
        quality = table["QUALITY"]
        table = table[quality.notna() & (quality >= 0) & (quality < QUALITY_LIMIT)]
    rejected = before - len(table)
    table = table.sort_values(["t_rec", "noaa_ar"], kind="stable")
    return (at_day_end(table) if choice.issue == "day-end" else table), rejected


def _covered(t_rec: Times, flares: FlareHistory) -> NDArray[np.bool_]:
    if not flares.peak_at.size:
        return np.zeros(len(t_rec), np.bool_)
    reach = np.timedelta64(HISTORY_REACH)
    begun, ended = t_rec >= flares.peak_at[0] + reach, t_rec > flares.peak_at[-1]
    covered: NDArray[np.bool_] = begun & ~ended
    return covered


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise InvalidInputError(f"no {name} in the data folder; name the folder with --data")
    return path
