"""Region statistics: how the SHARP keywords of real active regions are distributed and change.

The simulator draws from them; ``flarewatch send fit-simulator`` fits and writes them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from solar.columns import Floats
from solar.errors import InvalidInputError
from solar.sharp import LIVE_KEYWORDS

STATISTICS_PATH = Path(__file__).with_name("region_statistics.json")
NAMES: tuple[str, ...] = tuple(keyword.name for keyword in LIVE_KEYWORDS)


@dataclass(frozen=True)
class RegionStatistics:
    """The joint distribution of the 18 live keywords, as a Gaussian copula.

    The deviates of a region are normal and keep their correlation; each keyword is a rising
    function of its deviate, so that it has the quantiles of the real keyword.

    Parameters
    ----------
    correlation : (18, 18) of the deviates, the influence of the longitude taken out
    inborn : (18,) share of the variance of each component, largest first, that a region keeps
        for its life; the rest wanders
    wandering_days : (18,) e-folding time of what wanders
    limb : (18,) change of a deviate from the centre of the disk to the limb, which goes as
        sin(longitude)^2
    flaring : (18,) change of the logarithm of the flare rate by a deviate
    deviates, keywords : (18, q) deviates in rising order and the keywords there, in their units
    r_value_floor : the least R_VALUE that occurs; below it there is no strong polarity inversion
        line, and R_VALUE is 0
    """

    correlation: Floats
    inborn: Floats
    wandering_days: Floats
    limb: Floats
    flaring: Floats
    deviates: Floats
    keywords: Floats
    r_value_floor: float
    provenance: str

    def components(self) -> tuple[Floats, Floats]:
        """Return eigenvalues (18,) and -vectors (18, 18) of the correlation, largest first.

        The first component is the size of a region: it rises with the total flux.
        """
        return components(self.correlation)

    def keywords_of(self, deviates: Floats) -> Floats:
        """Return the keywords (n, 18) of deviates (n, 18); the ends of the table are not passed."""
        columns = [
            np.interp(deviates[:, place], self.deviates[place], self.keywords[place])
            for place in range(len(NAMES))
        ]
        values = np.column_stack(columns)
        r_value = values[:, NAMES.index("R_VALUE")]
        r_value[r_value < self.r_value_floor] = 0.0
        return values


def components(correlation: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues (18,) and -vectors (18, 18), largest first, that rise with USFLUX."""
    values, vectors = np.linalg.eigh(correlation)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    signs = np.sign(vectors[NAMES.index("USFLUX")])
    return values, vectors * np.where(signs == 0, 1, signs)


def load_statistics(path: Path = STATISTICS_PATH) -> RegionStatistics:
    """Load the committed statistics."""
    body = orjson.loads(path.read_bytes())
    if tuple(body.pop("names")) != NAMES:
        raise InvalidInputError(
            f"{path} is for other keywords than solar.sharp; run fit-simulator again"
        )
    texts_and_numbers: dict[str, Any] = {
        name: np.array(item) if isinstance(item, list) else item for name, item in body.items()
    }
    return RegionStatistics(**texts_and_numbers)


def write_statistics(statistics: RegionStatistics, path: Path) -> None:
    """Write the statistics as JSON with 5 digits."""
    body = {name: _digits(item) for name, item in asdict(statistics).items()}
    path.write_bytes(orjson.dumps({"names": NAMES} | body, option=orjson.OPT_APPEND_NEWLINE))


def _digits(item: Any) -> Any:
    if isinstance(item, str):
        return item
    if np.ndim(item) == 0:
        return float(f"{item:.5g}")
    return [_digits(part) for part in item]
