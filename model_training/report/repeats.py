"""Repeated runs: the scores of a recipe over its folds, as mean and spread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from model_training.judging.evidence import MODEL
from model_training.recipe.recipe import Recipe
from model_training.report import run_folder
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


def read_judgements(folder: Path) -> list[dict[str, Any]]:
    """Read the judgements of a finished run."""
    path = folder / run_folder.SCORES
    if not path.is_file():
        raise NotFoundError(f"no finished run in {folder}; train its recipe first")
    judgements: list[dict[str, Any]] = orjson.loads(path.read_bytes())["judgements"]
    return judgements


def find_judgement(folder: Path, *, part: str, event: str) -> dict[str, Any]:
    """Return the judgement of a run on one event and part."""
    for candidate in read_judgements(folder):
        if candidate["part"] == part and candidate["event"] == event:
            return candidate
    raise NotFoundError(f"the run in {folder} has no judgement of {event} on {part}")


def estimate_of(judgement: dict[str, Any], entrant: str, score: str) -> Estimate:
    """Return a score of an entrant; undefined where the entrant or the score is absent."""
    scores = judgement["entrants"].get(entrant, {}).get("scores", {})
    return Estimate(**scores[score]) if score in scores else Estimate(None, None, None)


def spreads_of(
    recipe: Recipe, runs: Path, *, event: str, entrant: str = MODEL
) -> dict[str, Spread]:
    """Return the test scores of an entrant over all runs of a recipe, by name of the score."""
    judgements = [
        find_judgement(run_folder.path(runs, one), part="test", event=event)
        for one in recipe.repeats()
    ]
    return {
        score: Spread(tuple(estimate_of(one, entrant, score).value for one in judgements))
        for score in SCORES
    }


def means(recipe: Recipe, runs: Path) -> dict[str, dict[str, dict[str, Spread]]]:
    """Return the test scores over all runs of a recipe: event -> entrant -> score -> spread."""
    first = run_folder.path(runs, recipe.repeats()[0])
    return {
        event: {
            entrant: spreads_of(recipe, runs, event=event, entrant=entrant)
            for entrant in find_judgement(first, part="test", event=event)["entrants"]
        }
        for event in recipe.events
    }


def mean_table(recipe: Recipe, runs: Path) -> str:
    """Write the mean test scores of the model and of every entrant for the terminal."""
    lines = [f"{'event':7}{'entrant':22}" + "".join(f"{name:>18}" for name in SCORES)]
    for event, entrants in means(recipe, runs).items():
        for entrant, spreads in entrants.items():
            cells = "".join(f"{spread_text(spreads[name]):>18}" for name in SCORES)
            lines.append(f"{event:7}{entrant:22}{cells}")
    return "\n".join(["test, mean and standard deviation of the runs", *lines]) + "\n"


def spread_text(spread: Spread) -> str:
    """Write mean ± deviation with three digits."""
    if spread.mean is None:
        return "undefined"
    if spread.deviation is None:
        return f"{spread.mean:.3f}"
    return f"{spread.mean:.3f} ± {spread.deviation:.3f}"
