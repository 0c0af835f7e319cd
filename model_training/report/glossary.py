"""The glossary of scores: what each one asks, its formula, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """How a score is computed.

    Parameters
    ----------
    no_skill : the value of a forecast that knows nothing, where it is one number
    formula : in the letters a hits, b false alarms, c misses, d correct negatives, n all;
        p forecast and o outcome of a case
    """

    label: str
    meaning: str
    formula: str
    range: str
    reference: str
    no_skill: float | None = None


_BOOK = "Jolliffe & Stephenson 2012, Forecast Verification, chapter 3"

ENTRIES: dict[str, Entry] = {
    "bss": Entry(
        "BSS", "Brier skill over the base rate of the scored cases (sample climatology)",
        "1 − Brier / [ō(1 − ō)]", "to 1; no skill 0", "Brier 1950; Murphy 1973", 0.0),
    "brier": Entry(
        "Brier", "Mean squared error of the probability", "mean (p − o)²",
        "0 (perfect) to 1", "Brier 1950"),
    "auc": Entry(
        "AUC", "Chance that an event had the higher probability than a non-event; computed from"
        " probabilities, never from yes and no", "area under recall over POFD, ties count half",
        "0 to 1; no skill 0.5", "Mason & Graham 2002, doi 10.1256/003590002320603584", 0.5),
    "average_precision": Entry(
        "Average precision", "Precision averaged over the steps of recall",
        "Σ (recallₖ − recallₖ₋₁) precisionₖ", "0 to 1; no skill is the base rate", _BOOK),
    "tss": Entry(
        "TSS", "Recall minus false-alarm rate; does not see the base rate, so it stands beside"
        " BSS and FAR", "a/(a + c) − b/(b + d)", "−1 to 1; no skill 0",
        "Bloomfield et al. 2012, doi 10.1088/2041-8205/747/2/L41", 0.0),
    "hss1": Entry(
        "HSS1", "Skill over always saying no", "(a − b)/(a + c)", "to 1; no skill 0",
        "Barnes & Leka 2008, doi 10.1086/595550", 0.0),
    "hss2": Entry(
        "HSS2", "Heidke skill over chance", "2(ad − bc)/[(a + c)(c + d) + (a + b)(b + d)]",
        "−1 to 1; no skill 0", "Balch 2008, doi 10.1029/2007SW000337", 0.0),
    "gs": Entry(
        "GS", "Gilbert score (ETS): threat score without the hits of chance",
        "(a − r)/(a + b + c − r), r = (a + b)(a + c)/n", "−1/3 to 1; no skill 0", _BOOK, 0.0),
    "csi": Entry("CSI", "Critical success index, threat score", "a/(a + b + c)", "0 to 1", _BOOK),
    "f1": Entry(
        "F1", "Harmonic mean of precision and recall", "2a/(2a + b + c)", "0 to 1", _BOOK),
    "appss": Entry(
        "ApSS", "Appleman: accuracy over always giving the commoner answer",
        "(a + d − m)/(n − m), m = max(a + c, b + d)", "to 1; no skill 0",
        "Leka et al. 2019, doi 10.3847/1538-4365/ab2e12", 0.0),
    "sedi": Entry(
        "SEDI", "Symmetric extremal dependence index, made for rare events",
        "(ln F − ln H − ln(1 − F) + ln(1 − H))/(ln F + ln H + ln(1 − F) + ln(1 − H)),"
        " H recall, F POFD", "−1 to 1; no skill 0",
        "Ferro & Stephenson 2011, doi 10.1175/WAF-D-10-05030.1", 0.0),
    "accuracy": Entry("Accuracy", "Share that was right", "(a + d)/n", "0 to 1", _BOOK),
    "precision": Entry(
        "Precision", "Share of the yes forecasts that came true", "a/(a + b)", "0 to 1", _BOOK),
    "recall": Entry(
        "Recall", "Share of the events that was forecast (POD, hit rate)", "a/(a + c)", "0 to 1",
        _BOOK),
    "far": Entry(
        "FAR", "False-alarm ratio: share of the yes forecasts that failed", "b/(a + b)",
        "0 (perfect) to 1", _BOOK),
    "pofd": Entry(
        "POFD", "False-alarm rate: share of the quiet cases with an alarm", "b/(b + d)",
        "0 (perfect) to 1", _BOOK),
    "bias": Entry(
        "Bias", "How often yes was said per event (frequency bias)", "(a + b)/(a + c)",
        "from 0; unbiased 1", _BOOK),
}  # fmt: skip
