"""The page of results: every protocol with its runs, beside what is published, in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from model_training.evidence import MODEL
from model_training.recipe import Recipe, read_recipe
from model_training.results.protocols import Entry, Protocol, read_protocols
from model_training.results.repeats import SCORES, Spread, estimate, judgement, spread
from solar.skill import Estimate

RECIPES = Path(__file__).parents[1] / "recipes" / "protocols"
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


def write(runs: Path) -> str:
    """Write the page from the folder of runs.

    Raises
    ------
    NotFoundError
        Naming the run that is missing.
    """
    known = read_protocols()
    sections = [_section(protocol, runs) for protocol in known.protocols]
    return "\n".join([_HEAD, *sections, _published(known.published)])


def _section(protocol: Protocol, runs: Path) -> str:
    lines = [f"## {protocol.title}", "", _wrapped(protocol.question), ""]
    for event in protocol.aims or {"M1.0": {}}:
        lines += _table(protocol, event, runs)
    if protocol.references:
        lines += [f"Reference on these data: {'; '.join(protocol.references)}.", ""]
    lines += [_wrapped(caveat, "- ") for caveat in protocol.caveats]
    return "\n".join(lines) + "\n"


def _table(protocol: Protocol, event: str, runs: Path) -> list[str]:
    rows = [["event", "forecast", "n", "events", *(name.upper() for name in SCORES)]]
    for entry in protocol.entries:
        found = _repeated if entry.recipe else _single
        rows += found(entry, event, runs)
    aims = protocol.aims.get(event, {})
    lines = [*_markdown(rows), ""]
    if aims:
        wanted = ", ".join(f"{name.upper()} {value:.2f}" for name, value in aims.items())
        lines += [f"To beat for {event}: {wanted}.", ""]
    return lines


def _repeated(entry: Entry, event: str, runs: Path) -> list[list[str]]:
    recipe: Recipe = read_recipe(RECIPES / f"{entry.recipe}.toml")
    found = spread(recipe, runs, event=event)
    n_runs = len(recipe.repeats())
    rows = [[event, entry.label, f"{n_runs} runs", "", *(_spread(found[name]) for name in SCORES)]]
    return [*rows, ["", "single runs", "", "", *(_values(found[name]) for name in SCORES)]]


def _single(entry: Entry, event: str, runs: Path) -> list[list[str]]:
    found = judgement(runs / entry.run, part="test", event=event)
    counts = [f"{found['n']:,}", f"{found['n_events']:,}"]
    return [
        [
            event, entry.label if name == MODEL else name.replace("-", " "),
            *(counts if name == MODEL else ["", ""]),
            *(_estimate(estimate(found, name, score)) for score in SCORES),
        ]
        for name in found["entrants"]
    ]  # fmt: skip


def _published(found: Sequence[str]) -> str:
    lines = [f"- {line}" for line in found]
    intro = "True skill statistics as published, on data and splits that cannot be run again here:"
    return "\n".join(["## Published elsewhere", "", intro, "", *lines]) + "\n"


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = rows
    return [_row(head), _row("---" for _ in head), *(_row(row) for row in body)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(found: Spread) -> str:
    if found.mean is None:
        return "–"
    deviation = "" if found.deviation is None else f" ± {found.deviation:.3f}"
    return _minus(f"{found.mean:.3f}{deviation}")


def _values(found: Spread) -> str:
    return _minus(" ".join("–" if value is None else f"{value:.3f}" for value in found.values))


def _estimate(found: Estimate) -> str:
    if found.value is None:
        return "–"
    bounds = (
        "" if found.low is None or found.high is None else f" [{found.low:.3f}, {found.high:.3f}]"
    )
    return _minus(f"{found.value:.3f}{bounds}")


def _wrapped(text: str, bullet: str = "") -> str:
    return textwrap.fill(
        text, 120, initial_indent=bullet, subsequent_indent=" " * len(bullet),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _minus(text: str) -> str:
    return text.replace("-0.000", "0.000").replace("-", "−")
