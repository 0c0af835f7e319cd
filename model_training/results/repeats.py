"""Repeated runs: the scores of a recipe over its folds, as mean and spread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from model_training import run_folder
from model_training.evidence import MODEL
from model_training.recipe import Recipe
from solar.errors import NotFoundError
from solar.skill import Estimate

SCORES = ("tss", "bss", "auc", "hss2")


@dataclass(frozen=True)
class Spread:
    """One score over runs; runs in which it is undefined are left out of mean and deviation."""

    values: tuple[float | None, ...]

    @property
    def mean(self) -> float | None:
        """The mean of the defined values."""
        return float(np.mean(self._defined)) if self._defined else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation between runs, of at least two."""
        return float(np.std(self._defined, ddof=1)) if len(self._defined) > 1 else None

    @property
    def _defined(self) -> list[float]:
        return [value for value in self.values if value is not None]


def judgements(folder: Path) -> list[dict[str, Any]]:
    """Read the judgements of a finished run."""
    path = folder / run_folder.SCORES
    if not path.is_file():
        raise NotFoundError(f"no finished run in {folder}; train its recipe first")
    found: list[dict[str, Any]] = orjson.loads(path.read_bytes())["judgements"]
    return found


def judgement(folder: Path, *, part: str, event: str) -> dict[str, Any]:
    """Return what a run says of one event on one part."""
    for found in judgements(folder):
        if found["part"] == part and found["event"] == event:
            return found
    raise NotFoundError(f"the run in {folder} says nothing of {event} on {part}")


def estimate(found: dict[str, Any], entrant: str, score: str) -> Estimate:
    """Return a score of an entrant; undefined where the entrant or the score is absent."""
    scores = found["entrants"].get(entrant, {}).get("scores", {})
    return Estimate(**scores[score]) if score in scores else Estimate(None, None, None)


def spread(
    recipe: Recipe, runs: Path, *, event: str, entrant: str = MODEL
) -> dict[str, Spread]:  # fmt: skip
    """Return the test scores of an entrant over all runs of a recipe, by name of the score."""
    found = [
        judgement(run_folder.path(runs, one), part="test", event=event) for one in recipe.repeats()
    ]
    return {
        score: Spread(tuple(estimate(one, entrant, score).value for one in found))
        for score in SCORES
    }


def mean_table(recipe: Recipe, runs: Path) -> str:
    """Write the mean test scores of the model and of every entrant for the terminal."""
    first = run_folder.path(runs, recipe.repeats()[0])
    lines = [f"{'event':7}{'entrant':22}" + "".join(f"{name:>18}" for name in SCORES)]
    for event in recipe.events:
        for entrant in judgement(first, part="test", event=event)["entrants"]:
            found = spread(recipe, runs, event=event, entrant=entrant)
            cells = "".join(f"{said(found[name]):>18}" for name in SCORES)
            lines.append(f"{event:7}{entrant:22}{cells}")
    return "\n".join(["test, mean and standard deviation of the runs", *lines]) + "\n"


def said(found: Spread) -> str:
    """Write mean ± deviation with three digits."""
    if found.mean is None:
        return "undefined"
    if found.deviation is None:
        return f"{found.mean:.3f}"
    return f"{found.mean:.3f} ± {found.deviation:.3f}"
