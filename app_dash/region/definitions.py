"""The definitions of the Region page: (title, says, formula, reference) of every number."""

from __future__ import annotations

REGION: dict[str, tuple[str, str, str, str]] = {
    "region-timeline": (
        "Probability and observed flares",
        "The forecasts of the model that was live when each was issued, thick; of the chosen"
        " class also what other models said, thin. The dashed line is the threshold frozen with"
        " the live model of that time. A forecast is a hit or a miss by whether a flare of the"
        " class peaks in its 24 h; without one it is a false alarm or quiet, unknown where the"
        " flare list has a gap. The bracket left of a flare spans the forecasts that count it.",
        "warned: P ≥ threshold; flared: t ≤ peak < t + 24 h",
        "A flare is judged by the newest forecast before its peak, at most 24 h old",
    ),
    "as-of": (
        "As of",
        "The page as it was known at this time: what was learnt later is pale, never hidden. As"
        " issued takes of each forecast the revision that stood then; where forecasts were made"
        " more than 24 h after their record, as in a replay, the first. Latest takes the newest"
        " revision of each.",
        "t ≤ T and, in live operation, issued at ≤ T; of an outcome: its flare or t + 24 h ≤ T",
        "Of a record only the newest revision is kept; see docs/region.md",
    ),
    "region-keywords": (
        "SHARP keywords",
        "Each keyword as it was stored, in the unit beside its name; the bold figure is the last"
        " one up to the time of the page. Hatched: a record without a value, or none at all. An"
        " open circle on the floor: missing, made up for a forecast.",
        "Values of the newest revision; thinned so that each piece keeps its extremes",
        "Bobra et al. 2014, doi 10.1007/s11207-014-0529-3",
    ),
    "region-completeness": (
        "Data completeness",
        "Frames stored of those expected at the usual cadence of the range. Missing: more than"
        " one and a half cadences between two records. Imputed: a record without one of the"
        " keywords that this source carries, or a forecast of which some inputs were made up.",
        "expected = (last − first)/usual cadence + 1",
        "The imputed share is stored with each forecast",
    ),
    "region-network": (
        "Keyword network",
        "Pearson correlation of every two keywords over the records of the window, on those that"
        " both have. An edge joins two with |r| at or above the limit; it is new if the window"
        " before did not have it. Undefined for a constant keyword or fewer than 8 records.",
        "r = Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² Σ(y − ȳ)²)",
        "Neighbouring records are not independent: a high r in a short window is a trend in common,"
        " no cause",
    ),
    "region-forecast": (
        "Forecast",
        "The calibrated probability of a flare of the class and above in the 24 h from the"
        " record, with its change against the newest forecast at least 24 h before and against"
        " the one just before.",
        "Δ = P(t) − P(t′), in percentage points",
        "Calibration and threshold were fitted on validation years; see docs/models.md",
    ),
    "region-facts": (
        "Facts",
        "What was known of the region at the time of the page. The rung tells what the forecast"
        " stands on: the full window of records, part of the keywords, or nothing. Flares are"
        " those assigned to this region.",
        "Flares 24 h: t − 24 h < peak ≤ t",
        "GOES classes and scale as given by the list",
    ),
    "region-list": (
        "Regions",
        "Every region with a stored record, the most recent first. The line is P(M1.0+) hour by"
        " hour over the last 24 h with the frozen threshold dotted; each value lasts 3 h.",
        "P(M1.0+) of the live model's newest forecast",
        "A region counts as on the disk for 24 h after its last record",
    ),
}
