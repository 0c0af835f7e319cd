"""The registry: which artefact of a folder is promoted or retired, and which may not be."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from model_training.artefact import artifact, probe
from model_training.artefact.artifact import Artifact
from model_training.artefact.manifest import EventScores, LeakAudit, Score
from model_training.judging.evidence import MODEL
from solar.errors import InvalidInputError, NotFoundError
from solar.stages import Stage, Stages, read_stages, write_stages

# The event whose skill decides between models.
DECISIVE = "M1.0"
ARTIFACTS = Path(__file__).parent / "artifacts"


def find(folder: Path, model_id: str) -> Path:
    """Return the folder of the artefact ``name@version``."""
    path = folder / model_id.replace("@", "-")
    if not (path / artifact.MANIFEST).is_file():
        raise NotFoundError(f"no model {model_id} in {folder.name}; train it first")
    return path


def promote(
    folder: Path, model_id: str, *, stage: Stage = "live", unaudited: str | None = None
) -> Stages:
    """Move an artefact to a stage, or refuse it.

    A model made here is judged by its manifest, one made elsewhere by its evaluation here.

    Parameters
    ----------
    unaudited : why a model made elsewhere shall serve without a leak audit and a comparison

    Raises
    ------
    InvalidInputError
        When the leak audit failed or there is none, an input is none that senders supply or, for
        ``live``, when the interval of its Brier skill lies below that of the live model for any
        event, or an event is lost.
    """
    model = probe.load(find(folder, model_id))
    stages = read_stages(folder)
    faults = _faults(model, unaudited=unaudited)
    if stage == "live" and stages.live not in (None, model_id):
        live = probe.load(find(folder, str(stages.live)))
        faults += _lost_events(model, live)
        faults += [] if unaudited is not None else _skill_faults(model, live)
    if faults:
        raise InvalidInputError(f"{model_id} is not promoted: {'; '.join(faults)}")
    return _write(folder, stages.moved(model_id, stage, unaudited=unaudited))


def retire(folder: Path, model_id: str) -> Stages:
    """Stop serving a shadow; its artefact and the forecasts it made stay.

    Raises
    ------
    InvalidInputError
        When the model is live, or serves nowhere.
    """
    stages = read_stages(folder)
    if model_id == stages.live:
        raise InvalidInputError(f"{model_id} is live; promote another model first")
    if model_id not in stages.shadow:
        raise InvalidInputError(f"{model_id} does not serve; nothing to retire")
    return _write(folder, stages.without(model_id))


def select(folder: Path) -> Stages:
    """Stage every artefact of a folder anew: the first of `ranking` is live, the next its shadow.

    Raises
    ------
    NotFoundError
        When no artefact made here passed its leak audit and can be supplied with its inputs.
    """
    ranked = ranking(folder)
    if not ranked:
        raise NotFoundError(f"no model in {folder.name} passed its leak audit; train one first")
    return _write(folder, Stages(live=ranked[0], shadow=tuple(ranked[1:2])))


def ranking(folder: Path) -> list[str]:
    """Order the artefacts that passed their leak audit by validation Brier skill, best first.

    Models made elsewhere are left out: a person promotes them by name. The skill for M1.0
    decides, and between equals the mean over all events. Artefacts are compared on the same
    cases when their recipes name the same data and split.
    """
    models = [probe.load(path.parent) for path in sorted(folder.glob(f"*/{artifact.MANIFEST}"))]
    trained_here = [model for model in models if model.manifest.made_by == "flarewatch"]
    passed = [model for model in trained_here if not _faults(model, unaudited=None)]
    passed.sort(key=_selection_score, reverse=True)
    return [model.model_id for model in passed]


def _selection_score(model: Artifact) -> tuple[float, float]:
    skill = _skill(model).get("validation", {})
    defined = [score.value for score in skill.values() if score.value is not None]
    decisive = skill[DECISIVE].value if DECISIVE in skill else None
    return (-math.inf if decisive is None else decisive, math.fsum(defined) / max(len(defined), 1))


def _write(folder: Path, stages: Stages) -> Stages:
    # What passed is noted first: servers look at the stage file every second.
    probe.remember(folder)
    write_stages(folder, stages, now=datetime.now(UTC))
    return stages


def _faults(model: Artifact, *, unaudited: str | None) -> list[str]:
    """List reasons why a model may not serve, whatever its skill."""
    unsupplied = model.manifest.unsupplied
    faults = [f"no sender supplies {', '.join(unsupplied)}"] if unsupplied else []
    return _audit_faults(model, unaudited) + faults


def _audit_faults(model: Artifact, unaudited: str | None) -> list[str]:
    is_trained_here, audit = model.manifest.made_by == "flarewatch", _audit(model)
    if unaudited is not None:
        return (
            ["it was made here and has a leak audit; leave out --unaudited"]
            if is_trained_here
            else []
        )
    if audit is None:
        return [
            "it was made elsewhere and nothing is known of its skill here; run `flarewatch evaluate"
            ' FOLDER --recipe RECIPE.toml --record`, or give --unaudited "REASON"'
        ]
    failed = [f"leak audit: {check.name}" for check in audit.checks if not check.passed]
    return failed or ([] if audit.passed else ["the leak audit did not pass"])


def _audit(model: Artifact) -> LeakAudit | None:
    if model.manifest.made_by == "flarewatch":
        return model.manifest.leak_audit
    return None if model.evaluation is None else model.evaluation.leak_audit


def _lost_events(candidate: Artifact, live: Artifact) -> list[str]:
    kept = candidate.manifest.event_names
    return [f"{name} is not forecast" for name in live.manifest.event_names if name not in kept]


def _skill_faults(candidate: Artifact, live: Artifact) -> list[str]:
    scores, live_scores = _skill(candidate), _skill(live)
    # A live model that was never evaluated here has no skill to compare with.
    if not scores or not live_scores:
        return []
    part = next(
        (part for part in ("validation", "test") if part in scores and part in live_scores),
        None,
    )
    if part is None or not _same_cases(candidate, live):
        return [
            f"it was scored on other cases than {live.model_id}; evaluate both with the same"
            " recipe and part"
        ]
    return [
        f"{event}: {part} BSS at most {scores[part][event].high}, live at least {score.low}"
        for event, score in live_scores[part].items()
        if event in scores[part] and _lies_below(scores[part][event], score)
    ]


def _same_cases(one: Artifact, other: Artifact) -> bool:
    """Tell whether data and split are the same; of two models made here it is left to people."""
    if one.manifest.made_by == other.manifest.made_by == "flarewatch":
        return True
    return _cases(one) == _cases(other)


def _cases(model: Artifact) -> tuple[object, object]:
    if model.evaluation is not None:
        return model.evaluation.data, model.evaluation.split
    recipe = model.manifest.recipe or {}
    return recipe.get("data"), recipe.get("split")


def _skill(model: Artifact) -> dict[str, dict[str, Score]]:
    """Return the Brier skill that was measured here: part -> event -> score."""
    if model.manifest.made_by == "flarewatch":
        return {part: _bss(book[MODEL]) for part, book in (model.manifest.scores or {}).items()}
    evaluation = model.evaluation
    return {} if evaluation is None else {evaluation.part: _bss(evaluation.scores[MODEL])}


def _bss(book: dict[str, EventScores]) -> dict[str, Score]:
    return {event: scores.scores["bss"] for event, scores in book.items()}


def _lies_below(one: Score, other: Score) -> bool:
    if one.high is None or other.low is None:
        return other.value is not None and (one.value is None or one.value < other.value)
    return one.high < other.low
