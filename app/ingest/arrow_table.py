"""An Arrow table: a stream of bounded size, whose columns are known by name and kind."""

from __future__ import annotations

import pyarrow as pa

from app.contract.problems import MAX_BODY_BYTES, Fault, RequestError
from app.contract.schemas import MAX_ROWS, Observation
from app.ingest.arrow_messages import BrokenStreamError, pieces
from app.ingest.bodies import check_row_count
from app.ingest.observation_rows import KEYWORD_NAMES, NAME, misnamed_fault
from solar.sharp import BY_NAME

MAX_UNPACKED_BYTES = MAX_BODY_BYTES

_NUMBERS = ("quality", "lon_fwt", "lat_fwt", *KEYWORD_NAMES)
_TIMES = ("t_rec", "made_at")
_FIELDS = frozenset(name for name in Observation.model_fields if name != "keywords")


def read_columns(body: bytes) -> dict[str, pa.Array]:
    """Read the columns of a stream, each in one piece.

    Raises
    ------
    RequestError
        400 for what is no stream, 413 for one that is or becomes too large, 422 for columns
        that cannot hold what their name says.
    """
    try:
        _check_size(body)
        columns = _read(body)
        _check_kinds(columns)
    except (BrokenStreamError, pa.ArrowException, OSError, ValueError, StopIteration) as error:
        reason = (str(error) or "it ends too early").splitlines()[0][:200]
        raise RequestError(
            f"the body is not an Arrow stream: {reason}", status=400, title="Broken Arrow stream"
        ) from error
    check_row_count(len(columns["t_rec"]), NAME)
    return columns


def _check_size(body: bytes) -> None:
    rows = unpacked = count = 0
    for piece in pieces(body):
        rows, unpacked, count = rows + piece.rows, unpacked + piece.unpacked_bytes, count + 1
        if rows > MAX_ROWS:
            check_row_count(rows, NAME)
        if unpacked > MAX_UNPACKED_BYTES or count > 2 * MAX_ROWS:
            raise RequestError(
                f"the stream unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB, or consists of"
                f" more than {2 * MAX_ROWS:,} messages; send it in several requests",
                status=413,
                title="Too large",
            )


def _read(body: bytes) -> dict[str, pa.Array]:
    with pa.ipc.open_stream(body) as stream:
        batches = list(stream)
    for batch in batches:
        # What lies in the buffers is the sender's: offsets and text are trusted only from here on.
        batch.validate(full=True)
    table = pa.Table.from_batches(batches, schema=stream.schema)
    _check_names(table.column_names)
    return dict(zip(table.column_names, map(_plain, table.columns), strict=True))


def _check_names(names: list[str]) -> None:
    unknown = [name for name in names if name not in _FIELDS and name not in BY_NAME]
    doubled = sorted({name for name in names if names.count(name) > 1})
    faults = [misnamed_fault("", name) for name in unknown]
    faults += [Fault(name, "is there twice") for name in doubled]
    if faults:
        raise _unusable(*faults)
    if "t_rec" not in names:
        raise RequestError("the stream has no times", faults=[Fault("t_rec", "is missing")])


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece, without a dictionary but for text."""
    kind = column.type
    if not pa.types.is_dictionary(kind):
        return column.combine_chunks()
    if is_text(kind):
        return column.unify_dictionaries().combine_chunks()
    return column.cast(kind.value_type).combine_chunks()


def _check_kinds(columns: dict[str, pa.Array]) -> None:
    faults = []
    for name, array in columns.items():
        kind = array.type
        if expected := _mismatch(name, kind):
            faults.append(Fault(name, f"holds {str(kind)[:60]}; expected {expected}"))
        elif pa.types.is_timestamp(kind) and kind.tz is None:
            faults.append(Fault(name, "names no time zone; make it a timestamp in UTC"))
    if faults:
        raise _unusable(*faults)


def _mismatch(name: str, kind: pa.DataType) -> str | None:
    """Say what a column should hold, where no row of this one can be read at all."""
    if pa.types.is_null(kind) or is_number(kind):
        return None
    if name in _NUMBERS:
        return "numbers"
    if is_text(kind) or pa.types.is_boolean(kind):
        return None
    if name in _TIMES:
        return None if pa.types.is_timestamp(kind) else "timestamps in UTC, or text"
    if name == "noaa_ars":
        return None if is_list(kind) else "whole numbers or lists of them"
    return "text" if name == "series" else "whole numbers"


def _unusable(*faults: Fault) -> RequestError:
    return RequestError("the stream's columns cannot be used; see errors", faults=faults)


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column holds integers or floats."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds text, as such or by a dictionary.

    Not as views: so many rows may point at the same bytes that they fill the memory when copied.
    """
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_list(kind: pa.DataType) -> bool:
    """Tell whether a column holds lists of numbers, or empty ones."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    return is_number(kind.value_type) or bool(pa.types.is_null(kind.value_type))
