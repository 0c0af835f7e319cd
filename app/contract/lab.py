"""Schemas of what people ask of the Lab: of experiments, recipes and runs."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from app.contract.queries import UrlQuery
from app.contract.schemas import EventName, Strict
from app.contract.times import Time
from database.lab.runs import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS, STATES
from database.schema.lab_tables import LONGEST_NAME
from model_training.recipe import kinds
from model_training.recipe.config import Config
from model_training.recipe.kinds import ChildParameters
from model_training.recipe.recipe import LARGEST_BYTES
from solar.flares import EVENTS

MOST_ROWS = 200
_LONGEST_TAGS = 500
_MOST_DATASETS = 16
_LONGEST_DESCRIPTION = 500
_EVENT_NAMES = tuple(event.name for event in EVENTS)
_SCORE = re.compile(r"-?\d{1,3}(\.\d{1,9})?")
# They turn the text around them, so that what is read is not what stands there.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def odd_character(text: str, *, lines: bool = False) -> str | None:
    """Name the first character that a person cannot see, None where there is none.

    These are control characters and those that turn the direction of writing; `lines` allows tabs
    and ends of lines.
    """
    allowed = "\n\r\t" if lines else ""
    for character in text:
        is_odd = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        if (is_odd and character not in allowed) or character in _TURNING:
            return f"U+{ord(character):04X}"
    return None


def _plain(text: str, *, lines: bool = False) -> str:
    odd = odd_character(text, lines=lines)
    if odd is not None:
        raise ValueError(f"holds the character {odd}; leave it out")
    return text


def _plain_lines(text: str) -> str:
    return _plain(text, lines=True)


def _short_tags(tags: list[str]) -> list[str]:
    if len(json.dumps(tags)) > _LONGEST_TAGS:
        raise ValueError("the tags are too long together; leave some out")
    return tags


def _states(text: str) -> str:
    states = [name for name in text.split(",") if name]
    if unknown := sorted(set(states) - set(STATES)):
        raise ValueError(f"no state {unknown[0]!r}; choose among {', '.join(STATES)}")
    return ",".join(states)


Id = Annotated[str, Field(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_plain)]
Description = Annotated[str, Field(max_length=_LONGEST_DESCRIPTION), AfterValidator(_plain_lines)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_plain_lines)]
Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG), AfterValidator(_plain)]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS), AfterValidator(_short_tags)]
Visibility = Literal["private", "shared"]
Document = Annotated[str, Field(max_length=LARGEST_BYTES, description="a recipe as TOML")]
Kind = Literal[
    "train", "evaluate", "process", "augment", "network", "cluster", "forecast", "audit", "snapshot"
]
Queue = Annotated[str, Field(pattern=r"^(cpu|gpu|gpu\.[A-Za-z0-9._-]{1,64}\.\d{1,3})$")]
TimeLimit = Annotated[int, Field(ge=1, le=30 * 86_400)]
# Several are written with commas between them.
RunStates = Annotated[
    str,
    AfterValidator(_states),
    WithJsonSchema(
        {"type": "string", "pattern": f"^(({'|'.join(STATES)})(,({'|'.join(STATES)})){{0,8}})?$"}
    ),
]


def _least_score(text: str) -> str:
    event, _, number = text.partition(":")
    if event not in _EVENT_NAMES or not _SCORE.fullmatch(number):
        raise ValueError("write an event and its least Brier skill score, such as M1.0:0.1")
    return text


LeastScore = Annotated[
    str,
    AfterValidator(_least_score),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(_EVENT_NAMES)}):{_SCORE.pattern}$"}),
]


class ExperimentBody(Strict):
    """An experiment to begin."""

    name: Name
    description: Description = ""
    tags: Tags = Field(default_factory=list)
    visibility: Visibility = "private"


class ExperimentChanges(Strict):
    """What changes of an experiment; what is left out stays."""

    name: Name | None = None
    description: Description | None = None
    tags: Tags | None = None
    visibility: Visibility | None = None
    is_archived: bool | None = None


class RecipeBody(Strict):
    """A recipe to keep; without a name it is called as the model is."""

    document: Document
    name: Name | None = None
    visibility: Visibility = "private"
    parent: Id | None = None


class SnapshotParameters(ChildParameters):
    """The records of which time become a data set: [from, to), UTC."""

    from_: Time = Field(alias="from", description="time of the first records, UTC")
    to: Time = Field(description="time before which the last ones lie, UTC")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("from lies before to")
        return self


PARAMETERS: dict[str, type[Config]] = {**kinds.PARAMETERS, "snapshot": SnapshotParameters}
# Kinds whose runs take the recipe of another run, or need none.
WITHOUT_RECIPE = ("evaluate", "snapshot")


class RunBody(Strict):
    """A run to draft, and to queue with `start`: what, with which recipe, on which data sets.

    `evaluate` takes recipe and data sets of the run that it scores where they are left out.
    """

    experiment_id: Id
    kind: Kind
    recipe_id: Id | None = None
    recipe: Document | None = None
    dataset_ids: Annotated[list[Id], Field(max_length=_MOST_DATASETS)] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    queue: Queue = "cpu"
    time_limit_s: TimeLimit | None = None
    tags: Tags = Field(default_factory=list)
    note: Note = ""
    start: bool = False


class RecipeCheckBody(Strict):
    """A recipe to check, and the run that it is for; without data sets no file is looked for."""

    document: Document
    kind: Kind = "train"
    dataset_ids: Annotated[list[Id], Field(max_length=_MOST_DATASETS)] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    queue: Queue = "cpu"


class CloneBody(Strict):
    """What differs from the run that is cloned; what is left out is as there."""

    experiment_id: Id | None = None
    recipe_id: Id | None = None
    recipe: Document | None = None
    dataset_ids: Annotated[list[Id], Field(max_length=_MOST_DATASETS)] | None = None
    parameters: dict[str, Any] | None = None
    queue: Queue | None = None
    time_limit_s: TimeLimit | None = None
    tags: Tags | None = None
    note: Note | None = None
    start: bool = False


class RunChanges(Strict):
    """What changes of a run; what is left out stays."""

    tags: Tags | None = None
    note: Note | None = None
    visibility: Visibility | None = None


class BulkBody(Strict):
    """The same for several runs; `tag` and `untag` take the tag."""

    ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MOST_ROWS)]
    action: Literal["start", "stop", "restart", "delete", "tag", "untag"]
    tag: Tag | None = None

    @model_validator(mode="after")
    def _names_its_tag(self) -> Self:
        if (self.tag is not None) != (self.action in ("tag", "untag")):
            raise ValueError("tag belongs to the actions tag and untag, which need it")
        return self


class LabQuery(UrlQuery):
    """A listing of the Lab, page by page, of one owner (`me`) or all, in which a text occurs."""

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = Field(default=100, description="rows")
    cursor: str | None = Field(default=None, description="next_cursor of the answer before")
    owner: str | None = Field(default=None, max_length=80, description="an owner's id, or me")
    text: str = Field(default="", max_length=100)


class ExperimentsQuery(LabQuery):
    """Experiments, open or archived."""

    archived: bool | None = None


class RunsQuery(LabQuery):
    """Runs by what they are and hold, in an order; those without the value stand last."""

    state: RunStates = Field(default="", description="queued, running, …, or several")
    kind: Kind | Literal["describe"] | None = None
    tag: str | None = Field(default=None, max_length=LONGEST_TAG)
    experiment: Id | None = None
    estimator: str | None = Field(default=None, max_length=64, description="its kind, such as gru")
    recipe: str = Field(default="", max_length=100, description="occurs in the recipe's TOML")
    bss_min: LeastScore | None = Field(default=None, examples=["M1.0:0.1"])
    sort: Literal["made", "ended", "name", "state", "took", "bss", "owner"] = "made"
    event: EventName = Field(default="M1.0", description="of the BSS that is sorted by")
    up: bool = False


SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


class MachinesQuery(UrlQuery):
    """For how long back machines are shown: every sample, or means of four minutes."""

    span: Literal["hour", "day"] = "hour"


class LogQuery(UrlQuery):
    """Which stream of which attempt, from which byte on; without an attempt the current one."""

    stream: Literal["log", "events"] = "log"
    attempt: Annotated[int, Field(ge=1, le=10**6)] | None = None
    from_: Annotated[int, Field(ge=0, le=2**62)] = Field(default=0, alias="from")
