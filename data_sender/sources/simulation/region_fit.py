"""Region fit: the statistics of the simulator, from one record of each real region and day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from data_sender.sources.files.tables import reading
from data_sender.sources.simulation.region_life import SLOTS_PER_HOUR, draw_life
from data_sender.sources.simulation.region_statistics import (
    NAMES,
    RegionStatistics,
    components,
)
from solar.columns import Floats, Integers
from solar.sharp import LONGITUDE_LIMIT_DEG

# The served models are fitted on what came before, and their drift is measured against it.
BEFORE = np.datetime64("2014-01-01", "us")
_PROBABILITIES = np.array([0.0005, 0.002, 0.005, *(np.arange(1, 40) / 40), 0.995, 0.998, 0.9995])
_FLOOR_QUANTILE = 0.02
_C1 = 1e-6
_MOST_LAG_DAYS = 8
_DAY = np.timedelta64(1, "D")
# Of weights on 18 correlated deviates; the flare rate changes by less than its own scatter for
# penalties from 10 to 300.
_RIDGE = 100.0
_STEPS = 30
# The lives whose deviates are brought to the quantiles of the keywords.
_LIVES = 1500


@dataclass(frozen=True)
class RegionDays:
    """Records of regions: `day` and `region` (n,), `lon_deg` (n,) without sign, `keywords`
    (n, 18), and `flares` (n,) of C1.0 and above from the region in the 24 h after.
    """

    day: Floats
    region: Integers
    lon_deg: Floats
    keywords: Floats
    flares: Integers


def fit_files(daily: Path, flares: Path) -> RegionStatistics:
    """Fit on a table of region-days with SRS longitudes, and a flare list, both parquet."""
    days = _region_days(_read(daily), _read(flares))
    fitted = fit(days)
    provenance = (
        f"SDO/HMI SHARP keywords (NASA) of {len(days.day)} region-days of {daily.name} before"
        f" {str(BEFORE)[:10]}; flares of {flares.name} (NOAA/GOES)"
    )
    return replace(fitted, provenance=provenance)


def fit(days: RegionDays) -> RegionStatistics:
    """Fit the copula, the memory of its components, the limb and the flare rate."""
    scores = np.column_stack([_normal_scores(column) for column in days.keywords.T])
    sine = np.sin(np.radians(days.lon_deg)) ** 2
    limb = np.polyfit(sine, scores, 1)[0]
    rest = scores - np.outer(sine - sine.mean(), limb)
    scale = rest.std(axis=0)
    deviates = (rest - rest.mean(axis=0)) / scale
    correlation = np.corrcoef(deviates, rowvar=False)
    inborn, wandering_days = _memory(days, deviates, correlation)
    r_values = days.keywords[:, NAMES.index("R_VALUE")]
    fitted = RegionStatistics(
        correlation=correlation,
        inborn=inborn,
        wandering_days=wandering_days,
        limb=limb / scale,
        flaring=_poisson_weights(deviates, days.flares),
        deviates=np.tile([NormalDist().inv_cdf(p) for p in _PROBABILITIES], (len(NAMES), 1)),
        keywords=np.nanquantile(days.keywords, _PROBABILITIES, axis=0).T,
        r_value_floor=float(np.quantile(r_values[r_values > 0], _FLOOR_QUANTILE)),
        provenance="",
    )
    return replace(fitted, deviates=_drawn_quantiles(fitted))


def _normal_scores(column: Floats) -> Floats:
    """Return the deviates (n,) of the ranks; equal values share theirs, a missing one has 0."""
    known = np.isfinite(column)
    _, place, counts = np.unique(column[known], return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - counts / 2)[place] / known.sum()
    scores = np.zeros(len(column))
    scores[known] = [NormalDist().inv_cdf(p) for p in rank]
    return scores


def _memory(days: RegionDays, deviates: Floats, correlation: Floats) -> tuple[Floats, Floats]:
    """Return inborn share and wandering time (18,) that give the components' autocorrelation."""
    values, vectors = components(correlation)
    factors = deviates @ vectors / np.sqrt(values)
    pairs = [_pairs(days, lag) for lag in range(1, _MOST_LAG_DAYS + 1)]
    found = np.array(
        [[np.corrcoef(factors[a, k], factors[b, k])[0, 1] for a, b in pairs] for k in range(18)]
    )
    weights = np.array([len(a) for a, _ in pairs], float)
    lags = np.arange(1, _MOST_LAG_DAYS + 1)
    shares, times = np.meshgrid(np.linspace(0, 0.9, 46), np.geomspace(0.3, 20, 40), indexing="ij")
    model = shares[..., None] + (1 - shares[..., None]) * np.exp(-lags / times[..., None])
    misfit = ((model[:, :, None, :] - found) ** 2 * weights).sum(axis=-1)
    best = misfit.reshape(-1, len(found)).argmin(axis=0)
    return shares.ravel()[best], times.ravel()[best]


