"""The answer to how skill divides: by history, longitude and month, and how late forecasts came."""

from __future__ import annotations

from collections.abc import Mapping

from app_dash.skill.answer import Part, Score


class Stratum(Part):
    """The scores of one part of the cases; `low` and `high` bound it, as numbers or days."""

    label: str
    low: float | str | None = None
    high: float | str | None = None
    n: int
    n_events: int
    n_unknown: int = 0
    base_rate: float | None = None
    scores: Mapping[str, Score] = {}

    def score(self, name: str) -> Score:
        """Return a score by its name; one that the answer lacks is undefined."""
        return self.scores.get(name) or Score()


class Latency(Part):
    """How long after their data forecasts were issued, in seconds."""

    n: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class AllClear(Part):
    """The no-forecasts taken as statements of quiet: how many, and how often they held."""

    n: int = 0
    n_missed: int = 0
    right: Score = Score()


class StrataAnswer(Part):
    """The whole answer; a stratum without cases has undefined scores."""

    first_flare: Stratum
    all_clear: AllClear
    longitude: tuple[Stratum, ...] = ()
    month: tuple[Stratum, ...] = ()
    latency: Latency = Latency()
