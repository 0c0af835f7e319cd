"""The full disk judged: its forecast for each day beside what agencies issued."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.manifest import DiskMap
from model_training.features import FlareHistory, Floats
from model_training.fitting import disk_map
from model_training.fitting.disk_map import DiskDays
from model_training.judging.evidence import Evidence
from solar.errors import InvalidInputError
from solar.flares import event as event_named
from solar.truth import reaches

_DAY = np.timedelta64(1, "D")
# The forecasts of both centres that came out after this hour are updates of the day before.
_LATEST_ISSUE_HOUR = 3
_CENTRES = {"SWPC": "SWPC_fcast.txt", "Met Office": "IFF_fcast.txt"}
_FORECAST_BY_AGENCIES = ("M1.0", "X1.0")


def flared(days: NDArray[np.datetime64], flares: FlareHistory, event: str) -> Floats:
    """Tell for each UTC day whether a flare of the class peaked in it, wherever on the disk."""
    strong = reaches(flares.flux, event_named(event).peak_flux_w_m2)
    return np.isin(days, flares.peak_at[strong].astype("datetime64[D]")).astype(float)


def evidence_of_disk(
    disk: DiskMap,
    event: str,
    days: DiskDays,
    *,
    flares: FlareHistory,
    agencies: Mapping[str, DiskDays],
) -> Evidence:
    """Compare disk forecasts with those of agencies on the days that all of them cover."""
    common = days.day
    for agency in agencies.values():
        common = np.intersect1d(common, agency.day)
    if not common.size:
        raise InvalidInputError("the agencies issued no forecast on any of these days")
    model = DiskDays(common, _on(days, common))
    history = {
        f"climatology-{span}d": _trailing_rate(common, flares, event, span) for span in (120, 365)
    }
    others = {name: _on(agency, common) for name, agency in agencies.items()}
    return Evidence(
        part="test",
        event=event,
        region_id=np.zeros(len(common), np.int64),
        t_rec=common.astype("datetime64[us]"),
        outcome=flared(common, flares, event),
        raw=model.probability,
        calibrated=disk_map.forecast(disk, event, model, flares=flares),
        entrants={"product of regions": model.probability}
        | others
        | history
        | {"persistence": flared(common - _DAY, flares, event)},
        threshold=disk.threshold,
        n_unknown=0,
    )


def read_agencies(folder: Path, event: str) -> dict[str, DiskDays]:
    """Read the first forecast of each day that SWPC and the Met Office issued, for the day.

    Source: Murray et al. 2017, doi 10.1002/2016SW001579; percent, blank-separated.
    """
    if event not in _FORECAST_BY_AGENCIES:
        raise InvalidInputError(f"the agencies forecast M1.0 and X1.0, not {event}")
    return {name: _read_agency(folder / file, event) for name, file in _CENTRES.items()}


def _read_agency(path: Path, event: str) -> DiskDays:
    if not path.is_file():
        raise InvalidInputError(
            f"no {path.name} in {path.parent.name}; name the folder with --data"
        )
    issued: dict[np.datetime64, float] = {}
    for line in path.read_text("utf-8").splitlines():
        year, month, day, hour, _, *percent = line.split()
        if percent and int(hour) < _LATEST_ISSUE_HOUR:
            column = len(percent) // 2 if event == "X1.0" else 0
            issued.setdefault(np.datetime64(f"{year}-{month}-{day}"), float(percent[column]) / 100)
    days = np.array(sorted(issued), "datetime64[D]")
    return DiskDays(days, np.array([issued[day] for day in days]))


def _on(disk_days: DiskDays, days: NDArray[np.datetime64]) -> Floats:
    return disk_days.probability[np.searchsorted(disk_days.day, days)]


def _trailing_rate(
    days: NDArray[np.datetime64], flares: FlareHistory, event: str, span: int
) -> Floats:
    before = days[:, None] - np.arange(1, span + 1) * _DAY
    rate: Floats = flared(before.ravel(), flares, event).reshape(before.shape).mean(axis=1)
    return rate
