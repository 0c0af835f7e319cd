"""Explanations: what each feature adds to the log-odds of a forecast, and added before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.contract.problems import Fault, RequestError
from app.scoring.features import forecast, stored_features
from app.scoring.windows import gather_inputs, look_back, reach
from database.observations.records import load_records
from database.regions.timeline import issued_raw, latest_t_rec
from model_training.artefact.artifact import Artifact
from model_training.features import Inputs, kind, unit
from solar.columns import Floats
from solar.errors import NotFoundError
from solar.flares import EVENTS, LEADS, Event
from solar.flares import event as find_event
from solar.shapley import Attribution, attribute
from solar.sharp import BY_NAME
from solar.time import isoformat
from solar.windows import DAY, WINDOWS

_SEED = 20140329
# Records that a model scores for one explanation: about 50 ms with the shipped models.
_MOST_RECORDS = 40_000
_MOST_PAIRS = 100
_FEWEST_PAIRS = 4
# A probability of 0 has no log-odds; none of the models can tell one below this from another.
_SMALLEST = 1e-6

_HISTORY_LABELS = {
    "FLARES_C_24H": "C1.0+ count, 24 h",
    "FLARES_M_24H": "M1.0+ count, 24 h",
    "FLARE_INDEX_24H": "Flare flux, 24 h",
    "FLARE_INDEX_DECAYED": "Decayed flare index",
    "HOURS_SINCE_C": "Time since C1.0+",
    "HOURS_SINCE_M": "Time since M1.0+",
    "HOURS_SINCE_X": "Time since X1.0+",
    "DISK_FLARES_C_24H": "Disk C1.0+, 24 h",
    "DISK_FLARES_M_24H": "Disk M1.0+, 24 h",
    "DISK_FLARES_M_3D": "Disk M1.0+, 3 d",
    "DISK_FLARES_C_27D": "Disk C1.0+, 27 d",
    "DISK_FLARES_M_27D": "Disk M1.0+, 27 d",
}


@dataclass(frozen=True)
class _Case:
    """The forecast of a region at one time: its inputs (1, f) or (1, L, f), or why there is none.

    `values` (f,) are those of the last step, `forecast` the calibrated probability, NaN for none.
    """

    t_rec: datetime
    inputs: Inputs
    values: Floats
    forecast: float
    reason: str | None


def explain(
    connection: sa.Connection,
    model: Artifact,
    event: Event,
    *,
    region_id: int,
    at: datetime,
    back: timedelta,
) -> dict[str, Any]:
    """Explain the forecast from the newest record of a region up to `at`.

    Parameters
    ----------
    back : how much older, at least, the record is whose forecast is explained beside it

    Raises
    ------
    NotFoundError
        When the region has no record so early.
    RequestError
        When there was no forecast, or the model has no training reference, or no such window.
    """
    _refuse_other_window(model, event)
    reference = reference_of(model)
    t_rec = latest_t_rec(connection, region_id, until=at)
    if t_rec is None:
        raise NotFoundError(
            f"no record of region {region_id} up to {isoformat(at)}; choose a later time, or a"
            " region of /api/v1/regions"
        )
    case = _case(connection, model, event, region_id, t_rec)
    if np.isnan(case.forecast):
        raise _conflict(
            "No forecast",
            f"at {isoformat(t_rec)} there was no forecast to explain:"
            f" {case.reason or f'{model.model_id} does not forecast {event.label}'}",
        )
    cases = [case, *_before(connection, model, event, region_id, t_rec - back)]
    shares = _attribution(model, event, cases, reference)
    issued = None
    if event in EVENTS:
        # Of other windows the raw probabilities are not stored.
        issued = issued_raw(
            connection, region_id, t_rec=t_rec, model_id=model.model_id, column=event.column
        )
    explained = [
        _explained(model, one, shares, row=row, reference=reference)
        for row, one in enumerate(cases)
    ]
    return {
        "region": region_id,
        "model": model.model_id,
        "event": event.name,
        "base_log_odds": shares.base,
        **explained[0],
        "issued_probability_raw": issued,
        "previous": explained[1] if len(explained) > 1 else None,
    }


def reference_of(model: Artifact) -> Floats:
    """Return the mean of each feature (f,) over the training set."""
    reference = model.manifest.reference
    if reference is None:
        raise _conflict(
            "No training reference",
            f"the model has no training reference: what {model.model_id} was trained on is not"
            f" known; {_advice(model)}",
        )
    means = [reference.features[name].mean for name in model.feature_names]
    return np.array(means, float)


def _advice(model: Artifact) -> str:
    if model.manifest.made_by == "elsewhere":
        return "its maker can add reference and scored_graph to its manifest"
    return "train it again with `flarewatch train RECIPE.toml`"


def _conflict(title: str, detail: str) -> RequestError:
    return RequestError(detail, status=409, title=title)


def _refuse_other_window(model: Artifact, event: Event) -> None:
    windows = {find_event(target.name).window.name for target in model.manifest.targets}
    if event in EVENTS or event.window.name in windows:
        return
    known = [window.name for window in WINDOWS if window == DAY or window.name in windows]
    message = (
        f"{model.model_id} does not forecast {event.window.name}; choose one of"
        f" {', '.join(known)}, or another model"
    )
    raise RequestError("the query cannot be used; see errors", faults=[Fault("window", message)])


def _before(
    connection: sa.Connection, model: Artifact, event: Event, region_id: int, until: datetime
) -> list[_Case]:
    t_rec = latest_t_rec(connection, region_id, until=until)
    if t_rec is None:
        return []
    case = _case(connection, model, event, region_id, t_rec)
    return [] if np.isnan(case.forecast) else [case]


def _case(
    connection: sa.Connection, model: Artifact, event: Event, region_id: int, t_rec: datetime
) -> _Case:
    """Score a region as the model did when the record came, with the flares known by now."""
    records = load_records(connection, {region_id: (t_rec - reach(model.manifest), t_rec)})
    matrix = model.matrix(stored_features(connection, records))
    last = np.array([len(records) - 1])
    inputs = gather_inputs(matrix, look_back(records, last, model.manifest))
    scores = forecast(model, inputs, records.lon_fwt[last])
    # A model of the next 24 h alone has no columns of other windows.
    values = np.concatenate([scores.calibrated[0], scores.leads[0]])
    value = dict(zip((*EVENTS, *LEADS), values.tolist(), strict=False)).get(event, np.nan)
    return _Case(t_rec, inputs, matrix[-1].astype(float), value, scores.reason[0])


def _attribution(
    model: Artifact, event: Event, cases: list[_Case], reference: Floats
) -> Attribution:
    (column,) = (one.column for one in model.manifest.all_targets if one.name == event.name)

    def score(inputs: NDArray[np.floating[Any]]) -> Floats:
        answer = model.inference.run(inputs.astype(np.float32))
        return log_odds(answer.probabilities[:, column])

    x = np.concatenate([case.inputs for case in cases])
    per_pair = 2 * len(x) * x.shape[-1] * model.manifest.window_length
    pairs = min(max(_MOST_RECORDS // per_pair, _FEWEST_PAIRS), _MOST_PAIRS)
    rng = np.random.default_rng(_SEED)
    return attribute(score, x, reference, pairs=pairs, rng=rng)


def log_odds(probability: Floats) -> Floats:
    """Return ln(p / (1 - p)), with p kept a millionth away from 0 and 1."""
    p = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    odds: Floats = np.log(p / (1 - p))
    return odds


def _explained(
    model: Artifact, case: _Case, shares: Attribution, *, row: int, reference: Floats
) -> dict[str, Any]:
    value = float(shares.value[row])
    return {
        "t_rec": isoformat(case.t_rec),
        "log_odds": value,
        "probability_raw": float(1 / (1 + np.exp(-value))),
        "contributions": contributions(
            model.feature_names,
            values=case.values,
            reference=reference,
            parts=shares.parts[row],
            errors=shares.error[row],
        ),
    }


def contributions(
    names: Sequence[str], *, values: Floats, reference: Floats, parts: Floats, errors: Floats
) -> list[dict[str, Any]]:
    """List the (f,) features, the one with the largest contribution first; NaN is null."""
    largest_first = np.argsort(-np.abs(parts), kind="stable").tolist()
    return [
        {
            "feature": names[place],
            "label": label(names[place]),
            "unit": unit(names[place]),
            "value": _known(values[place]),
            "reference": _known(reference[place]),
            "contribution": float(parts[place]),
            "error": _known(errors[place]),
        }
        for place in largest_first
    ]


def label(name: str) -> str:
    """Return a short label for a feature."""
    return BY_NAME[name].description if kind(name) == "keyword" else _HISTORY_LABELS[name]


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
