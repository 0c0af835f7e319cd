"""Data sets over HTTP: made of uploads, looked into by a worker, shared, and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.bodies import read_json, read_model
from app.contract.datasets import (
    BreakdownAnswer,
    DatasetBody,
    DatasetChanges,
    DatasetDetail,
    DatasetsPage,
    DatasetsQuery,
    DeletedDatasetAnswer,
    QuestionAnswerBody,
)
from app.contract.lab import MOST_ROWS
from app.contract.responses import cut_page, json_response, page
from app.lab.downloads import OCTETS, download
from app.lab.run_items import owner_names
from app.routes.lab.experiments import Work, before_of, in_lab, looked_at, owner_of
from app.routes.operation import operation
from app.services import services
from database.engine import reading
from database.lab.children import list_children, list_parents
from database.lab.datasets import (
    Dataset,
    DatasetFilter,
    NewDataset,
    add_dataset,
    answer_question,
    change_dataset,
    check_dataset_name,
    delete_dataset,
    describing_run,
    find_dataset,
    list_datasets,
)
from database.lab.uploads import consume_uploads, find_complete
from database.people.principal import LAB, LAB_READ, Principal
from solar.errors import NotFoundError

blueprint = Blueprint("datasets", __name__)

_NOT_IN_ITEMS = ("files", "layout", "question", "answer", "breakdown", "owner", "deleted_at")


@blueprint.get("/lab/datasets")
@operation(
    "Data sets that the caller may see, the newest first",
    permission=LAB_READ,
    query=DatasetsQuery,
    answer=DatasetsPage,
)
def get_datasets(query: DatasetsQuery) -> Response:
    who = services().guard.principal()
    chosen = DatasetFilter(owner_of(query, who), query.text, query.state)
    with reading(services().engine) as connection:
        before = before_of(query)
        listed = list_datasets(connection, who, chosen, limit=query.limit + 1, before=before)
        listed, cursor = cut_page(listed, query.limit, lambda dataset: (dataset.dataset_id,))
        names = owner_names(connection, (dataset.owner for dataset in listed))
    return page([_item(dataset, names) for dataset in listed], next_cursor=cursor)


@blueprint.post("/lab/datasets")
@operation(
    "Make a data set of complete uploads; a run looks into it",
    permission=LAB,
    body=DatasetBody,
    answer=DatasetDetail,
    conflict="An upload is not complete, or was used by another request.",
    refusals={"507": "The disk is full."},
)
def post_datasets() -> Response:
    body = read_model(DatasetBody, read_json())
    check_dataset_name(body.name)
    with reading(services().engine) as connection:
        who = services().guard.principal()
        sent = find_complete(connection, who, body.upload_ids)
    new = NewDataset(body.name, services().uploads.keep(who, sent), body.description, body.licence)

    def work(connection: sa.Connection, who: Principal, now: datetime) -> Dataset:
        consume_uploads(connection, who, sent, now=now)
        return add_dataset(connection, who, new, now=now)

    made = _changed(work)
    services().uploads.discard(sent)
    return made


@blueprint.get("/lab/datasets/<dataset_id>")
@operation("A data set with its files", permission=LAB_READ, answer=DatasetDetail)
def get_dataset(dataset_id: str) -> Response:
    dataset = _found(dataset_id)
    with reading(services().engine) as connection:
        return json_response(_detail(connection, dataset))


@blueprint.get("/lab/datasets/<dataset_id>/breakdown")
@operation("What was found in a data set", permission=LAB_READ, answer=BreakdownAnswer)
def get_breakdown(dataset_id: str) -> Response:
    return json_response({"dataset_id": dataset_id, "breakdown": _found(dataset_id).breakdown})


@blueprint.get("/lab/datasets/<dataset_id>/files/<sha256>")
@operation(
    "The content of a file of a data set, or a range of it",
    permission=LAB_READ,
    answer=OCTETS,
    refusals={"206": "The range that was asked for.", "416": "The file has no such range."},
)
def get_dataset_file(dataset_id: str, sha256: str) -> Response:
    file = next((file for file in _found(dataset_id).files if file.sha256 == sha256), None)
    if file is None:
        raise NotFoundError("the data set has no such file")
    return download(services().file_store, sha256, file.bytes, name=file.name)


@blueprint.patch("/lab/datasets/<dataset_id>")
@operation(
    "Change description, licence or visibility of a data set",
    permission=LAB,
    body=DatasetChanges,
    answer=DatasetDetail,
)
def patch_dataset(dataset_id: str) -> Response:
    changes = read_model(DatasetChanges, read_json()).model_dump(exclude_none=True)
    return _changed(lambda c, who, now: change_dataset(c, who, dataset_id, changes, now=now))


@blueprint.post("/lab/datasets/<dataset_id>/answer")
@operation(
    "Answer what a data set asks; it is looked into again",
    permission=LAB,
    body=QuestionAnswerBody,
    answer=DatasetDetail,
    conflict="It asks nothing.",
)
def post_answer(dataset_id: str) -> Response:
    value = read_model(QuestionAnswerBody, read_json()).value
    return _changed(lambda c, who, now: answer_question(c, who, dataset_id, value, now=now))


@blueprint.delete("/lab/datasets/<dataset_id>")
@operation(
    "Put a data set into the trash",
    permission=LAB,
    answer=DeletedDatasetAnswer,
    conflict="Runs read it; detail lists them.",
)
def delete_one(dataset_id: str) -> Response:
    deleted = in_lab(lambda c, who, now: delete_dataset(c, who, dataset_id, now=now))
    return json_response({"deleted": dataset_id, "bytes": _size(deleted)})


def _found(dataset_id: str) -> Dataset:
    """Return a data set that somebody may see; raises NotFoundError."""
    with reading(services().engine) as connection:
        dataset = find_dataset(connection, services().guard.principal(), dataset_id)
    looked_at("data set", dataset_id, dataset)
    return dataset


def _changed(work: Work[Dataset]) -> Response:
    return json_response(in_lab(lambda c, who, now: _detail(c, work(c, who, now))))


def _item(dataset: Dataset, names: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in vars(dataset).items() if name not in _NOT_IN_ITEMS}
    return kept | {
        "owner": {"id": dataset.owner, "name": names[dataset.owner]},
        "file_count": len(dataset.files),
        "bytes": _size(dataset),
    }


def _detail(connection: sa.Connection, dataset: Dataset) -> dict[str, Any]:
    run, who = describing_run(connection, dataset), services().guard.principal()
    parents = list_parents(connection, who, dataset)
    children = list_children(connection, who, dataset.dataset_id, limit=MOST_ROWS)
    told = {name: getattr(dataset, name) for name in ("layout", "question", "answer")}
    return (
        _item(dataset, owner_names(connection, [dataset.owner]))
        | told
        | {
            "files": [asdict(file) for file in dataset.files],
            "described_by": None if run is None else run.run_id,
            "described_state": None if run is None else run.state,
            "made_of": next(iter(_links(parents)), None),
            "children": _links(children),
        }
    )


def _links(listed: Iterable[Dataset]) -> list[dict[str, Any]]:
    names = ("dataset_id", "name", "version", "state")
    return [{name: getattr(one, name) for name in names} for one in listed]


def _size(dataset: Dataset) -> int:
    return sum(file.bytes for file in dataset.files)
