"""The results page in Markdown: every protocol with its runs, beside published scores.

A protocol says on which cases models are compared with published ones, and what that is worth.
"""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from model_training.judging.evidence import MODEL, Evidence
from model_training.judging.evidence import read as read_evidence
from model_training.recipe.config import Config
from model_training.recipe.recipe import Recipe, read_recipe
from model_training.report.comparison import ComparedRun, judge_together
from model_training.report.forecast_figures import cases_per_independent
from model_training.report.repeats import SCORES, Spread, estimate_of, find_judgement, spreads_of
from model_training.report.run_folder import EVIDENCE
from solar.errors import InvalidInputError
from solar.reliability import ReliabilityBin, reliability
from solar.skill import Estimate

FILE = Path(__file__).parent / "protocols.toml"
RECIPES = Path(__file__).parents[1] / "recipes" / "protocols"
_FEWEST_CASES = 30
_LEAST = 0.01
_RELIABILITY = (
    "event",
    "bins",
    "within their bar",
    "below 1 %",
    "mean forecast",
    "came true",
)
_HEAD = """\
# Results

How the models do where others have been measured. `make results` trains the recipes in
`model_training/recipes/protocols`, evaluates them, and writes this page by
`flarewatch results`. [verification.md](verification.md) explains the scores.

Where runs are repeated over folds, the mean and the standard deviation between them are shown, else
the 95 % interval of a bootstrap over blocks of 27 days. BSS refers to the base rate of the scored
cases. *Plain regression*, climatology and persistence are scored on the cases of the model above
them. Rows of different protocols cannot be compared.
"""


class ProtocolEntry(Config):
    """A model in a protocol: its row in the table, and the run with its scores.

    A `recipe` with repeats is shown as mean and deviation of its runs; without one `run` is the
    folder of a single run, whose scores of a `part` of the data come with intervals; where each
    event has a run of its own, its name holds ``{event}``.
    """

    label: str
    run: str
    recipe: str | None = None
    part: Literal["validation", "test"] = "test"

    def folder(self, runs: Path, event: str) -> Path:
        """Return the folder of a single run."""
        return runs / self.run.format(event=event)


class Protocol(Config):
    """One comparison: `aims` are the scores to beat, event -> score -> value, if there are any.

    The models of `paired` events are compared case by case, the first one with the others. With
    `reliability` a table shows that of the first model.
    """

    title: str
    question: str
    references: tuple[str, ...]
    caveats: tuple[str, ...] = Field(min_length=1)
    aims: dict[str, dict[str, float]]
    paired: tuple[str, ...] = ()
    reliability: bool = False
    entries: tuple[ProtocolEntry, ...] = Field(min_length=1)


class Protocols(Config):
    """All comparisons, and the scores `published` on data that are not available."""

    published: tuple[str, ...]
    protocols: tuple[Protocol, ...]


def read_protocols() -> Protocols:
    """Read the protocols of this package."""
    return Protocols.model_validate(tomllib.loads(FILE.read_text("utf-8")))


def write(runs: Path) -> str:
    """Write the page from the folder of runs.

    Raises
    ------
    NotFoundError
        Naming the run that is missing.
    InvalidInputError
        When models that a protocol compares were scored on different cases.
    """
    known = read_protocols()
    sections = [_section(protocol, runs) for protocol in known.protocols]
    return "\n".join([_HEAD, *sections, _published(known.published)])


def _section(protocol: Protocol, runs: Path) -> str:
    lines = [f"## {protocol.title}", "", _wrapped(protocol.question), ""]
    for event in protocol.aims or {"M1.0": {}}:
        lines += _table(protocol, event, runs)
    for event in protocol.paired:
        lines += [*_markdown(_differences(protocol, event, runs)), ""]
    if protocol.reliability:
        lines += [*_markdown([_RELIABILITY, *_reliability(protocol, runs)]), ""]
    if protocol.references:
        lines += [f"Reference on these data: {'; '.join(protocol.references)}.", ""]
    lines += [_wrapped(caveat, "- ") for caveat in protocol.caveats]
    return "\n".join(lines) + "\n"


def _table(protocol: Protocol, event: str, runs: Path) -> list[str]:
    rows = [["event", "forecast", "n", "events", *(name.upper() for name in SCORES)]]
    for entry in protocol.entries:
        rows_of = _repeated if entry.recipe else _single
        rows += rows_of(entry, event, runs)
    aims = protocol.aims.get(event, {})
    lines = [*_markdown(rows), ""]
    if aims:
        wanted = ", ".join(f"{name.upper()} {value:.2f}" for name, value in aims.items())
        lines += [f"To beat for {event}: {wanted}.", ""]
    return lines


