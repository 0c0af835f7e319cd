"""Downloads: files of the Lab, whole or in ranges, never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request

from app.contract.problems import RequestError
from app.lab.shared_threads import hold
from database.lab.file_store import FileStore

OCTETS = "application/octet-stream"
_PIECE_BYTES = 2**20


def download(
    store: FileStore, sha256: str, size: int, *, name: str, shown_as: str | None = None
) -> Response:
    """Return a file of the store, or the range that the request asks for.

    A browser saves it under the last part of its name, unless it is `shown_as` a media type.
    """
    # Before the answer begins: a file that is gone is a 404, not an empty one.
    store.read(sha256, length=0)
    found = _range(size)
    start, stop = found or (0, size)
    response = Response(_pieces(store, sha256, start, stop), 200 if found is None else 206)
    response.content_type = shown_as or OCTETS
    response.content_length = stop - start
    response.accept_ranges = "bytes"
    response.set_etag(sha256)
    kind = "attachment" if shown_as is None else "inline"
    response.headers.set("Content-Disposition", kind, filename=name.rpartition("/")[2])
    if found is not None:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return hold(response)


def _range(size: int) -> tuple[int, int] | None:
    """Return where the range that is asked for begins and ends; None for the whole file.

    Several ranges at a time are answered with the whole file.
    """
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    found = wanted.range_for_length(size)
    if found is None:
        raise RequestError(
            f"the file has {size:,} bytes; ask for a range of them", status=416, title="No range"
        )
    return found


def _pieces(store: FileStore, sha256: str, start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        piece = store.read(sha256, start=start, length=min(_PIECE_BYTES, stop - start))
        if not piece:
            return
        yield piece
        start += len(piece)
