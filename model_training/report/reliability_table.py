"""The table of reliability: how far forecasts come true as often as they say, by event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_training.judging.evidence import Evidence
from model_training.report.forecast_figures import cases_per_independent
from solar.reliability import ReliabilityBin, reliability

FEWEST_CASES = 30
LEAST = 0.01
HEAD = ("event", "bins", "within their bar", "below 1 %", "mean forecast", "came true")


def reliability_rows(evidences: Sequence[Evidence]) -> list[list[str]]:
    """Return a row of text for each evidence, in the columns of `HEAD`.

    Bins are those of the reliability diagram with at least 30 cases. One is within its bar if its
    mean forecast lies in the 95 % Wilson interval of the observed frequency, cases of one region
    and day counted once. The last three columns are of all forecasts below 1 %; a dash stands
    where there is none.
    """
    return [_row(evidence) for evidence in evidences]


def _row(evidence: Evidence) -> list[str]:
    known = ~np.isnan(evidence.calibrated)
    p, outcome = evidence.calibrated[known], evidence.outcome[known]
    shared = cases_per_independent(evidence, known)
    bins = [
        one
        for one in reliability(p, outcome, cases_per_independent=shared)
        if one.n >= FEWEST_CASES
    ]
    below = p < LEAST
    counts = [evidence.event, str(len(bins)), str(sum(map(_is_within, bins)))]
    if not below.any():
        return [*counts, "–", "–", "–"]
    shares = [f"{100 * column[below].mean():.1f} %" for column in (p, outcome)]
    return [*counts, f"{np.count_nonzero(below):,}", *shares]


def _is_within(one: ReliabilityBin) -> bool:
    if one.low is None or one.high is None or one.mean_forecast is None:
        return False
    return one.low <= one.mean_forecast <= one.high
