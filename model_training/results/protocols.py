"""Protocols: on which cases models are compared with published ones, and what that is worth."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import Field

from model_training.choices.strict import Choice

FILE = Path(__file__).parent / "protocols.toml"


class Entry(Choice):
    """A model in a protocol: its row in the table, and the run that tells its scores.

    A `recipe` with repeats is shown as mean and deviation of its runs; without one `run` is the
    folder of a single run, whose scores come with intervals.
    """

    label: str
    run: str
    recipe: str | None = None


class Protocol(Choice):
    """One comparison: `aims` are the scores to beat, event -> score -> value."""

    title: str
    question: str
    references: tuple[str, ...]
    caveats: tuple[str, ...] = Field(min_length=1)
    aims: dict[str, dict[str, float]]
    entries: tuple[Entry, ...] = Field(min_length=1)


class Protocols(Choice):
    """All comparisons, and what is `published` on data that cannot be had."""

    published: tuple[str, ...]
    protocols: tuple[Protocol, ...]


def read_protocols() -> Protocols:
    """Read the protocols that come with this package."""
    return Protocols.model_validate(tomllib.loads(FILE.read_text("utf-8")))
