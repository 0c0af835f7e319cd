"""Uploads over HTTP: tus 1.0.0 with its extensions creation and expiration."""

from __future__ import annotations

import base64
import binascii
from email.utils import format_datetime

from flask import Blueprint, Response, request

from app.background_jobs.scheduler import is_busy
from app.contract.bodies import media_type, read_body, refuse_media_type
from app.contract.datasets import UploadAnswer
from app.contract.problems import RequestError
from app.contract.responses import json_response
from app.lab.shared_threads import rest_while_busy
from app.lab.uploads import too_large
from app.routes.operation import operation
from app.services import services
from database.lab.file_store import PIECE_BYTES
from database.lab.uploads import Upload
from database.people.principal import LAB
from solar.errors import InvalidInputError

blueprint = Blueprint("uploads", __name__)

VERSION = "1.0.0"
_PIECE_TYPE = "application/offset+octet-stream"
_OFFSET, _LENGTH, _METADATA = "Upload-Offset", "Upload-Length", "Upload-Metadata"
_NAMES = ("filename", "name")
_LARGEST = 2**62
_OTHER_VERSION = {"412": "Tus-Resumable names another version of tus, or is missing."}
_TOO_LARGE = {"413": "The file, the piece or the quota is too large.", "507": "The disk is full."}
_GONE = {"404": "There is no such upload, or it has ended."}


@blueprint.after_request
def _name_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    return response


@blueprint.route("/lab/uploads", methods=["OPTIONS"], provide_automatic_options=False)
@operation("What uploads can do", permission=LAB, answer=None, status=204)
def options_uploads() -> Response:
    response = Response(status=204)
    most = str(services().settings.lab_upload_bytes)
    told = {"Tus-Version": VERSION, "Tus-Extension": "creation,expiration", "Tus-Max-Size": most}
    response.headers.update(told)
    return response


@blueprint.route("/lab/uploads", methods=["POST"], provide_automatic_options=False)
@operation(
    "Begin an upload (tus): Upload-Length, and the name in Upload-Metadata",
    permission=LAB,
    answer=UploadAnswer,
    status=201,
    refusals=_OTHER_VERSION | _TOO_LARGE,
)
def post_uploads() -> Response:
    _refuse_other_version()
    who = services().guard.principal()
    upload = services().uploads.begin(who, _file_name(), _whole_number(_LENGTH, least=1))
    response = json_response(_item(upload))
    response.status_code = 201
    response.headers["Location"] = f"{request.path}/{upload.upload_id}"
    return _with_state(response, upload)


@blueprint.route("/lab/uploads/<upload_id>", methods=["HEAD"], provide_automatic_options=False)
@operation("How much of an upload is here", permission=LAB, answer=None, refusals=_OTHER_VERSION)
def head_upload(upload_id: str) -> Response:
    _refuse_other_version()
    upload = services().uploads.find(services().guard.principal(), upload_id)
    response = Response()
    response.headers["Cache-Control"] = "no-store"
    response.headers[_LENGTH] = str(upload.bytes)
    name = base64.b64encode(upload.name.encode()).decode()
    response.headers[_METADATA] = f"filename {name}"
    return _with_state(response, upload)


@blueprint.route("/lab/uploads/<upload_id>", methods=["PATCH"], provide_automatic_options=False)
@operation(
    "Bring the next piece of an upload (tus): Upload-Offset",
    permission=LAB,
    answer=None,
    status=204,
    also_body=(_PIECE_TYPE,),
    conflict="The upload does not end at this offset, is complete, or is written to.",
    refusals=_OTHER_VERSION | _TOO_LARGE | _GONE,
)
def patch_upload(upload_id: str) -> Response:
    _refuse_other_version()
    if media_type() != _PIECE_TYPE:
        raise refuse_media_type(_PIECE_TYPE)
    offset = _whole_number(_OFFSET, least=0)
    if (request.content_length or 0) > PIECE_BYTES:
        raise too_large(f"a piece has {PIECE_BYTES:,} bytes at most")
    rest_while_busy(lambda: is_busy(services()))
    who = services().guard.principal()
    upload = services().uploads.receive(who, upload_id, read_body(), offset=offset)
    return _with_state(Response(status=204), upload)


@blueprint.route("/lab/uploads/<upload_id>", methods=["DELETE"], provide_automatic_options=False)
@operation(
    "Give up an upload",
    permission=LAB,
    answer=None,
    status=204,
    conflict="It is written to at this moment.",
    refusals=_OTHER_VERSION | _GONE,
)
def delete_upload(upload_id: str) -> Response:
    _refuse_other_version()
    services().uploads.withdraw(services().guard.principal(), upload_id)
    return Response(status=204)


def _refuse_other_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise RequestError(
            f"uploads speak tus {VERSION}; send the header Tus-Resumable: {VERSION}",
            status=412,
            title="Other version",
        )


def _whole_number(header: str, *, least: int) -> int:
    text = request.headers.get(header, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= number <= _LARGEST:
        raise InvalidInputError(
            f"{header} is {text[:40]!r}; send the number of bytes, {least} or more"
        )
    return number


def _file_name() -> str:
    """Return the name in the metadata: pairs of a key and a value in base 64, with commas."""
    pairs = (pair.split() for pair in request.headers.get(_METADATA, "").split(","))
    values = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    encoded = next((values[key] for key in _NAMES if key in values), None)
    try:
        return base64.b64decode(encoded or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{_METADATA} names no file; write it as: filename BASE64-OF-THE-NAME"
        ) from error


def _with_state(response: Response, upload: Upload) -> Response:
    response.headers[_OFFSET] = str(services().uploads.offset(upload))
    response.headers["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return response


def _item(upload: Upload) -> dict[str, object]:
    return {name: value for name, value in vars(upload).items() if name != "owner"}
