"""The definitions of verification: every score and figure of the Skill page, with its source.

Letters: a hits, b false alarms, c misses, d correct negatives, n all cases, p forecast
probability, o outcome (1 or 0), s base rate, H recall, F POFD.
"""

from __future__ import annotations

from app_dash.shared.definitions import Definition

_JOLLIFFE = "Jolliffe & Stephenson 2012, Forecast Verification, chapter 3"
_LEKA = "Leka et al. 2019, doi 10.3847/1538-4365/ab2e12"
_BARNES = "Barnes & Leka 2008, doi 10.1086/595550"

DEFINITIONS: dict[str, Definition] = {
    "tss": Definition(
        "True skill statistic",
        "How well yes and no forecasts separate events from quiet cases; 0 is no skill, 1 perfect.",
        "TSS = hits/(hits + misses) − false alarms/(false alarms + correct negatives)",
        "Bloomfield et al. 2012, doi 10.1088/2041-8205/747/2/L41",
    ),
    "hss1": Definition(
        "Heidke skill score 1",
        "Skill over always saying no: 0 is no skill, 1 perfect; it has no lower end.",
        "HSS1 = (a − b)/(a + c)",
        _BARNES,
    ),
    "hss2": Definition(
        "Heidke skill score 2",
        "Skill over chance with the same margins, from −1 to 1; it depends on the base rate.",
        "HSS2 = 2(ad − bc)/[(a + c)(c + d) + (a + b)(b + d)]",
        "Balch 2008, doi 10.1029/2007SW000337",
    ),
    "gs": Definition(
        "Gilbert skill score",
        "Hits beyond those of chance among hits, misses and false alarms, from −1/3 to 1; also"
        " equitable threat score.",
        "GS = (a − r)/(a + b + c − r), r = (a + b)(a + c)/n",
        _JOLLIFFE,
    ),
    "csi": Definition(
        "Critical success index",
        "Hits among everything but the correct negatives.",
        "CSI = a/(a + b + c)",
        _JOLLIFFE,
    ),
    "accuracy": Definition(
        "Accuracy",
        "Share of right forecasts. Always saying no is nearly perfect for rare events: never read"
        " it alone.",
        "(a + d)/n",
        _JOLLIFFE,
    ),
    "precision": Definition(
        "Precision",
        "Share of the yes forecasts that came true; also success ratio.",
        "a/(a + b)",
        _JOLLIFFE,
    ),
    "recall": Definition(
        "Recall",
        "Share of the events that were forecast; also POD or hit rate.",
        "H = a/(a + c)",
        _JOLLIFFE,
    ),
    "far": Definition(
        "False-alarm ratio",
        "Share of the yes forecasts that failed. Not the rate POFD.",
        "FAR = b/(a + b)",
        _JOLLIFFE,
    ),
    "pofd": Definition(
        "False-alarm rate",
        "Share of the quiet cases with an alarm. Not the ratio FAR.",
        "POFD = F = b/(b + d)",
        _JOLLIFFE,
    ),
    "bias": Definition(
        "Frequency bias",
        "Yes forecasts per event: 1 is unbiased, above 1 warns too often.",
        "(a + b)/(a + c)",
        _JOLLIFFE,
    ),
    "f1": Definition(
        "F1",
        "Harmonic mean of precision and recall.",
        "F1 = 2a/(2a + b + c)",
        "van Rijsbergen 1979, Information Retrieval",
    ),
    "brier": Definition(
        "Brier score",
        "Mean squared error of the probability; 0 is perfect.",
        "BS = mean (p − o)²",
        "Brier 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    "bss": Definition(
        "Brier skill score",
        "Gain over always saying the base rate of the scored cases. Nobody knows that rate"
        " beforehand: a strict reference.",
        "BSS = 1 − BS/[s(1 − s)]",
        _LEKA,
    ),
    "bss_against": Definition(
        "Brier skill against a reference",
        "Gain over a reference forecast that could have been issued at the time, on the same"
        " cases.",
        "1 − BS/BS(reference)",
        _LEKA,
    ),
    "auc": Definition(
        "Area under the ROC curve",
        "Chance that an event had a higher probability than a quiet case, ties counting half; 0.5"
        " is no skill. From probabilities, not yes and no.",
        "AUC = P(p₁ > p₀) + ½ P(p₁ = p₀)",
        "Mason & Graham 2002, doi 10.1256/003590002320603584",
    ),
    "average_precision": Definition(
        "Average precision",
        "Precision averaged over the steps of recall; without skill it is the base rate.",
        "AP = Σ (Hₖ − Hₖ₋₁) precisionₖ",
        "Davis & Goadrich 2006, doi 10.1145/1143844.1143874",
    ),
    "scores": Definition(
        "Scores and their intervals",
        "Every score at the threshold in use, for each forecast compared. The whiskers are 95 %"
        " intervals: blocks of 27 days, one solar rotation, are resampled with replacement, the"
        " same blocks for all forecasts.",
        "2.5 and 97.5 percentiles of 1,000 resamples",
        "Künsch 1989, doi 10.1214/aos/1176347265",
    ),
    "reliability": Definition(
        "Reliability",
        "How often the event occurred when p was forecast, in fixed bins; on the diagonal the"
        " forecast is reliable. The bars are Wilson 95 % limits; bins under 30 cases are pale.",
        "observed = events/cases of the bin",
        "Wilson 1927, doi 10.1080/01621459.1927.10502953",
    ),
    "band": Definition(
        "Reliability and band",
        "How often the event occurred when p was forecast, in fixed bins, with Wilson 95 % limits;"
        " bins under 30 cases are pale. The shaded band is how far p moves when the model is fitted"
        " on other days. It covers no change of the base rate, and is no range for the flare"
        " itself.",
        "5 to 95 percentiles of refits on 27-day blocks; inside: observed within the mean band",
        "Wilson 1927, doi 10.1080/01621459.1927.10502953",
    ),
    "corp": Definition(
        "CORP reliability",
        "The nondecreasing fit to the observed frequencies, without a choice of bins. MCB: what"
        " recalibration would gain. DSC: discrimination. UNC: the uncertainty of the base rate.",
        "BS = MCB − DSC + UNC",
        "Dimitriadis, Gneiting & Jordan 2021, doi 10.1073/pnas.2016191118",
    ),
    "roc": Definition(
        "ROC curve",
        "Recall over false-alarm rate at all thresholds; the diagonal is no skill. The open"
        " circle is the threshold in use.",
        "(F(t), H(t)), yes where p ≥ t",
        "Mason 1982, Australian Meteorological Magazine 30, 291",
    ),
    "precision_recall": Definition(
        "Precision over recall",
        "At all thresholds; the dotted line is the base rate, without skill. Better than ROC for"
        " rare events.",
        "(a/(a + c), a/(a + b))",
        "Saito & Rehmsmeier 2015, doi 10.1371/journal.pone.0118432",
    ),
    "contingency": Definition(
        "Contingency table",
        "The four outcomes when yes is p ≥ threshold. All forecasts are counted on the same cases;"
        " unknown and withheld cases are left out.",
        "a hits, b false alarms, c misses, d correct quiet",
        _JOLLIFFE,
    ),
    "threshold": Definition(
        "Threshold",
        "What a lower or higher threshold gains and loses. The frozen threshold was chosen on"
        " validation data; a choice made here is hindsight.",
        "TSS(t), recall(t), precision(t), yes where p ≥ t",
        "Bloomfield et al. 2012, doi 10.1088/2041-8205/747/2/L41",
    ),
    "relative_value": Definition(
        "Relative economic value",
        "Saved expense as a share of what perfect forecasts save, for a user whose protection"
        " costs C and whose loss is L; 0 is the better of always and never protecting.",
        "V = [min(α, s) − Fα(1 − s) + Hs(1 − α) − s]/[min(α, s) − sα], α = C/L",
        "Richardson 2000, doi 10.1002/qj.49712656313",
    ),
    "differences": Definition(
        "Paired differences",
        "The model minus each other forecast, on identical cases and identical blocks. Only an"
        " interval that excludes 0 shows a difference.",
        "score(model) − score(other forecast) within each resample",
        "Hamill 1999, doi 10.1175/1520-0434(1999)014<0155:HTFENP>2.0.CO;2",
    ),
    "first_flare": Definition(
        "First flare and all clear",
        "First flare: cases without a flare of the class in the 72 h before, where persistence"
        " has no information. All clear: how often a no forecast was right. Latency: from a record"
        " to the issue of its forecast.",
        "NPV = d/(c + d)",
        "Park et al. 2020, doi 10.3847/1538-4357/ab65f0; Barnes et al. 2016, doi"
        " 10.3847/0004-637X/829/2/89",
    ),
    "longitude": Definition(
        "Skill by longitude",
        "Stonyhurst longitude at the time of the record; magnetograms are least certain near the"
        " limb.",
        "the score over the cases of each band",
        _LEKA,
    ),
    "month": Definition(
        "Skill by month",
        "By UTC month of issue. The base rate changes with the cycle: compare TSS and AUC across"
        " months rather than HSS2.",
        "the score over the cases of each month",
        _LEKA,
    ),
    "days": Definition(
        "Cases by day",
        "The cases scored on each UTC day of issue; long ranges are summed by week or month.",
        "n and events of each day",
        _JOLLIFFE,
    ),
}