def _pairs(days: RegionDays, lag: int) -> tuple[Integers, Integers]:
    """Return the places of records of one region that are `lag` days apart."""
    before, after = [], []
    for step in range(1, _MOST_LAG_DAYS + 2):
        is_same = days.region[step:] == days.region[:-step]
        apart = days.day[step:] - days.day[:-step]
        place = np.flatnonzero(is_same & (np.abs(apart - lag) < 0.3))
        before.append(place)
        after.append(place + step)
    return np.concatenate(before), np.concatenate(after)


def _poisson_weights(deviates: Floats, counts: Integers) -> Floats:
    """Return the slopes (18,) of a Poisson regression of the logarithm of the flare rate."""
    # One region of the largest activity must not count for a hundred others.
    target = np.minimum(counts, 10)
    inputs = np.column_stack([np.ones(len(deviates)), deviates])
    penalty = np.diag([0.0] + [_RIDGE] * deviates.shape[1])
    weights = np.zeros(inputs.shape[1])
    weights[0] = np.log(target.mean())
    for _ in range(_STEPS):
        rate = np.exp(np.clip(inputs @ weights, -12, 4))
        slope = inputs.T @ (target - rate) - penalty @ weights
        weights += np.linalg.solve((inputs * rate[:, None]).T @ inputs + penalty, slope)
    return np.asarray(weights[1:], np.float64)


def _drawn_quantiles(statistics: RegionStatistics) -> Floats:
    """Return the quantiles (18, q) of the deviates that lives show within 70 deg of the centre."""
    shown = np.concatenate(list(_shown_deviates(statistics)))
    return np.asarray(np.quantile(shown, _PROBABILITIES, axis=0).T, np.float64)


def _shown_deviates(statistics: RegionStatistics) -> Iterator[Floats]:
    for number in range(_LIVES):
        rng = np.random.default_rng((2, number))
        life = draw_life(0, harpnum=0, noaa_ar=0, statistics=statistics, rng=rng)
        hourly = slice(None, None, SLOTS_PER_HOUR)
        is_seen = np.abs(life.lon_deg[hourly]) <= LONGITUDE_LIMIT_DEG
        yield life.deviates[hourly][is_seen]


def _read(path: Path) -> pa.Table:
    with reading(path):
        return pyarrow.parquet.read_table(path)


def _region_days(daily: pa.Table, flares: pa.Table) -> RegionDays:
    daily = daily.filter(pc.less(daily["t_rec"], pa.scalar(BEFORE.item())))
    daily = daily.sort_by([("noaa_ar", "ascending"), ("t_rec", "ascending")])
    t_rec = daily["t_rec"].to_numpy().astype("datetime64[us]")
    region = daily["noaa_ar"].to_numpy().astype(np.int64)
    return RegionDays(
        day=(t_rec - t_rec.min()) / _DAY,
        region=region,
        lon_deg=np.abs(daily["lon_srs"].to_numpy().astype(float)),
        keywords=np.column_stack([daily[name].to_numpy().astype(float) for name in NAMES]),
        flares=_flares_after(region, t_rec, flares),
    )


def _flares_after(region: Integers, t_rec: NDArray[np.datetime64], flares: pa.Table) -> Integers:
    """Count the flares of C1.0 and above in (t, t + 24 h] of each region (n,)."""
    flares = flares.filter(pc.greater_equal(flares["peak_flux_wm2"], _C1))
    peak = flares["peak_time"].to_numpy().astype("datetime64[us]")
    numbers = flares["noaa_ar"].to_numpy()
    counts = np.zeros(len(region), np.int64)
    for number in np.unique(region):
        peaks = np.sort(peak[numbers == number])
        rows = region == number
        through = np.searchsorted(peaks, t_rec[rows] + _DAY, side="right")
        counts[rows] = through - np.searchsorted(peaks, t_rec[rows], side="right")
    return counts
