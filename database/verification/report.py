"""The skill report: what is said of one entrant over a range of days, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from database.verification.day_table import DayTable
from solar.reliability import ReliabilityBin
from solar.skill import Estimate, Summary

NO_EVENTS = "no events: undefined"
REFERENCES = {
    "bss": "sample climatology of the scored range",
    "bss_against": "the same cases, forecast by the entrant named",
    "differences": "this model minus the entrant named; resampled together",
    "value": "relative economic value, Richardson 2000; 1 is perfect, 0 what climatology saves",
}
_LEVEL = 0.95
_UNDEFINED = {"value": None, "low": None, "high": None}


@dataclass(frozen=True)
class Threshold:
    """The probability from which a forecast counts as yes, and where it comes from."""

    value: float
    source: str


def report(summary: Summary, days: DayTable, *, threshold: Threshold) -> dict[str, Any]:
    """Write one entrant's scores; undefined is None."""
    n, n_events = summary.n, summary.n_events
    n_unknown, n_withheld = days.total("unknown"), days.total("withheld")
    cases = n + n_unknown + n_withheld
    return {
        "threshold": {"value": summary.threshold, "source": threshold.source},
        "n": n,
        "n_events": n_events,
        "n_unknown": n_unknown,
        "n_withheld": n_withheld,
        "coverage": n / cases if cases else None,
        "base_rate": n_events / n if n else None,
        "contingency": asdict(summary.contingency) if n else None,
        "scores": {name: estimate_body(value) for name, value in summary.scores.items()},
        "references": REFERENCES,
        "bss_against": {name: estimate_body(versus.bss) for name, versus in summary.versus.items()},
        "differences": {
            name: {score: estimate_body(value) for score, value in versus.differences.items()}
            for name, versus in summary.versus.items()
        },
        "reliability": [_bin(one) for one in summary.reliability],
        "roc": [
            {"threshold": point.threshold, "pod": point.recall, "pofd": point.pofd}
            for point in summary.roc
        ],
        "curve": [{"threshold": point.threshold, **point.scores} for point in summary.curve],
        "precision_recall": [vars(point) for point in summary.precision_recall],
        "value": [vars(point) for point in summary.value],
        "interval": {
            "level": _LEVEL,
            "method": f"{summary.block_days}-day blocks",
            "resamples": summary.resamples,
            "days": int(np.count_nonzero(days.days["n"])),
        },
        "message": None if n_events else NO_EVENTS,
    }


def day_counts(days: DayTable) -> list[dict[str, Any]]:
    """List the scored cases by day."""
    names = np.datetime_as_string(days.day.astype("datetime64[D]")).tolist()
    n, events = (days.days[name].tolist() for name in ("n", "events"))
    return [
        {"day": day, "n": of_day, "events": came}
        for day, of_day, came in zip(names, n, events, strict=True)
    ]


def estimate_body(estimate: Estimate) -> dict[str, float | None]:
    if estimate.value is None:
        return dict(_UNDEFINED)
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _bin(one: ReliabilityBin) -> dict[str, float | int | None]:
    return {
        "low": one.lower, "high": one.upper, "n": one.n, "events": one.events,
        "mean_forecast": one.mean_forecast, "observed": one.observed_frequency,
        "wilson_low": one.low, "wilson_high": one.high,
    }  # fmt: skip
