"""Scores of single cases, without bins: what the scores of binned forecasts are compared with."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics

from solar.bootstrap import BLOCK_DAYS, interval
from solar.probability import murphy_terms

RESAMPLES = 1000


def roc_curve(probability, observed):
    """Return thresholds, POFD and recall from (0, 0) to (1, 1); None unless both classes occur."""
    if len(np.unique(observed)) < 2:
        return None
    pofd, recall, thresholds = metrics.roc_curve(observed, probability, drop_intermediate=False)
    return thresholds, pofd, recall


def auc(probability, observed):
    """Chance that an event had the higher probability than a non-event, a tie counting half.

    The statistic of Mann and Whitney, which resampling can afford thousands of times.
    """
    o = np.asarray(observed, bool)
    events, others = np.count_nonzero(o), np.count_nonzero(~o)
    if not events or not others:
        return None
    rank_sum = rankdata(probability)[o].sum()
    return float((rank_sum - events * (events + 1) / 2) / (events * others))


def average_precision(probability, observed):
    """Precision averaged over the steps of recall, without interpolation; None without events."""
    return metrics.average_precision_score(observed, probability) if np.any(observed) else None


def best_tss(probability, observed):
    """Find the greatest TSS over all thresholds and the highest threshold that reaches it."""
    thresholds, pofd, recall = roc_curve(probability, observed)
    tss = recall - pofd
    best = int(np.argmax(np.isclose(tss[1:], tss[1:].max(), rtol=0, atol=1e-12))) + 1
    return float(tss[best]), float(thresholds[best])


def murphy(probability, observed):
    """Split the Brier score by unique forecast value, so that the identity holds exactly."""
    p, o = np.asarray(probability, float), np.asarray(observed, float)
    values, group = np.unique(p, return_inverse=True)
    n, events = (np.bincount(group, w, len(values)) for w in (np.ones_like(o), o))
    return murphy_terms(n, events, forecast=values)


def block_interval(arrays, statistic, *, rng, block_days=BLOCK_DAYS, resamples=RESAMPLES):
    """Bound a statistic of arrays (n, ...) of consecutive days, all resampled alike."""
    n = len(arrays[0])
    starts = rng.integers(0, n, (resamples, -(-n // block_days)))
    offsets = np.arange(block_days)
    rows = (((drawn[:, np.newaxis] + offsets) % n).ravel()[:n] for drawn in starts)
    values = (statistic(*(array[row] for array in arrays)) for row in rows)
    return interval([np.nan if value is None else value for value in values])
