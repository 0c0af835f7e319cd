"""Downloads: files of the Lab, whole or in ranges, never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request

from app.contract.problems import RequestError
from app.lab.file_store import FileStore
from app.lab.shared_threads import hold

OCTETS = "application/octet-stream"
_PIECE_BYTES = 2**20


def download(
    store: FileStore, sha256: str, size: int, *, name: str, shown_as: str | None = None
) -> Response:
    """Return a file of the store, or the range that the request asks for.

    A browser saves it under the last part of its name, unless it is `shown_as` a type.
    """
    start, stop = _range(size)
    # Before the answer begins: a file that is gone is a 404, not an empty one.
    store.read(sha256, length=0)
    is_part = request.range is not None and (start, stop) != (0, size)
    response = Response(_pieces(store, sha256, start, stop), 206 if is_part else 200)
    response.content_type = shown_as or OCTETS
    response.content_length = stop - start
    response.accept_ranges = "bytes"
    response.set_etag(sha256)
    disposition = "attachment" if shown_as is None else "inline"
    response.headers.set("Content-Disposition", disposition, filename=name.rpartition("/")[2])
    if is_part:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return hold(response)


def _range(size: int) -> tuple[int, int]:
    """Return where the answer begins and ends in the file; several ranges are not told apart."""
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return 0, size
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