def _differences(protocol: Protocol, event: str, runs: Path) -> list[list[str]]:
    """Say how much better the first model is than each other forecast of the same cases."""
    compared = [
        ComparedRun(entry.label, read_evidence(entry.folder(runs, event) / EVIDENCE))
        for entry in protocol.entries
    ]
    first = protocol.entries[0]
    wanted = next(
        one for one in compared[0].evidences if (one.event, one.part) == (event, first.part)
    )
    judgement, reason = judge_together(compared, wanted)
    if judgement is None:
        raise InvalidInputError(f"{protocol.title}: {reason}")
    rows = [
        [event, name, _estimate(judgement.differences[name]["bss"])]
        for name in judgement.differences
    ]
    return [["event", f"{first.label} less", "BSS, case by case"], *rows]


def _reliability(protocol: Protocol, runs: Path) -> list[list[str]]:
    first = protocol.entries[0]
    found = {event: read_evidence(first.folder(runs, event) / EVIDENCE) for event in protocol.aims}
    return reliability_rows(
        [
            next(one for one in read if (one.event, one.part) == (event, first.part))
            for event, read in found.items()
        ]
    )


def _repeated(entry: ProtocolEntry, event: str, runs: Path) -> list[list[str]]:
    recipe: Recipe = read_recipe(RECIPES / f"{entry.recipe}.toml")
    spreads = spreads_of(recipe, runs, event=event)
    n_runs = len(recipe.repeats())
    rows = [
        [event, entry.label, f"{n_runs} runs", "", *(_spread(spreads[name]) for name in SCORES)]
    ]
    return [*rows, ["", "single runs", "", "", *(_values(spreads[name]) for name in SCORES)]]


def _single(entry: ProtocolEntry, event: str, runs: Path) -> list[list[str]]:
    judgement = find_judgement(entry.folder(runs, event), part=entry.part, event=event)
    counts = [f"{judgement['n']:,}", f"{judgement['n_events']:,}"]
    return [
        [
            event,
            entry.label if name == MODEL else name.replace("-", " "),
            *(counts if name == MODEL else ["", ""]),
            *(_estimate(estimate_of(judgement, name, score)) for score in SCORES),
        ]
        for name in judgement["entrants"]
    ]


def _published(values: Sequence[str]) -> str:
    lines = [f"- {line}" for line in values]
    intro = "True skill statistics as published, on data and splits that cannot be run again here:"
    return "\n".join(["## Published elsewhere", "", intro, "", *lines]) + "\n"


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = rows
    return [_row(head), _row("---" for _ in head), *(_row(row) for row in body)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(spread: Spread) -> str:
    if spread.mean is None:
        return "–"
    deviation = "" if spread.deviation is None else f" ± {spread.deviation:.3f}"
    return _minus(f"{spread.mean:.3f}{deviation}")


def _values(spread: Spread) -> str:
    return _minus(" ".join("–" if value is None else f"{value:.3f}" for value in spread.values))


def _estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    bounds = (
        ""
        if estimate.low is None or estimate.high is None
        else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    )
    return _minus(f"{estimate.value:.3f}{bounds}")


def _wrapped(text: str, bullet: str = "") -> str:
    return textwrap.fill(
        text,
        120,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _minus(text: str) -> str:
    return text.replace("-0.000", "0.000").replace("-", "−")


def reliability_rows(evidences: Sequence[Evidence]) -> list[list[str]]:
    """Return a row of text for each evidence, in the columns of `_RELIABILITY`.

    Bins are those of the reliability diagram with at least 30 cases. One is within its bar if its
    mean forecast lies in the 95 % Wilson interval of the observed frequency, cases of one region
    and day counted once. The last three columns are of all forecasts below 1 %; a dash stands
    where there is none.
    """
    return [_reliability_row(evidence) for evidence in evidences]


def _reliability_row(evidence: Evidence) -> list[str]:
    known = ~np.isnan(evidence.calibrated)
    p, outcome = evidence.calibrated[known], evidence.outcome[known]
    shared = cases_per_independent(evidence, known)
    bins = [
        one
        for one in reliability(p, outcome, cases_per_independent=shared)
        if one.n >= _FEWEST_CASES
    ]
    below = p < _LEAST
    counts = [evidence.event, str(len(bins)), str(sum(map(_is_within, bins)))]
    if not below.any():
        return [*counts, "–", "–", "–"]
    shares = [f"{100 * column[below].mean():.1f} %" for column in (p, outcome)]
    return [*counts, f"{np.count_nonzero(below):,}", *shares]


def _is_within(one: ReliabilityBin) -> bool:
    if one.low is None or one.high is None or one.mean_forecast is None:
        return False
    return one.low <= one.mean_forecast <= one.high
