"""The judgement of a model: its scores and those of every other entrant on the same cases.

Differences are paired: the scores of the model minus those of an entrant on the same resamples.
The manifest keeps the scores that are shown beside a served model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.artefact.manifest import EventScores, Score, ScoreBook
from model_training.judging.evidence import MODEL, Evidence
from model_training.judging.importance import Importance
from solar import binned
from solar.binned import resampled_scores
from solar.bootstrap import (
    BLOCK_DAYS,
    RESAMPLES,
    RUN_SEED,
    Draws,
    block_length,
    draw,
    interval,
)
from solar.contingency import Contingency, defined, score_arrays
from solar.histogram import Stacked, Tally, stack_cases
from solar.probability import Murphy
from solar.reliability import ReliabilityBin
from solar.skill import Estimate, rounded, summary

Floats = NDArray[np.float64]

# In these the model is compared with every entrant.
DIFFERENCES = ("bss", "auc", "tss")
LEVEL = 0.95
PROBABILITY_SCORES = ("bss", "brier", "auc", "average_precision")


def differences(
    stacked: Mapping[str, Stacked],
    thresholds: Mapping[str, float],
    *,
    model: str,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, Estimate]]:
    """Compare the model with every other entrant; a positive difference favours the model.

    Parameters
    ----------
    stacked : entrant -> its cases, the same ones for all
    thresholds : entrant -> its own threshold; the TSS of one that is absent is undefined

    Returns
    -------
    entrant -> score -> difference with its 95 % interval; there is none below ten days.
    """
    model_scores = stacked[model]
    draws = draw(
        len(model_scores.rows.n), row_days=model_scores.row_days, rng=rng, resamples=resamples
    )
    values = {
        name: (
            _scores(entrant_scores.total(), thresholds.get(name)),
            _resampled_scores(entrant_scores, thresholds.get(name), draws),
        )
        for name, entrant_scores in stacked.items()
    }
    model_value, model_resampled = values.pop(model)
    return {
        name: {
            score: _estimate(
                model_value[score] - value[score], model_resampled[score] - resampled[score]
            )
            for score in DIFFERENCES
        }
        for name, (value, resampled) in values.items()
    }


def block_days(stacked: Stacked) -> int:
    """Return the length of the blocks that are drawn, as `solar.skill.summary` draws them."""
    rows = block_length(len(stacked.rows.n), max(1, BLOCK_DAYS // stacked.row_days))
    return rows * stacked.row_days


def _scores(tally: Tally, threshold: float | None) -> dict[str, Floats]:
    """Return the compared scores (...) of a tally; NaN where undefined."""
    auc = binned.auc(tally)
    return {
        "bss": binned.brier_skill(binned.brier(tally), binned.climatology_brier(tally)),
        "auc": auc,
        "tss": np.full_like(auc, np.nan)
        if threshold is None
        else score_arrays(binned.cells(tally, threshold))["tss"],
    }


def _resampled_scores(stacked: Stacked, threshold: float | None, draws: Draws) -> dict[str, Floats]:
    scores = resampled_scores(stacked, threshold=threshold or 0, draws=draws)
    undefined = np.full_like(scores["tss"], np.nan)
    return scores if threshold is not None else scores | {"tss": undefined}


def _estimate(value: Floats, resampled: Floats) -> Estimate:
    bounds = interval(resampled, level=LEVEL)
    low, high = (bounds.low, bounds.high) if bounds else (None, None)
    return rounded(Estimate(defined(float(value)), low, high))


@dataclass(frozen=True)
class Entrant:
    """The scores of one forecaster; without a threshold it has no yes/no scores."""

    threshold: float | None
    contingency: Contingency | None
    scores: dict[str, Estimate]
    murphy: Murphy | None
    roc: tuple[binned.RocPoint, ...]
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class Judgement:
    """Scores of one event on one part; all entrants are scored on the same `n` cases.

    Parameters
    ----------
    model : the entrant that is judged, a key of `entrants`
    n_withheld : cases left out because an entrant had no forecast for them
    absent : entrants without any forecast, which are not scored
    uncalibrated : the model before calibration, where it gave a forecast
    differences : entrant -> score -> model minus entrant, both on the same resamples
    """

    part: str
    event: str
    model: str
    n: int
    n_events: int
    n_unknown: int
    n_withheld: int
    first_at: str | None
    last_at: str | None
    block_days: int
    resamples: int
    entrants: dict[str, Entrant]
    uncalibrated: Entrant
    differences: dict[str, dict[str, Estimate]]
    absent: tuple[str, ...]

    @property
    def base_rate(self) -> float | None:
        """Share of the scored cases that were events."""
        return self.n_events / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries and lists, ready for JSON; None is undefined."""
        return {"base_rate": self.base_rate, **asdict(self)}


