"""Outputs of runs over HTTP: one by one, in part, or all in one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response

from app.contract.lab_answers import OutputItem, OutputsPage
from app.contract.responses import page
from app.lab.downloads import OCTETS, download
from app.lab.shared_threads import hold
from app.routes.lab.experiments import found_run
from app.routes.operation import operation
from app.services import services
from database.engine import reading
from database.lab.file_store import FileStore
from database.lab.outputs import Output, find_output, list_outputs
from database.lab.runs import Run
from database.people.principal import LAB_READ

blueprint = Blueprint("outputs", __name__)
_ZIP = "application/zip"
# Shown by a browser in place; everything else it can only keep.
_SHOWN = {
    ".png": "image/png",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@blueprint.get("/lab/runs/<run_id>/outputs")
@operation("The files that a run made, by name", permission=LAB_READ, answer=OutputsPage)
def get_run_outputs(run_id: str) -> Response:
    _, outputs = _run_and_outputs(run_id)
    items = [{name: getattr(one, name) for name in OutputItem.model_fields} for one in outputs]
    return page(items, next_cursor=None)


@blueprint.get("/lab/runs/<run_id>/outputs/<path:name>")
@operation(
    "A file that a run made, or the Range of it that is asked for",
    permission=LAB_READ,
    answer=OCTETS,
    refusals={"206": "The range that was asked for.", "416": "The file has no such range."},
)
def get_run_output(run_id: str, name: str) -> Response:
    found_run(run_id)
    with reading(services().engine) as connection:
        output = find_output(connection, run_id, name)
    return download(
        services().file_store,
        output.sha256,
        output.bytes,
        name=name,
        shown_as=_SHOWN.get(PurePosixPath(name).suffix),
    )


@blueprint.get("/lab/runs/<run_id>/outputs.zip")
@operation("All files that a run made, in one archive", permission=LAB_READ, answer=_ZIP)
def get_run_archive(run_id: str) -> Response:
    run, outputs = _run_and_outputs(run_id)
    store = services().file_store
    for output in outputs:
        # Before the answer begins, as above.
        store.read(output.sha256, length=0)
    response = Response(_archive(store, outputs), content_type=_ZIP)
    name = f"{run.kind}-{run.number}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return hold(response)


def _run_and_outputs(run_id: str) -> tuple[Run, list[Output]]:
    run = found_run(run_id)
    with reading(services().engine) as connection:
        return run, list_outputs(connection, run_id)


class _Sink(io.RawIOBase):
    """What an archive is written into: it keeps only what has not been sent yet."""

    _written = b""

    def write(self, data: Any) -> int:
        """Take bytes of the archive."""
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._written = self._written, b""
        return taken


def _archive(store: FileStore, outputs: Sequence[Output]) -> Iterator[bytes]:
    """Yield a zip archive while it is written; the files are stored as they are."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for output in outputs:
            made_at = output.created_at.timetuple()[:6]
            info = zipfile.ZipInfo(output.name, date_time=made_at)
            with archive.open(info, "w", force_zip64=output.bytes >= 2**31) as member:
                for piece in store.pieces(output.sha256):
                    member.write(piece)
                    yield sink.take()
    yield sink.take()
