"""The score book of a manifest: the judgements of a run, cut down to what serving shows."""

from __future__ import annotations

from collections.abc import Iterable

from model_training.evidence import Evidence
from model_training.manifest import EventScores, Score, ScoreBook
from model_training.report.judgement import Entrant, Judgement, judge


def book(evidence: Iterable[Evidence]) -> ScoreBook:
    """Judge evidence: part -> entrant -> event -> scores."""
    found: ScoreBook = {}
    for judgement in map(judge, evidence):
        part = found.setdefault(judgement.part, {})
        for name, entrant in judgement.entrants.items():
            part.setdefault(name, {})[judgement.event] = _event_scores(judgement, entrant)
    return found


def _event_scores(judgement: Judgement, entrant: Entrant) -> EventScores:
    return EventScores(
        n=judgement.n,
        n_events=judgement.n_events,
        n_unknown=judgement.n_unknown,
        threshold=entrant.threshold,
        scores={
            name: Score(value=score.value, low=score.low, high=score.high)
            for name, score in entrant.scores.items()
        },
    )
