"""The break-down as text: tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from model_training.datasets.description import CLOSE, Description, FeatureDescription
from model_training.datasets.overlap import Overlap

_MOST_PAIRS = 12
_COLUMNS = ("feature", "unit", "min", "25 %", "median", "75 %", "max", "missing", "worst region")


def text(description: Description) -> str:
    """Write a description as readable tables, with a line for every feature and event."""
    blocks = [
        _shape(description),
        _grid([_COLUMNS, *(_row(feature) for feature in description.features)]),
        _missing_by_year(description),
        _events(description),
        _correlation(description),
        overlap_text(description.overlap),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def overlap_text(overlap: Overlap) -> str:
    """Say in words how many windows overlap, and what follows."""
    if not overlap.overlapping:
        return f"0 of {overlap.cases} windows overlap"
    how = []
    if overlap.shared:
        how.append(f"{overlap.shared} share records with another window")
    if overlap.copied:
        steps = "at t" if overlap.run == 1 else f"in {overlap.run} steps or more"
        how.append(f"{overlap.copied} repeat {overlap.feature} of other records {steps}")
    return (
        f"{overlap.overlapping} of {overlap.cases} windows overlap: {', '.join(how)};"
        " split by region and time, never by row"
    )


def _shape(found: Description) -> str:
    step = "none" if found.step_hours is None else f"{found.step_hours:g} h"
    lines = [
        f"{found.cases} cases of {found.steps} steps x {len(found.features)} features"
        f" ({found.records} records), {found.regions} regions",
        f"{found.first_at} to {found.last_at}; a region's next case follows after {step} (median)",
    ]
    if found.steps > 1:
        lines.append(
            f"steps of {found.cadence_hours:g} h; {found.without_record:.1%} of them have no record"
        )
    if found.rejected or found.filled:
        lines.append(f"{found.rejected} records rejected for QUALITY, {found.filled} filled in")
    if found.folds:
        folds = ", ".join(f"{fold}: {count}" for fold, count in found.folds.items())
        lines.append(f"cases by fold: {folds}")
    return "\n".join(lines)


def _row(feature: FeatureDescription) -> tuple[str, ...]:
    worst = ""
    if feature.missing_in_worst_region:
        worst = f"{feature.worst_region} ({feature.missing_in_worst_region:.0%})"
    spread: tuple[str, ...] = ("-",) * 5
    if feature.spread:
        spread = tuple(f"{value:.4g}" for value in astuple(feature.spread))
    return feature.name, feature.unit, *spread, f"{feature.missing:.1%}", worst


def _missing_by_year(found: Description) -> str:
    lacking = [item for item in found.features if item.missing > found.without_record]
    years = sorted({year for feature in lacking for year in feature.missing_by_year})
    if len(years) < 2:
        return ""
    rows = [
        (item.name, *(f"{item.missing_by_year[year]:.0%}" for year in years)) for item in lacking
    ]
    return "missing by year\n" + _grid([("feature", *map(str, years)), *rows])


def _events(found: Description) -> str:
    if not found.events:
        return "no truth: name a flare list or labels"
    rows = [("event", "events", "none", "unknown", "base rate")]
    for item in found.events:
        known = item.events + item.none
        rate = f"{item.events / known:.2%}" if known else "undefined"
        rows.append((item.event, str(item.events), str(item.none), str(item.unknown), rate))
    return _grid(rows)


def _correlation(found: Description) -> str:
    title = f"{len(found.close_pairs)} pairs of features with |{found.correlation_method}"
    title += f" correlation| >= {CLOSE:g}"
    shown = [
        f"  {pair.one} ~ {pair.other}: {pair.correlation:.3f}"
        for pair in found.close_pairs[:_MOST_PAIRS]
    ]
    if len(found.close_pairs) > _MOST_PAIRS:
        shown.append(f"  and {len(found.close_pairs) - _MOST_PAIRS} more")
    return "\n".join([title, *shown])


def _grid(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 1 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
