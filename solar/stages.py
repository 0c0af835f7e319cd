"""Stages: which models serve, live or in the shadow, and the file of a folder that says so."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from solar.errors import ArtifactError

STAGES = "live.json"
Stage = Literal["live", "shadow"]
# Nothing that leads out of the folder.
ModelId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*@[A-Za-z0-9._-]+$")]


class Stages(BaseModel):
    """Which artefacts serve: one live, any number in its shadow, as ``name@version``.

    `unaudited` holds, for models that were made elsewhere and not audited here, why they serve.
    `at` is when a file was written, so that one that was changed and changed back is a new one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    live: ModelId | None = None
    shadow: tuple[ModelId, ...] = ()
    unaudited: dict[str, str] = {}
    at: AwareDatetime | None = None

    @property
    def model_ids(self) -> tuple[str, ...]:
        """All that serve, the live one first."""
        return (*([self.live] if self.live else []), *self.shadow)

    def stage_of(self, model_id: str) -> Stage | None:
        """Return the stage of a model, None if it does not serve."""
        if model_id == self.live:
            return "live"
        return "shadow" if model_id in self.shadow else None

    def moved(self, model_id: str, stage: Stage, *, unaudited: str | None = None) -> Stages:
        """Return the stages with one model moved; a replaced live model becomes a shadow."""
        others = tuple(name for name in self.shadow if name != model_id)
        reasons = {name: why for name, why in self.unaudited.items() if name != model_id}
        if unaudited is not None:
            reasons[model_id] = unaudited
        if stage == "shadow":
            live = None if self.live == model_id else self.live
            return Stages(live=live, shadow=(*others, model_id), unaudited=reasons)
        replaced = (self.live,) if self.live and self.live != model_id else ()
        return Stages(live=model_id, shadow=(*others, *replaced), unaudited=reasons)

    def without(self, model_id: str) -> Stages:
        """Return the stages without a shadow."""
        return Stages(
            live=self.live,
            shadow=tuple(name for name in self.shadow if name != model_id),
            unaudited={name: why for name, why in self.unaudited.items() if name != model_id},
        )


def read_stages(folder: Path) -> Stages:
    """Read the stage file of a folder of artefacts; without one nothing is live.

    Raises
    ------
    ArtifactError
        When the file cannot be read or holds anything else.
    """
    path = folder / STAGES
    try:
        return Stages.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Stages()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ArtifactError(f"{path} does not name the served models: {reason}") from error


def write_stages(folder: Path, stages: Stages, *, now: datetime) -> None:
    """Write the stage file of a folder of artefacts; whoever reads it finds the old or the new."""
    dated = stages.model_copy(update={"at": now})
    plain = dated.model_dump(mode="json", exclude=None if stages.unaudited else {"unaudited"})
    part = folder / f"{STAGES}.{os.getpid()}.part"
    part.write_bytes(orjson.dumps(plain, option=orjson.OPT_INDENT_2) + b"\n")
    part.replace(folder / STAGES)
