"""The definitions: how every number of the pages is computed, with formula and reference."""

from __future__ import annotations

from dataclasses import dataclass

from app_dash.now.definitions import NOW
from app_dash.pipeline.definitions import PIPELINE
from app_dash.region.definitions import REGION
from app_dash.skill.definitions import SKILL


@dataclass(frozen=True)
class Definition:
    """What a number says, how it is made, and where that is written."""

    title: str
    says: str
    formula: str
    reference: str


DEFINITIONS: dict[str, Definition] = {
    "tss": Definition(
        "True skill statistic",
        "How well yes and no forecasts separate events from quiet cases; 0 is no skill, 1 perfect.",
        "TSS = hits/(hits + misses) − false alarms/(false alarms + correct negatives)",
        "Bloomfield et al. 2012, doi 10.1088/2041-8205/747/2/L41",
    ),
    **{name: Definition(*parts) for name, parts in NOW.items()},
    **{name: Definition(*parts) for name, parts in SKILL.items()},
    **{name: Definition(*parts) for name, parts in PIPELINE.items()},
    **{name: Definition(*parts) for name, parts in REGION.items()},
    "explore-overview": Definition(
        "Overview of the records",
        "How many forecasts are stored in each stretch of time and how high the highest of them"
        " is. A stretch is the shortest of 12 min, 1, 3, 6, 12 h and 1, 2, 4, … 32 d that gives at"
        " most 250 bars.",
        "n(stretch), max of P over the records of all regions in [t, t + stretch)",
        "Whole days come from a table kept beside the records, cut days from the records",
    ),
    "explore-distribution": Definition(
        "Distribution of predictions",
        "How many calibrated forecasts fall into each bin of probability; bins of 1 % below 10 %,"
        " of 5 % above. A histogram by whose bar the records are filtered keeps its other bars.",
        "n(low ≤ P < high); the last bin holds 100 % too",
        "Stored probabilities, 24 h ahead; records without a forecast are in no bin",
    ),
    "explore-keywords": Definition(
        "Keyword statistics",
        "Least, greatest and mean value of every SHARP keyword over the records shown, where it"
        " was observed; imputed values are not among them.",
        "mean = Σ x / n over the n records with a value",
        "Bobra et al. 2014, doi 10.1007/s11207-014-0529-3",
    ),
    "explore-records": Definition(
        "Stored forecasts",
        "One row for each region and time of the model, with the keywords it was made from. A"
        " range holds its lower limit and not its upper one.",
        "from ≤ value < to, in the unit of the column",
        "The files and the figures follow the same filters",
    ),
    "why": Definition(
        "Contributions to a forecast",
        "What each input adds to the log-odds of the raw probability, against the mean region of"
        " the training set. They sum to the difference of the log-odds; of a change, to that of"
        " the two forecasts.",
        "φᵢ = mean over orders of [f(inputs before i and i) − f(inputs before i)],"
        " f = ln P/(1 − P)",
        "Shapley 1953; Štrumbelj & Kononenko 2014, doi 10.1007/s10115-013-0679-x",
    ),
    "drift": Definition(
        "Drift against the training set",
        "How far the values of whole UTC days lie from those of training. No drift below 0.1 or"
        " what the scatter of the days explains, watch below 0.25, drift above.",
        "PSI = Σ (oᵢ − eᵢ) ln(oᵢ/eᵢ) over the deciles i of the training set; interval from blocks"
        " of days drawn again",
        "Siddiqi 2006, Credit Risk Scorecards; Yurdakul 2018, Western Michigan University",
    ),
    "alert": Definition(
        "Alert",
        "Raised by the live model alone. It opens once the probability of an event has been at"
        " the threshold for 24 min, and closes 24 h after the last one above 0.6 of the"
        " threshold. R0 to R3 is the step of the radio blackout scale that the event reaches.",
        "open: P ≥ on for 24 min; close: P < 0.6 on for 24 h; 6 h of rest, unless P ≥ 2 on",
        "The file of rules in FLARE_ALERT_RULES may say otherwise; NOAA Space Weather Scales",
    ),
    "alert-outcomes": Definition(
        "Outcomes of alerts",
        "Confirmed: a flare of the class peaked in the region between opening and close. False"
        " alarm: none did, and the list is complete. Missed: such a flare without an alert, though"
        " the region had a forecast. Unknown: the list has a gap, or a flare without its region.",
        "POD = confirmed/(confirmed + missed), FAR = false alarms/(confirmed + false alarms)",
        "Counted by alert, missed ones by flare: not the scores of the Skill page, whose cases"
        " are single forecasts",
    ),
}