def to_json(
    judgements: Sequence[Judgement], importances: Mapping[str, Sequence[Importance]] | None = None
) -> bytes:
    """Write judgements as JSON, with the importance of features by event; undefined is null."""
    body = {
        "interval": {"level": LEVEL, "method": "block bootstrap of days, percentiles"},
        "references": {"bss": "base rate of the scored cases"},
        "judgements": [judgement.to_dict() for judgement in judgements],
        "importance": {
            event: [asdict(one) for one in features]
            for event, features in (importances or {}).items()
        },
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def judge(evidence: Evidence, *, model: str = MODEL, resamples: int = RESAMPLES) -> Judgement:
    """Score the model, called `model`, and all entrants on the cases that all have forecast."""
    absent = tuple(name for name, p in evidence.entrants.items() if len(p) and np.isnan(p).all())
    forecasts = {model: evidence.calibrated} | {
        name: p for name, p in evidence.entrants.items() if name not in absent
    }
    cases = _forecast_by_all(list(forecasts.values()))
    thresholds = _thresholds(evidence, model)
    stacked = {name: _stack(evidence, p, cases) for name, p in forecasts.items()}
    raw = _stack(evidence, evidence.raw, cases & ~np.isnan(evidence.raw))
    first_at, last_at = _span(evidence.t_rec[cases])
    return Judgement(
        part=evidence.part,
        event=evidence.event,
        model=model,
        n=int(cases.sum()),
        n_events=int(evidence.outcome[cases].sum()),
        n_unknown=evidence.n_unknown,
        n_withheld=int((~cases).sum()),
        first_at=first_at,
        last_at=last_at,
        block_days=block_days(stacked[model]),
        resamples=resamples,
        entrants={n: _entrant(s, thresholds.get(n), resamples) for n, s in stacked.items()},
        uncalibrated=_entrant(raw, None, resamples),
        differences=differences(stacked, thresholds, model=model, resamples=resamples, rng=_rng()),
        absent=absent,
    )


def _forecast_by_all(forecasts: Sequence[Floats]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(np.stack(forecasts)).all(axis=0), np.bool_)


def _thresholds(evidence: Evidence, model: str) -> dict[str, float]:
    """Return the threshold of each entrant; a forecaster of only 0 and 1 needs none."""
    plain = {
        name: 0.5
        for name, p in evidence.entrants.items()
        if len(p) and np.isin(p[~np.isnan(p)], (0, 1)).all()
    }
    thresholds = {} if evidence.threshold is None else {model: evidence.threshold}
    return thresholds | plain | dict(evidence.thresholds)


def _stack(evidence: Evidence, probability: Floats, cases: NDArray[np.bool_]) -> Stacked:
    return stack_cases(probability[cases], evidence.outcome[cases], day=evidence.day[cases])


def _rng() -> np.random.Generator:
    """Seed alike for every entrant, so that all are scored on the same resamples."""
    return np.random.default_rng(RUN_SEED)


def _entrant(stacked: Stacked, threshold: float | None, resamples: int) -> Entrant:
    scores = summary(
        stacked,
        threshold=0.5 if threshold is None else threshold,
        rng=_rng(),
        resamples=resamples,
    )
    kept = PROBABILITY_SCORES if threshold is None else tuple(scores.scores)
    return Entrant(
        threshold=threshold,
        contingency=None if threshold is None else scores.contingency,
        scores={name: rounded(scores.scores[name]) for name in kept},
        murphy=scores.murphy,
        roc=scores.roc,
        reliability=scores.reliability,
    )


def _span(times: NDArray[np.datetime64]) -> tuple[str | None, str | None]:
    if not times.size:
        return None, None
    first, last = np.datetime_as_string([times.min(), times.max()], unit="s")
    return f"{first}Z", f"{last}Z"


def manifest_scores(evidence: Iterable[Evidence]) -> ScoreBook:
    """Judge evidence: part -> entrant -> event -> scores."""
    scores: ScoreBook = {}
    for judgement in map(judge, evidence):
        part = scores.setdefault(judgement.part, {})
        for name, entrant in judgement.entrants.items():
            part.setdefault(name, {})[judgement.event] = _event_scores(judgement, entrant)
    return scores


def _event_scores(judgement: Judgement, entrant: Entrant) -> EventScores:
    return EventScores(
        n=judgement.n,
        n_events=judgement.n_events,
        n_unknown=judgement.n_unknown,
        threshold=entrant.threshold,
        scores={
            name: Score(value=score.value, low=score.low, high=score.high)
            for name, score in entrant.scores.items()
        },
    )
