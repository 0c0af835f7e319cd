"""The terminal table: scores of all entrants, one line each."""

from __future__ import annotations

from collections.abc import Mapping

from model_training.manifest import EventScores, Score

_COLUMNS = ("bss", "auc", "tss", "hss2", "far", "brier")


def table(book: Mapping[str, Mapping[str, EventScores]]) -> str:
    """Write entrant -> event -> scores, one line each, with the interval of every score."""
    header = f"{'event':6}{'entrant':18}{'n':>6}{'events':>7}{'unknown':>8}"
    lines = [header + "".join(f"  {name:22}" for name in _COLUMNS).rstrip()]
    events = dict.fromkeys(event for scores in book.values() for event in scores)
    lines += [
        _line(event, entrant, book[entrant][event])
        for event in events
        for entrant in book
        if event in book[entrant]
    ]
    return "\n".join(lines) + "\n"


def _line(event: str, entrant: str, found: EventScores) -> str:
    counts = f"{found.n:>6}{found.n_events:>7}{found.n_unknown:>8}"
    cells = "".join(f"  {_cell(found.scores.get(name)):22}" for name in _COLUMNS)
    return f"{event:6}{entrant:18}{counts}{cells}".rstrip()


def _cell(score: Score | None) -> str:
    if score is None:
        return ""
    if score.value is None:
        return "undefined"
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
