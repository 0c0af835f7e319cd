"""The verdict: whether a model is better than the entrants that cost nothing, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model_training.report import wording
from model_training.report.judgement import Judgement
from model_training.report.paired import LEVEL
from solar.skill import Estimate

# Below this many events a rate says little (Leka et al. 2019 practice).
FEW_EVENTS = 10

Finding = Literal["better", "not told apart", "worse", "undefined"]
_SAYING: dict[Finding, str] = {
    "better": "beats",
    "not told apart": "cannot be told apart from",
    "worse": "is worse than",
    "undefined": "cannot be compared with",
}


@dataclass(frozen=True)
class Comparison:
    """What the interval of a difference in Brier skill says about the model and one entrant."""

    entrant: str
    finding: Finding
    sentence: str


def finding(difference: Estimate) -> Finding:
    """Read a difference: better or worse only if its whole interval lies on one side of 0."""
    if difference.value is None or difference.low is None or difference.high is None:
        return "undefined"
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "not told apart"


def comparisons(judgement: Judgement) -> tuple[Comparison, ...]:
    """Compare the model with each entrant by the Brier skill; nothing without both outcomes."""
    if not 0 < judgement.n_events < judgement.n:
        return ()
    return tuple(_comparison(name, scores["bss"]) for name, scores in judgement.differences.items())


def headline(judgement: Judgement) -> str:
    """Say in one sentence, for one event and part, what the intervals allow to be said."""
    where = (
        f"{wording.event(judgement.event)} on {judgement.part} cases"
        f" (n = {wording.count(judgement.n)}, {wording.count(judgement.n_events)} events)"
    )
    if judgement.n_events == 0:
        return f"{where}: undefined, there are no events to be skilful about."
    if judgement.n_events == judgement.n:
        return f"{where}: undefined, every case is an event."
    named = {
        key: [c.entrant for c in comparisons(judgement) if c.finding == key] for key in _SAYING
    }
    said = [f"{_SAYING[key]} {_listed(names)}" for key, names in named.items() if names]
    caution = "" if judgement.n_events >= FEW_EVENTS else " Fewer than 10 events: take it lightly."
    if not said:
        return f"{where}: no entrant to compare with.{caution}"
    return f"{where}: in Brier skill the model {'; it '.join(said)}.{caution}"


def _comparison(entrant: str, difference: Estimate) -> Comparison:
    found = finding(difference)
    if found == "undefined":
        why = "the difference in Brier skill has no interval"
    else:
        why = (
            f"difference in BSS {wording.signed(difference.value)},"
            f" {LEVEL * 100:.0f} % interval {wording.interval(difference)}"
        )
    return Comparison(entrant, found, f"The model {_SAYING[found]} {entrant}: {why}.")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
