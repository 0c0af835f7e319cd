"""The definitions of every number on the Region page."""

from __future__ import annotations

from app_dash.shared.definitions import Definition

DEFINITIONS: dict[str, Definition] = {
    "region-timeline": Definition(
        "Probability and observed flares",
        "Thick: the forecasts of the model that was live when each was issued. Thin: other models'"
        " forecasts of the chosen class. Dashed: the threshold frozen with the live model of that"
        " time. A flare of the class that peaks in the 24 h of a forecast makes it a hit or a miss;"
        " without one it is a false alarm or quiet; a gap in the flare list makes it unknown. The"
        " bracket left of a flare spans the forecasts that it counts for.",
        "warned: P ≥ threshold; flared: t ≤ peak < t + 24 h",
        "A flare is judged by the newest forecast before its peak, at most 24 h old",
    ),
    "as-of": Definition(
        "As of",
        "The page as it was known at this time; what became known later is pale, never hidden. As"
        " issued shows the revision of each forecast that was current then; for forecasts made"
        " more than 24 h after their record, as in a replay, the first revision. Latest shows the"
        " newest revision.",
        "t ≤ T and, in live operation, issued at ≤ T; of an outcome: its flare or t + 24 h ≤ T",
        "Only the newest revision of a record is kept; see docs/region.md",
    ),
    "region-keywords": Definition(
        "SHARP keywords",
        "Each keyword as stored, in the unit beside its name; the bold figure is the last value up"
        " to the time of the page. Hatched: no value, or no record. Open circle at the bottom:"
        " missing, imputed for a forecast.",
        "Values of the newest revision; thinned so that each interval keeps its extremes",
        "Bobra et al. 2014, doi 10.1007/s11207-014-0529-3",
    ),
    "region-completeness": Definition(
        "Data completeness",
        "Stored frames, out of those expected at the usual cadence of the range. Missing: more than"
        " one and a half cadences between two records. Imputed: a record without one of the"
        " keywords that this source provides, or a forecast from partly imputed inputs.",
        "expected = (last − first)/usual cadence + 1",
        "The imputed share is stored with each forecast",
    ),
    "region-network": Definition(
        "Keyword network",
        "Pearson correlation of every two keywords over the records of the window that have both."
        " An edge joins two with |r| at or above the limit; it is new if the window before lacked"
        " it. Undefined for a constant keyword or fewer than 8 records.",
        "r = Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² Σ(y − ȳ)²)",
        "Neighbouring records are not independent: a high r in a short window is a"
        " common trend, not a cause",
    ),
    "region-forecast": Definition(
        "Forecast",
        "The calibrated probability of a flare of the class and above in the 24 h from the"
        " record, with its change against the newest forecast at least 24 h before and against the"
        " one just before.",
        "Δ = P(t) − P(t′), in percentage points",
        "Calibration and threshold were fitted on validation years; see docs/models.md",
    ),
    "region-windows": Definition(
        "Windows",
        "The calibrated probability of a flare of the class that peaks in the window, each with its"
        " band: how far it moved when model and calibration were fitted again on other days. The"
        " band does not cover a change of the base rate, and it is no range for the flare itself;"
        " one wider than 40 points is hardly known. A window that the model does not forecast is"
        " –, and a model without refits has no band.",
        "bar: 5th to 95th percentile of the refits on 0 to 100 %; tick: the probability",
        "24 h: of the newest record. Other windows: of the first record of its hour",
    ),
    "region-facts": Definition(
        "Facts",
        "What was known of the region at the time of the page. The fallback level tells what the"
        " forecast is made from: the full window of records, part of the keywords, or nothing."
        " Flares are those assigned to this region.",
        "Flares 24 h: t − 24 h < peak ≤ t",
        "GOES classes and scale as in the flare list",
    ),
    "region-list": Definition(
        "Regions",
        "Every region with a stored record, the most recent first. The line is P(M1.0+) hour by"
        " hour over the last 24 h with the frozen threshold dotted; each value lasts 3 h.",
        "P(M1.0+) of the live model's newest forecast",
        "A region counts as on the disk for 24 h after its last record",
    ),
    "why": Definition(
        "Contributions to a forecast",
        "What each input adds to the log-odds of the raw probability, against the mean region of"
        " the training set. They sum to the difference of the log-odds; of a change, to that of"
        " the two forecasts.",
        "φᵢ = mean over orders of [f(inputs before i and i) − f(inputs before i)], f = ln P/(1 −"
        " P)",
        "Shapley 1953; Štrumbelj & Kononenko 2014, doi 10.1007/s10115-013-0679-x",
    ),
}
