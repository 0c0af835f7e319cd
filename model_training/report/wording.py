"""Wording: numbers, names and scores as the report and the terminal print them.

The glossary says of each score what it asks, its formula, and where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_training.artefact.manifest import EventScores, Score
from solar.flares import EVENTS
from solar.skill import Estimate

_BOOK = "Jolliffe & Stephenson 2012, Forecast Verification, chapter 3"
UNDEFINED = "undefined"
# For what the maker of a model leaves out.
NOT_KNOWN = "not known"
MINUS = "−"
_COLUMNS = ("bss", "auc", "tss", "hss2", "far", "brier")


@dataclass(frozen=True)
class ScoreDefinition:
    """How a score is computed.

    Parameters
    ----------
    no_skill : the value of a forecast without skill, where it is one number
    formula : in the letters a hits, b false alarms, c misses, d correct negatives, n all;
        p forecast and o outcome of a case
    """

    label: str
    meaning: str
    formula: str
    range: str
    reference: str
    no_skill: float | None = None


GLOSSARY: dict[str, ScoreDefinition] = {
    "bss": ScoreDefinition(
        "BSS", "Brier skill over the base rate of the scored cases (sample climatology)",
        "1 − Brier / [ō(1 − ō)]", "to 1; no skill 0", "Brier 1950; Murphy 1973", 0.0),
    "brier": ScoreDefinition(
        "Brier", "Mean squared error of the probability", "mean (p − o)²",
        "0 (perfect) to 1", "Brier 1950"),
    "auc": ScoreDefinition(
        "AUC", "Chance that an event had the higher probability than a non-event; computed from"
        " probabilities, never from yes and no", "area under recall over POFD, ties count half",
        "0 to 1; no skill 0.5", "Mason & Graham 2002, doi 10.1256/003590002320603584", 0.5),
    "average_precision": ScoreDefinition(
        "Average precision", "Precision averaged over the steps of recall",
        "Σ (recallₖ − recallₖ₋₁) precisionₖ", "0 to 1; no skill is the base rate", _BOOK),
    "tss": ScoreDefinition(
        "TSS", "Recall minus false-alarm rate; does not see the base rate, so it stands beside"
        " BSS and FAR", "a/(a + c) − b/(b + d)", "−1 to 1; no skill 0",
        "Bloomfield et al. 2012, doi 10.1088/2041-8205/747/2/L41", 0.0),
    "hss1": ScoreDefinition(
        "HSS1", "Skill over always saying no", "(a − b)/(a + c)", "to 1; no skill 0",
        "Barnes & Leka 2008, doi 10.1086/595550", 0.0),
    "hss2": ScoreDefinition(
        "HSS2", "Heidke skill over chance", "2(ad − bc)/[(a + c)(c + d) + (a + b)(b + d)]",
        "−1 to 1; no skill 0", "Balch 2008, doi 10.1029/2007SW000337", 0.0),
    "gs": ScoreDefinition(
        "GS", "Gilbert score (ETS): threat score without the hits of chance",
        "(a − r)/(a + b + c − r), r = (a + b)(a + c)/n", "−1/3 to 1; no skill 0", _BOOK, 0.0),
    "csi": ScoreDefinition(
        "CSI", "Critical success index, threat score", "a/(a + b + c)", "0 to 1", _BOOK),
    "f1": ScoreDefinition(
        "F1", "Harmonic mean of precision and recall", "2a/(2a + b + c)", "0 to 1", _BOOK),
    "appss": ScoreDefinition(
        "ApSS", "Appleman: accuracy over always giving the commoner answer",
        "(a + d − m)/(n − m), m = max(a + c, b + d)", "to 1; no skill 0",
        "Leka et al. 2019, doi 10.3847/1538-4365/ab2e12", 0.0),
    "sedi": ScoreDefinition(
        "SEDI", "Symmetric extremal dependence index, made for rare events",
        "(ln F − ln H − ln(1 − F) + ln(1 − H))/(ln F + ln H + ln(1 − F) + ln(1 − H)),"
        " H recall, F POFD", "−1 to 1; no skill 0",
        "Ferro & Stephenson 2011, doi 10.1175/WAF-D-10-05030.1", 0.0),
    "accuracy": ScoreDefinition("Accuracy", "Share that was right", "(a + d)/n", "0 to 1", _BOOK),
    "precision": ScoreDefinition(
        "Precision", "Share of the yes forecasts that came true", "a/(a + b)", "0 to 1", _BOOK),
    "recall": ScoreDefinition(
        "Recall", "Share of the events that was forecast (POD, hit rate)", "a/(a + c)", "0 to 1",
        _BOOK),
    "far": ScoreDefinition(
        "FAR", "False-alarm ratio: share of the yes forecasts that failed", "b/(a + b)",
        "0 (perfect) to 1", _BOOK),
    "pofd": ScoreDefinition(
        "POFD", "False-alarm rate: share of the quiet cases with an alarm", "b/(b + d)",
        "0 (perfect) to 1", _BOOK),
    "bias": ScoreDefinition(
        "Bias", "How often yes was said per event (frequency bias)", "(a + b)/(a + c)",
        "from 0; unbiased 1", _BOOK),
}  # fmt: skip


def score(value: float | None) -> str:
    """Write a score with three decimals; None is undefined and never 0."""
    return UNDEFINED if value is None else f"{value:.3f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """Write a difference with its sign."""
    return UNDEFINED if value is None else f"{value:+.3f}".replace("-", MINUS)


def interval(estimate: Estimate) -> str:
    """Write the interval of a score; empty without one."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{score(estimate.low)} … {score(estimate.high)}"


def count(number: int) -> str:
    """Write a count with thousands commas."""
    return f"{number:,}"


def percent(share: float | None) -> str:
    """Write a share in percent, with decimals where it is small; None is undefined."""
    if share is None:
        return UNDEFINED
    if 0 < share < 0.001:
        return "<0.1 %"
    decimals = 1 if share < 0.1 else 0
    return f"{100 * share:.{decimals}f} %"


def event(name: str) -> str:
    """Write an event as people do: ``M1.0`` is M1.0+."""
    return next((known.label for known in EVENTS if known.name == name), name)


def table(book: Mapping[str, Mapping[str, EventScores]]) -> str:
    """Write entrant -> event -> scores, one line each, with the interval of every score."""
    events = dict.fromkeys(event for scores in book.values() for event in scores)
    width = max(len(event) for event in ("event", *events)) + 1
    header = f"{'event':{width}}{'entrant':18}{'n':>6}{'events':>7}{'unknown':>8}"
    lines = [header + "".join(f"  {name:22}" for name in _COLUMNS).rstrip()]
    lines += [
        _line(f"{event:{width}}", entrant, book[entrant][event])
        for event in events
        for entrant in book
        if event in book[entrant]
    ]
    return "\n".join(lines) + "\n"


def _line(event: str, entrant: str, scores: EventScores) -> str:
    counts = f"{scores.n:>6}{scores.n_events:>7}{scores.n_unknown:>8}"
    cells = "".join(f"  {_cell(scores.scores.get(name)):22}" for name in _COLUMNS)
    return f"{event}{entrant:18}{counts}{cells}".rstrip()


def _cell(score: Score | None) -> str:
    if score is None:
        return ""
    if score.value is None:
        return "undefined"
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
