"""Schemas of uploads and data sets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.contract.answers import TIME, Answer
from app.contract.lab import Description, Id, LabQuery, Name, Visibility
from app.contract.lab_answers import Owner
from app.contract.pages import Page
from app.contract.schemas import Strict
from database.lab.datasets import MOST_FILES

_LONGEST_LICENCE, _LONGEST_VALUE = 200, 200

Licence = Annotated[str, Field(max_length=_LONGEST_LICENCE)]
DatasetState = Literal["checking", "asks", "ready", "refused"]


class UploadAnswer(Answer):
    """An upload: `received` of its `bytes` are here."""

    upload_id: str
    name: str
    bytes: int
    received: int
    state: Literal["receiving", "complete"]
    sha256: str | None
    expires_at: str = TIME


class DatasetBody(Strict):
    """A data set to make of complete uploads; a zip becomes the files in it."""

    name: Name
    upload_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_FILES)]
    description: Description = ""
    licence: Licence = ""


class DatasetChanges(Strict):
    """What changes of a data set; what is left out stays."""

    description: Description | None = None
    licence: Licence | None = None
    visibility: Visibility | None = None


class QuestionAnswerBody(Strict):
    """The answer to what a data set asks: the value of one of the answers to choose from.

    With null for none of them the data set is refused.
    """

    value: Annotated[str, Field(min_length=1, max_length=_LONGEST_VALUE)] | None


class DatasetsQuery(LabQuery):
    """Data sets in a state; the text is in the name or the description."""

    state: DatasetState | None = None


class DatasetItem(Answer):
    """A data set; `reason` says why it was refused, and the way out."""

    dataset_id: str
    owner: Owner
    name: str
    version: int
    visibility: Visibility
    state: DatasetState
    description: str
    licence: str
    file_count: int
    bytes: int
    rows: int | None
    reason: str | None
    parent: str | None
    made_by_run: str | None
    created_at: str = TIME


class DatasetsPage(Page):
    """Data sets, the newest first."""

    items: list[DatasetItem]


class DatasetFile(Answer):
    """A file of a data set; its content has the address files/SHA256."""

    name: str
    sha256: str
    bytes: int


class DatasetLink(Answer):
    """Another data set, that this one is made of, or that is made of it."""

    dataset_id: str
    name: str
    version: int
    state: DatasetState


class DatasetDetail(DatasetItem):
    """A data set with its files, how it is read, what it asks, and the run that looks into it.

    `made_of` is the parent, null where there is none to see, `children` are made of this one.
    `question` has a `text` and the `answers` to choose from, each with `value`, `label`, `detail`
    and `series`, some features as they look when read so.
    """

    files: list[DatasetFile]
    layout: dict[str, Any] | None
    question: dict[str, Any] | None
    answer: str | None
    described_by: str | None
    described_state: str | None
    made_of: DatasetLink | None
    children: list[DatasetLink]


class BreakdownAnswer(Answer):
    """What was found in a data set; null until it was looked into."""

    dataset_id: str
    breakdown: dict[str, Any] | None


class DeletedDatasetAnswer(Answer):
    """What was put into the trash, and how many bytes of the quota are free again."""

    deleted: str
    bytes: int
