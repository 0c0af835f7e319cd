"""Logs, outputs, files and uploads, passed on between browser and API: it asks this site alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

import requests
from flask import Flask, Response, request, stream_with_context

from app_dash.api_client import api_of, problem_text
from app_dash.guard import route
from app_dash.lab.client import LAB as LAB_API
from app_dash.lab.client import dataset_path, run_path
from app_dash.settings import DashSettings
from app_dash.shared.url_state import (
    LAB_FILES_PATH,
    LAB_LOG_PATH,
    LAB_OUTPUTS_PATH,
    LAB_UPLOADS_PATH,
)
from database.people.principal import LAB, LAB_READ
from solar.errors import InvalidInputError

# The most bytes of a piece of an upload.
PIECE_BYTES = 4 * 2**20
_CHUNK_BYTES = 64 * 1024
# What is shown in place on request: without scripts, links into this site or anything foreign.
_SHOWN = {".png": "image/png", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8"}
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
_OF_LOG = ("X-Next-Offset", "X-State", "X-Attempt")
_OF_FILE = ("Content-Length", "Content-Range", "Accept-Ranges", "ETag")
_TO_UPLOAD = ("Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset", "Content-Type")
_OF_UPLOAD = (*_TO_UPLOAD[:-1], "Upload-Expires", "Retry-After")


def register(server: Flask, *, settings: DashSettings) -> None:
    """Serve the routes on the server of the dashboard; the API decides who may read what."""

    @route(server, LAB_LOG_PATH, permission=LAB_READ)
    def log() -> Response:
        run_id, attempt = request.args.get("run", ""), request.args.get("attempt", "")
        if request.args.get("download"):
            name = f"run-{run_id}-attempt-{attempt}.log"
            pieces = stream_with_context(_pieces(settings, run_id, attempt))
            return _as_file(Response(pieces, content_type="text/plain; charset=utf-8"), name)
        answer = _log_piece(settings, run_id, attempt, request.args.get("from", "0"))
        response = Response(answer.content, content_type="text/plain; charset=utf-8")
        response.headers.update(_kept(answer, _OF_LOG) | {"Cache-Control": "no-store"})
        return response

    @route(server, f"{LAB_OUTPUTS_PATH}/<run_id>.zip", permission=LAB_READ)
    def outputs(run_id: str) -> Response:
        return _passed_on(settings, f"{run_path(run_id)}/outputs.zip", f"run-{run_id}.zip")

    @route(server, f"{LAB_OUTPUTS_PATH}/<run_id>/<path:name>", permission=LAB_READ)
    def output(run_id: str, name: str) -> Response:
        response = _passed_on(settings, f"{run_path(run_id)}/outputs/{quote(name)}", name)
        kind = _SHOWN.get(PurePosixPath(name).suffix.lower())
        if kind is not None and request.args.get("shown"):
            response.content_type = kind
            response.headers["Content-Disposition"] = "inline"
            response.headers["Content-Security-Policy"] = _SANDBOX
        return response

    _serve_data(server, settings)


def _serve_data(server: Flask, settings: DashSettings) -> None:
    @route(server, f"{LAB_FILES_PATH}/<dataset_id>/<sha256>/<path:name>", permission=LAB_READ)
    def file(dataset_id: str, sha256: str, name: str) -> Response:
        return _passed_on(settings, f"{dataset_path(dataset_id)}/files/{quote(sha256)}", name)

    @route(server, LAB_UPLOADS_PATH, permission=LAB, methods=["POST"])
    def begin_upload() -> Response:
        return _upload_request(settings, f"{LAB_API}/uploads")

    one = f"{LAB_UPLOADS_PATH}/<upload_id>"

    @route(server, one, permission=LAB, methods=["HEAD", "PATCH", "DELETE"])
    def upload(upload_id: str) -> Response:
        return _upload_request(settings, f"{LAB_API}/uploads/{quote(upload_id, safe='')}")


def _upload_request(settings: DashSettings, path: str) -> Response:
    """Pass a request of tus on; of a refusal its text, its status and when to try again."""
    request.max_content_length = PIECE_BYTES
    answer = api_of(settings).call(
        request.method,
        f"/api/v1{path}",
        data=request.get_data(),
        headers={name: request.headers[name] for name in _TO_UPLOAD if name in request.headers},
        passes_refusals=True,
    )
    text = "" if answer.ok else f"{problem_text(answer)}\n"
    response = Response(text, answer.status_code, content_type="text/plain; charset=utf-8")
    response.headers.update(_kept(answer, _OF_UPLOAD) | {"Cache-Control": "no-store"})
    if "Location" in answer.headers:
        upload_id = answer.headers["Location"].rpartition("/")[2]
        response.headers["Location"] = f"{LAB_UPLOADS_PATH}/{upload_id}"
    return response


def _kept(answer: requests.Response, names: Sequence[str]) -> dict[str, str]:
    """Return those headers of an answer that are passed on."""
    return {name: answer.headers[name] for name in names if name in answer.headers}


def _log_piece(settings: DashSettings, run_id: str, attempt: str, start: str) -> requests.Response:
    if not start.isdecimal():
        raise InvalidInputError(f"from={start[:40]!r} is no number of bytes; write from=0")
    asked = {"stream": "log", "from": start} | ({"attempt": attempt} if attempt else {})
    return api_of(settings).get(f"/api/v1{run_path(run_id)}/log", asked)


def _pieces(settings: DashSettings, run_id: str, attempt: str) -> Iterator[bytes]:
    """Yield the whole log piece by piece; it ends where nothing follows."""
    start = 0
    while True:
        answer = _log_piece(settings, run_id, attempt, str(start))
        following = answer.headers.get("X-Next-Offset", "")
        yield answer.content
        if not following.isdecimal() or int(following) <= start:
            return
        start = int(following)


def _passed_on(settings: DashSettings, path: str, name: str) -> Response:
    """Stream a file of the API as a download."""
    wanted = {"Range": request.headers["Range"]} if "Range" in request.headers else {}
    answer = api_of(settings).call("GET", f"/api/v1{path}", headers=wanted, is_streamed=True)
    response = Response(
        answer.iter_content(_CHUNK_BYTES),
        answer.status_code,
        content_type="application/octet-stream",
    )
    response.call_on_close(answer.close)
    # The length of what is compressed on the way is not that of the file.
    if "Content-Encoding" not in answer.headers:
        response.headers.update(_kept(answer, _OF_FILE))
    return _as_file(response, name.rpartition("/")[2])


def _as_file(response: Response, name: str) -> Response:
    # What a header may hold without quoting.
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:200]
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    return response
