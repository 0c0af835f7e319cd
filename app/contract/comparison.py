"""Schemas of the comparison of runs: what is asked, and what is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from app.contract.answers import Answer
from app.contract.lab_answers import RunItem
from app.contract.queries import UrlQuery

FEWEST, MOST = 2, 10
_ID = "[0-9A-HJKMNP-TV-Z]{26}"


def _apart(text: str) -> str:
    ids = text.split(",")
    if not FEWEST <= len(set(ids)) == len(ids) <= MOST:
        raise ValueError(f"name {FEWEST} to {MOST} runs with commas between them, each once")
    return text


RunIds = Annotated[
    str,
    Field(max_length=27 * MOST, pattern=f"^{_ID}(,{_ID})*$"),
    AfterValidator(_apart),
    WithJsonSchema({"type": "string", "pattern": f"^{_ID}(,{_ID}){{{FEWEST - 1},{MOST - 1}}}$"}),
]


class CompareQuery(UrlQuery):
    """Which runs are compared, the first one with each of the others, and on which cases."""

    runs: RunIds
    part: Literal["test", "validation"] = "test"


class ComparedScore(Answer):
    """A score with its interval; null is undefined."""

    value: float | None
    low: float | None
    high: float | None


class Difference(ComparedScore):
    """The score of a run minus that of the first one, both on the same resamples."""

    says: Literal["better", "worse", "no difference", "no interval", "undefined"]


class ComparedBin(Answer):
    """A bin of the reliability diagram, with Wilson limits."""

    low: float
    high: float
    n: int
    events: int
    mean_forecast: float | None
    observed: float | None
    wilson_low: float | None
    wilson_high: float | None


class ComparedRun(Answer):
    """A run on one event. A `reason` says why it is not compared with the first one; its scores
    are then those on its own cases."""

    run_id: str
    reason: str | None
    n: int | None
    n_events: int | None
    n_unknown: int | None
    n_withheld: int | None
    threshold: float | None
    block_days: int | None
    scores: dict[str, ComparedScore] | None
    reliability: list[ComparedBin]
    differences: dict[str, Difference] | None


class ComparedEvent(Answer):
    """The runs on one event, in the order in which they were named."""

    event: str
    runs: list[ComparedRun]


class ComparedParameter(Answer):
    """An option of the recipe, or what else a run was told, by run; null where it has none."""

    name: str
    values: list[Any]
    differs: bool


class CompareAnswer(Answer):
    """Runs side by side."""

    part: Literal["test", "validation"]
    interval: dict[str, float]
    runs: list[RunItem]
    events: list[ComparedEvent]
    parameters: list[ComparedParameter]
