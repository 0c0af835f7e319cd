"""Scoring: the models that serve, and the forecasts they make of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from database.observations.records import Records
from model_training import artifact
from model_training.artifact import Artifact, Inputs, Scores
from model_training.features import HISTORY_FEATURES, FlareHistory, history_features
from solar.errors import ArtifactError
from solar.flares import EVENTS
from solar.sharp import BY_NAME, KEYWORDS, LONGITUDE_LIMIT_DEG
from solar.time import Window, to_datetime64

Floats = NDArray[np.float64]

STAGES_FILE = "live.json"
# A flare list that ends a little before t still tells the history; one that ends longer ago
# would let a flare that is merely not listed yet pass for quiet.
_HISTORY_NEEDED = np.timedelta64(timedelta(hours=24))
_LIST_MAY_LAG = np.timedelta64(timedelta(hours=6))
_BEYOND_LIMIT = (
    f"more than {LONGITUDE_LIMIT_DEG:.0f} degrees from the central meridian,"
    " where the field maps cannot be trusted"
)


class Stages(BaseModel):
    """Which artefacts of a folder serve, as ``name@version``, and why some without an audit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    live: str
    shadow: tuple[str, ...] = ()
    unaudited: dict[str, str] = {}


@dataclass(frozen=True)
class Lineup:
    """The live model, and those that forecast in its shadow.

    `unaudited` says by model id why a model that was made elsewhere serves without a leak audit.
    """

    live: Artifact
    shadows: tuple[Artifact, ...]
    unaudited: Mapping[str, str] = field(default_factory=dict)

    @property
    def models(self) -> tuple[Artifact, ...]:
        """All models that score every observation."""
        return (self.live, *self.shadows)


def load_lineup(folder: Path) -> Lineup:
    """Load the models that the stage file of a folder of artefacts names.

    Raises
    ------
    ArtifactError
        Naming the model, when one is missing, contradicts its manifest, or looks at what no
        observation brings.
    """
    stages = _read_stages(folder)
    live, *shadows = (
        _servable(artifact.load(folder / name.replace("@", "-")))
        for name in (stages.live, *stages.shadow)
    )
    return Lineup(live, tuple(shadows), stages.unaudited)


def _servable(model: Artifact) -> Artifact:
    foreign = [
        name for name in model.feature_names if name not in BY_NAME and name not in HISTORY_FEATURES
    ]
    if foreign:
        raise ArtifactError(
            f"model {model.model_id} cannot serve: {', '.join(foreign)} come neither with an"
            " observation nor from the flare list; promote a model of SHARP keywords and flare"
            " history instead"
        )
    return model


def _read_stages(folder: Path) -> Stages:
    path = folder / STAGES_FILE
    try:
        return Stages.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArtifactError(
            f"no model is live: {path} cannot be read; run `flarewatch promote NAME VERSION`"
        ) from error
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ArtifactError(f"{path} does not name the live model: {reason}") from error


def features_of(
    records: Records, flares: FlareHistory, *, known: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Name what the models may look at: (m,) each, NaN where missing."""
    keywords = {k.name: records.keywords[:, place] for place, k in enumerate(KEYWORDS)}
    return keywords | history_features(records.region_id, records.t_rec, flares, known=known)


def known_history(times: NDArray[np.datetime64], covered: Sequence[Window]) -> NDArray[np.bool_]:
    """Tell for each time whether the flare list covers the day before it."""
    known = np.zeros(len(times), np.bool_)
    for window in covered:
        starts_in_time = times - _HISTORY_NEEDED >= to_datetime64(window.start_at)
        known |= starts_in_time & (times - _LIST_MAY_LAG <= to_datetime64(window.end_at))
    return known


def forecast(model: Artifact, inputs: Inputs, lon_fwt: Floats) -> Scores:
    """Score rows, with columns in the order of `EVENTS`; beyond 70 degrees none is given."""
    scores = model.score_inputs(inputs)
    names = model.manifest.event_names
    order = [names.index(event.name) if event.name in names else None for event in EVENTS]
    beyond = np.abs(lon_fwt) > LONGITUDE_LIMIT_DEG
    reason = list(scores.reason)
    for place in np.flatnonzero(beyond).tolist():
        reason[place] = _BEYOND_LIMIT
    return replace(
        scores,
        raw=_arranged(scores.raw, order, beyond),
        calibrated=_arranged(scores.calibrated, order, beyond),
        rung=np.where(beyond, "none", scores.rung),
        reason=reason,
    )


def _arranged(columns: Floats, order: Sequence[int | None], withheld: NDArray[np.bool_]) -> Floats:
    arranged = np.full((len(columns), len(order)), np.nan)
    for place, column in enumerate(order):
        if column is not None:
            arranged[:, place] = columns[:, column]
    arranged[withheld] = np.nan
    return arranged
