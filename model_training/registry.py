"""The registry: the folder of artefacts, and the file that says which of them is live."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from model_training import artifact
from model_training.evidence import MODEL
from model_training.manifest import Manifest, Score
from solar.errors import ArtifactError, InvalidInputError, NotFoundError

# The event whose skill decides between models.
DECISIVE = "M1.0"
ARTIFACTS = Path(__file__).parent / "artifacts"
STAGES = "live.json"
Stage = Literal["live", "shadow"]


class Stages(BaseModel):
    """Which artefacts serve: one live, any number in its shadow, as ``name@version``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    live: str | None = None
    shadow: tuple[str, ...] = ()

    def moved(self, model_id: str, stage: Stage) -> Stages:
        """Return the stages with one model moved; a live model that is replaced shadows on."""
        others = tuple(name for name in self.shadow if name != model_id)
        if stage == "shadow":
            live = None if self.live == model_id else self.live
            return Stages(live=live, shadow=(*others, model_id))
        replaced = (self.live,) if self.live and self.live != model_id else ()
        return Stages(live=model_id, shadow=(*others, *replaced))

    def without(self, model_id: str) -> Stages:
        """Return the stages without a shadow."""
        return Stages(
            live=self.live, shadow=tuple(name for name in self.shadow if name != model_id)
        )


def read_stages(folder: Path) -> Stages:
    """Read the stage file of a folder of artefacts; without one nothing is live."""
    path = folder / STAGES
    if not path.is_file():
        return Stages()
    try:
        return Stages.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"{path.name} in {folder.name} cannot be used: {error}") from error


def find(folder: Path, model_id: str) -> Path:
    """Return the folder of the artefact ``name@version``."""
    path = folder / model_id.replace("@", "-")
    if not (path / artifact.MANIFEST).is_file():
        raise NotFoundError(f"no model {model_id} in {folder.name}; train it first")
    return path


def promote(folder: Path, model_id: str, *, stage: Stage = "live") -> Stages:
    """Move an artefact to a stage, and refuse it where it has not earned the place.

    Raises
    ------
    InvalidInputError
        When the leak audit failed, an input is none that senders supply or, for ``live``, when
        the interval of its validation Brier skill lies below that of the live model for any
        event, or an event is lost.
    """
    manifest = artifact.load(find(folder, model_id)).manifest
    stages = read_stages(folder)
    faults = _faults(manifest)
    if stage == "live" and stages.live not in (None, model_id):
        faults += _skill_faults(manifest, artifact.load(find(folder, str(stages.live))).manifest)
    if faults:
        raise InvalidInputError(f"{model_id} is not promoted: {'; '.join(faults)}")
    return _write(folder, stages.moved(model_id, stage))


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
        When no artefact passed its leak audit and can be supplied with its inputs.
    """
    ranked = ranking(folder)
    if not ranked:
        raise NotFoundError(f"no model in {folder.name} passed its leak audit; train one first")
    return _write(folder, Stages(live=ranked[0], shadow=tuple(ranked[1:2])))


def ranking(folder: Path) -> list[str]:
    """Order the artefacts that passed their leak audit by validation Brier skill, best first.

    The skill for M1.0 decides, and between equals the mean over all events. Artefacts are
    compared on the same cases when their recipes name the same data and split.
    """
    models = [artifact.load(path.parent) for path in sorted(folder.glob(f"*/{artifact.MANIFEST}"))]
    passed = [model for model in models if not _faults(model.manifest)]
    passed.sort(key=lambda model: _selection_score(model.manifest), reverse=True)
    return [model.model_id for model in passed]


def _selection_score(manifest: Manifest) -> tuple[float, float]:
    skill = _validation_skill(manifest)
    defined = [score.value for score in skill.values() if score.value is not None]
    decisive = skill[DECISIVE].value if DECISIVE in skill else None
    return (-math.inf if decisive is None else decisive, math.fsum(defined) / max(len(defined), 1))


def _write(folder: Path, stages: Stages) -> Stages:
    text = orjson.dumps(stages.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    (folder / STAGES).write_bytes(text + b"\n")
    return stages


def _faults(manifest: Manifest) -> list[str]:
    """Say why a model may not serve, whatever its skill."""
    strange = [feature.name for feature in manifest.features if feature.kind == "other"]
    unknown = [f"no sender supplies {', '.join(strange)}"] if strange else []
    return _audit_faults(manifest) + unknown


def _audit_faults(manifest: Manifest) -> list[str]:
    failed = [check.name for check in manifest.leak_audit.checks if not check.passed]
    if not manifest.leak_audit.passed and not failed:
        return ["the leak audit did not pass"]
    return [f"leak audit: {name}" for name in failed]


def _skill_faults(candidate: Manifest, live: Manifest) -> list[str]:
    own, theirs = _validation_skill(candidate), _validation_skill(live)
    lost = [f"{event} is not forecast" for event in theirs if event not in own]
    worse = [
        f"{event}: validation BSS at most {own[event].high}, live at least {theirs[event].low}"
        for event in theirs
        if event in own and _lies_below(own[event], theirs[event])
    ]
    return lost + worse


def _validation_skill(manifest: Manifest) -> dict[str, Score]:
    book = manifest.scores["validation"][MODEL]
    return {event: scores.scores["bss"] for event, scores in book.items()}


def _lies_below(one: Score, other: Score) -> bool:
    if one.high is None or other.low is None:
        return other.value is not None and (one.value is None or one.value < other.value)
    return one.high < other.low
