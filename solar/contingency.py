"""The 2x2 contingency table of yes/no forecasts, and the scores read off it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SCORES = (
    "accuracy",
    "precision",
    "recall",
    "far",
    "pofd",
    "bias",
    "tss",
    "hss1",
    "hss2",
    "gs",
    "csi",
    "f1",
    "npv",
    "appss",
    "sedi",
)


def score_arrays(cells: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]) -> dict[str, Floats]:
    """Compute all `SCORES` of many tables at once.

    Parameters
    ----------
    cells : hits a, false alarms b, misses c and correct negatives d, each (...)

    Returns
    -------
    One (...) array per score, in the order of `SCORES`; NaN where the score is undefined.
    The properties of `Contingency` say what each one means.
    """
    a, b, c, d = (np.asarray(cell, float) for cell in cells)
    events, nonevents, yes, n = a + c, b + d, a + b, a + b + c + d
    random_hits = yes * events
    always = np.maximum(events, nonevents)
    values = (
        _ratio(a + d, n),
        _ratio(a, yes),
        _ratio(a, events),
        _ratio(b, yes),
        _ratio(b, nonevents),
        _ratio(yes, events),
        _ratio(a * d - b * c, events * nonevents),
        _ratio(a - b, events),
        _ratio(2 * (a * d - b * c), events * (c + d) + yes * nonevents),
        _ratio(a * n - random_hits, (a + b + c) * n - random_hits),
        _ratio(a, a + b + c),
        _ratio(2 * a, 2 * a + b + c),
        _ratio(d, c + d),
        _ratio(a + d - always, n - always),
        _sedi(_ratio(a, events), _ratio(b, nonevents)),
    )
    return dict(zip(SCORES, values, strict=True))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    undefined = np.full(np.shape(denominator), np.nan)
    defined_at = np.asarray(denominator) != 0
    ratio: Floats = np.divide(numerator, denominator, out=undefined, where=defined_at)
    return ratio


def _sedi(recall: Floats, pofd: Floats) -> Floats:
    defined = (recall > 0) & (recall < 1) & (pofd > 0) & (pofd < 1)
    h, f = np.where(defined, recall, 0.5), np.where(defined, pofd, 0.5)
    missed, false, kept, rejected = np.log(h), np.log(f), np.log1p(-h), np.log1p(-f)
    value = (false - missed - rejected + kept) / (false + missed + rejected + kept)
    return np.where(defined, value, np.nan)


def defined(value: float) -> float | None:
    """Turn the NaN of an undefined score into None."""
    return None if math.isnan(value) else float(value)


@dataclass(frozen=True)
class Contingency:
    """Counts of yes/no forecasts against what happened.

    The scores follow Jolliffe & Stephenson, Forecast Verification, 2nd ed. (2012), chapter 3,
    in the letters a = hits, b = false alarms, c = misses, d = correct negatives, n = all.
    A score whose denominator is zero is None: without events recall is undefined.
    """

    hits: int
    false_alarms: int
    misses: int
    correct_negatives: int

    @classmethod
    def from_forecasts(cls, observed: ArrayLike, forecast_yes: ArrayLike) -> Contingency:
        """Count the four cells from two (n,) arrays of truth values."""
        event, yes = np.asarray(observed, bool), np.asarray(forecast_yes, bool)
        cells = (event & yes, ~event & yes, event & ~yes, ~event & ~yes)
        return cls(*(int(np.count_nonzero(cell)) for cell in cells))

    def scores(self) -> dict[str, float | None]:
        """Return all scores in the order of `SCORES`, None where undefined."""
        cells = (self.hits, self.false_alarms, self.misses, self.correct_negatives)
        arrays = score_arrays(cells)
        return {name: defined(float(value)) for name, value in arrays.items()}

    @property
    def n(self) -> int:
        """Number of forecasts."""
        return self.hits + self.false_alarms + self.misses + self.correct_negatives

    @property
    def accuracy(self) -> float | None:
        """Share of correct forecasts: (a + d)/n. Range 0 to 1, perfect 1; proportion correct."""
        return self.scores()["accuracy"]

    @property
    def precision(self) -> float | None:
        """Share of the yes forecasts that came true: a/(a + b). Perfect 1; success ratio."""
        return self.scores()["precision"]

    @property
    def recall(self) -> float | None:
        """Share of the events that were forecast: a/(a + c). 0 to 1, perfect 1.

        Synonyms: probability of detection (POD), hit rate, sensitivity.
        """
        return self.scores()["recall"]

    @property
    def far(self) -> float | None:
        """False-alarm *ratio*, share of the yes forecasts that failed: b/(a + b). Perfect 0."""
        return self.scores()["far"]

    @property
    def pofd(self) -> float | None:
        """False-alarm *rate*, share of the quiet cases with an alarm: b/(b + d). Perfect 0.

        Synonyms: probability of false detection, fall-out, 1 - specificity.
        """
        return self.scores()["pofd"]

    @property
    def bias(self) -> float | None:
        """Yes forecasts per event: (a + b)/(a + c). From 0, unbiased 1; frequency bias."""
        return self.scores()["bias"]

    @property
    def tss(self) -> float | None:
        """True skill statistic: recall - pofd. -1 to 1, no skill 0, perfect 1.

        It does not depend on the base rate. Synonyms: Peirce, Hanssen-Kuipers, Youden's J.
        Reference: Bloomfield et al. 2012, doi 10.1088/2041-8205/747/2/L41.
        """
        return self.scores()["tss"]

    @property
    def hss1(self) -> float | None:
        """Skill over always saying no: (a - b)/(a + c). To 1, perfect 1, no lower end.

        Reference: Barnes & Leka 2008, doi 10.1086/595550. Not the Heidke score `hss2`.
        """
        return self.scores()["hss1"]

    @property
    def hss2(self) -> float | None:
        """Heidke skill over chance: 2(ad - bc)/[(a + c)(c + d) + (a + b)(b + d)]. -1 to 1.

        No skill 0; Cohen's kappa. Reference: Balch 2008, doi 10.1029/2007SW000337.
        """
        return self.scores()["hss2"]

    @property
    def gs(self) -> float | None:
        """Gilbert (ETS): (a - r)/(a + b + c - r), r = (a + b)(a + c)/n. -1/3 to 1, perfect 1."""
        return self.scores()["gs"]

    @property
    def csi(self) -> float | None:
        """Critical success index: a/(a + b + c). 0 to 1, perfect 1; threat score."""
        return self.scores()["csi"]

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall: 2a/(2a + b + c). 0 to 1, perfect 1; Dice."""
        return self.scores()["f1"]

    @property
    def npv(self) -> float | None:
        """Share of the no forecasts that were right: d/(c + d). 0 to 1, perfect 1.

        Negative predictive value: what an all-clear is worth; its complement is the share of
        all-clears that were followed by a flare.
        """
        return self.scores()["npv"]

    @property
    def appss(self) -> float | None:
        """Appleman: skill in accuracy over always giving the commoner answer. To 1, perfect 1.

        Equals `hss1` while events are the rarer case. Reference: Leka et al. 2019,
        doi 10.3847/1538-4365/ab2e12.
        """
        return self.scores()["appss"]

    @property
    def sedi(self) -> float | None:
        """Symmetric extremal dependence index, for rare events. -1 to 1, perfect 1.

        (ln F - ln H - ln(1-F) + ln(1-H))/(ln F + ln H + ln(1-F) + ln(1-H)) with H = recall,
        F = pofd. Undefined when either is 0 or 1. Reference: Ferro & Stephenson 2011,
        doi 10.1175/WAF-D-10-05030.1.
        """
        return self.scores()["sedi"]


def expected_far(
    base_rate: float | None, *, recall: float | None, pofd: float | None
) -> float | None:
    """Return the false-alarm ratio at another base rate, None where it is undefined.

    F (1 - s)/(F (1 - s) + H s): recall H and false-alarm rate F belong to the forecasts, while the
    ratio depends on how often the event occurs, s.
    """
    if base_rate is None or recall is None or pofd is None:
        return None
    false_alarms, hits = pofd * (1 - base_rate), recall * base_rate
    return false_alarms / (false_alarms + hits) if false_alarms + hits else None
