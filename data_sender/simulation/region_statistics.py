"""Region statistics: the level and the correlation of SHARP keywords over real active regions.

The simulator draws from them; ``flarewatch send fit-simulator`` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import orjson
from numpy.typing import NDArray

from data_sender.rows import Floats
from solar.errors import InvalidInputError
from solar.sharp import LIVE_KEYWORDS

STATISTICS_PATH = Path(__file__).with_name("region_statistics.json")
NAMES: tuple[str, ...] = tuple(keyword.name for keyword in LIVE_KEYWORDS)


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


def load(path: Path = STATISTICS_PATH) -> RegionStatistics:
    """Load the committed statistics."""
    body = orjson.loads(path.read_bytes())
    if tuple(body["keywords"]) != NAMES:
        raise InvalidInputError(
            f"{path} is for other keywords than solar.sharp; run fit-simulator again"
        )
    return RegionStatistics(
        np.array(body["mean"]), np.array(body["covariance"]),
        body["r_value_floor"], body["provenance"],
    )  # fmt: skip


def _is_heavy(names: Sequence[str]) -> NDArray[np.bool_]:
    # R_VALUE is a logarithm already.
    return np.array([name != "R_VALUE" for name in names])
