"""Region statistics: the level and the correlation of SHARP keywords over real active regions.

The simulator draws from them; ``flarewatch send fit-simulator`` fits and writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf
from pathlib import Path
from typing import cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from data_sender.sources.files.tables import reading
from solar.columns import Floats
from solar.errors import InvalidInputError
from solar.sharp import LIVE_KEYWORDS

STATISTICS_PATH = Path(__file__).with_name("region_statistics.json")
NAMES: tuple[str, ...] = tuple(keyword.name for keyword in LIVE_KEYWORDS)

# What the continuous hourly series lacks, and is regressed on the others elsewhere.
_DERIVED = ("R_VALUE", "AREA_ACR")
_FLOOR_QUANTILE = 0.02
_TOBIT_STEPS = 60
# The 10-90 % range of the standard normal distribution.
_NORMAL_SPREAD = 2.5631
_DIRECT = tuple(name for name in NAMES if name not in _DERIVED)


@dataclass(frozen=True)
class RegionStatistics:
    """Mean (18,) and covariance (18, 18) of the live keywords, compressed.

    `r_value_floor` is the least R_VALUE that occurs; below it there is no strong polarity
    inversion line, and R_VALUE is 0.
    """

    mean: Floats
    covariance: Floats
    r_value_floor: float
    provenance: str

    @property
    def deviation(self) -> Floats:
        """Standard deviation (18,) of the compressed keywords."""
        return np.sqrt(np.diag(self.covariance))

    def components(self) -> tuple[Floats, Floats]:
        """Return eigenvalues (18,) and -vectors (18, 18) of the correlation, largest first.

        The first component is the size of a region: it rises with the total flux.
        """
        scale = self.deviation
        values, vectors = np.linalg.eigh(self.covariance / np.outer(scale, scale))
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        signs = np.sign(vectors[NAMES.index("USFLUX")])
        return values, vectors * np.where(signs == 0, 1, signs)


def compress(values: Floats, names: Sequence[str] = NAMES) -> Floats:
    """Bring keywords (n, len(names)) to a scale without heavy tails; undone by `expand`."""
    return np.where(_is_heavy(names), signed_log(values), values)


def expand(values: Floats, names: Sequence[str] = NAMES) -> Floats:
    """Bring compressed keywords (n, len(names)) back to their units."""
    return np.where(_is_heavy(names), signed_exp(values), values)


def signed_log(values: Floats) -> Floats:
    """Compress heavy tails: sign(x) log(1 + abs(x)); nearly x itself for small x."""
    return cast(Floats, np.sign(values) * np.log1p(np.abs(values)))


def signed_exp(values: Floats) -> Floats:
    """Undo `signed_log`."""
    return cast(Floats, np.sign(values) * np.expm1(np.abs(values)))


def load_statistics(path: Path = STATISTICS_PATH) -> RegionStatistics:
    """Load the committed statistics."""
    body = orjson.loads(path.read_bytes())
    if tuple(body["keywords"]) != NAMES:
        raise InvalidInputError(
            f"{path} is for other keywords than solar.sharp; run fit-simulator again"
        )
    return RegionStatistics(
        np.array(body["mean"]),
        np.array(body["covariance"]),
        body["r_value_floor"],
        body["provenance"],
    )


def _is_heavy(names: Sequence[str]) -> NDArray[np.bool_]:
    # R_VALUE is a logarithm already.
    return np.array([name != "R_VALUE" for name in names])


def fit(hourly: Sequence[pa.Table], daily: pa.Table) -> RegionStatistics:
    """Fit the statistics.

    Parameters
    ----------
    hourly : tables with the keywords of `NAMES` but R_VALUE and AREA_ACR, of rows at a natural
        base rate; rows with a missing keyword are left out
    daily : table with all keywords; it gives the regression of R_VALUE and AREA_ACR
        on the others

    Returns
    -------
    The joint mean and covariance. Level and spread are the median and the 10-90 % range of a
    normal distribution, since a tail of tiny patches skews the logarithms. The derived
    keywords have those that the regression gives on the hourly rows, with its scatter.
    """
    direct = _matrix(hourly, _DIRECT)
    mean = np.median(direct, axis=0)
    spread = np.ptp(np.quantile(direct, (0.1, 0.9), axis=0), axis=0) / _NORMAL_SPREAD
    covariance = np.corrcoef(direct, rowvar=False) * np.outer(spread, spread)
    for name in _DERIVED:
        slope, offset, scatter = _regress(daily, name)
        cross = covariance[:, : len(_DIRECT)] @ slope
        variance = slope @ covariance[: len(_DIRECT), : len(_DIRECT)] @ slope + scatter
        mean = np.append(mean, mean[: len(_DIRECT)] @ slope + offset)
        covariance = np.block([[covariance, cross[:, None]], [cross[None, :], variance]])
    order = [(*_DIRECT, *_DERIVED).index(name) for name in NAMES]
    r_values = _column(daily, "R_VALUE")
    return RegionStatistics(
        mean[order],
        covariance[np.ix_(order, order)],
        float(np.quantile(r_values[r_values > 0], _FLOOR_QUANTILE)),
        f"{len(direct)} rows for level and correlation; R_VALUE and AREA_ACR by regression on"
        f" {daily.num_rows} rows",
    )


def fit_files(hourly: Sequence[Path], daily: Path) -> RegionStatistics:
    """Fit on parquet files; of `hourly`, rows whose licence is given as other than MIT stay out."""
    tables = [_licensed(path) for path in hourly]
    fitted = fit(tables, _read(daily))
    names = ", ".join(path.name for path in (*hourly, daily))
    provenance = f"SDO/HMI SHARP keywords (NASA) from {names}, no rows marked GPL-3.0: "
    return RegionStatistics(
        fitted.mean, fitted.covariance, fitted.r_value_floor, provenance + fitted.provenance
    )


def write_statistics(statistics: RegionStatistics, path: Path) -> None:
    """Write the statistics as JSON with 6 digits."""
    body = {
        "provenance": statistics.provenance,
        "transform": "sign(x) log(1 + abs(x)); R_VALUE as it is",
        "keywords": NAMES,
        "r_value_floor": statistics.r_value_floor,
        "mean": _digits(statistics.mean),
        "covariance": [_digits(row) for row in statistics.covariance],
    }
    path.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")


def _digits(values: Floats) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _read(path: Path) -> pa.Table:
    with reading(path):
        return pyarrow.parquet.read_table(path)


def _licensed(path: Path) -> pa.Table:
    table = _read(path)
    if "licence" not in table.column_names:
        return table
    return table.filter(pc.equal(table["licence"], "MIT"))


def _column(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)


def _matrix(tables: Sequence[pa.Table], names: Sequence[str]) -> Floats:
    parts = [np.stack([_column(table, name) for name in names], axis=1) for table in tables]
    rows = compress(np.concatenate(parts), names)
    return rows[np.isfinite(rows).all(axis=1)]


def _regress(table: pa.Table, name: str) -> tuple[Floats, float, float]:
    """Return slope (16,), offset and residual variance of a keyword on the direct ones.

    A 0 is a value that was too small to be seen, not a level of its own: the regression is
    Tobin's (1958, doi 10.2307/1907382), by expectation and maximisation.
    """
    rows = _matrix([table], (*_DIRECT, name))
    inputs = np.column_stack([rows[:, :-1], np.ones(len(rows))])
    seen = rows[:, -1] > 0
    limit = float(np.quantile(rows[seen, -1], _FLOOR_QUANTILE))
    target, extra = np.where(seen, rows[:, -1], limit), np.zeros(len(rows))
    for _ in range(_TOBIT_STEPS):
        solution, *_ = np.linalg.lstsq(inputs, target, rcond=None)
        level = inputs @ solution
        variance = float(np.mean((target - level) ** 2 + extra))
        below, spread = _truncated(level, variance, limit)
        target = np.where(seen, rows[:, -1], below)
        extra = np.where(seen, 0.0, spread)
    return solution[:-1], float(solution[-1]), variance


def _truncated(level: Floats, variance: float, limit: float) -> tuple[Floats, Floats]:
    """Return mean and variance (n,) of normal values that are known to lie below the limit."""
    deviation = np.sqrt(variance)
    reach = np.maximum((limit - level) / deviation, -6.0)
    cumulative = 0.5 * (1.0 + np.array([erf(value / np.sqrt(2.0)) for value in reach]))
    hazard = np.exp(-0.5 * reach**2) / np.sqrt(2.0 * np.pi) / cumulative
    return level - deviation * hazard, variance * (1.0 - reach * hazard - hazard**2)
