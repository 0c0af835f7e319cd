"""Arrow rows: an Arrow stream turned into the columns of a batch, for senders of bulk.

One column per keyword, and ``harpnum``, ``noaa_ars`` (integer or list), ``t_rec`` (UTC
timestamp or text), ``series``, ``quality``, ``lon_fwt``, ``lat_fwt``. A null is missing; NaN
and infinity are refused as in JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.contract.problems import Fault, RequestError
from app.contract.schemas import DEFAULT_SERIES, MAX_ROWS, Observation
from app.ingest.batch import Batch, Floats, Rejection
from app.ingest.bodies import check_row_count, check_rows
from app.ingest.observation_rows import KEYWORD_NAMES, misnamed_fault
from solar.sharp import BY_NAME

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_FIELDS = tuple(name for name in Observation.model_fields if name != "keywords")
_NAME = "observations"


def read_stream(body: bytes) -> tuple[Batch, list[Rejection]]:
    """Read a stream; rows whose identity or numbers cannot be used are rejected one by one."""
    table = _table(body)
    numbers = {name: _numbers(table, name) for name in ("quality", "lon_fwt", "lat_fwt")}
    keywords = {name: _numbers(table, name) for name in KEYWORD_NAMES if name in table.column_names}
    faults = _not_finite(numbers, keywords)
    good, rejected = check_rows(Observation, _identities(table), _NAME)
    rows = [index for index, _ in good if index not in faults]
    identities = dict(good)
    batch = Batch(
        index=rows,
        harpnum=[identities[row].harpnum for row in rows],
        noaa_ars=[tuple(identities[row].noaa_ars) for row in rows],
        t_rec=[identities[row].t_rec for row in rows],
        series=[identities[row].series for row in rows],
        quality=numbers["quality"][rows],
        lon_fwt=numbers["lon_fwt"][rows],
        lat_fwt=numbers["lat_fwt"][rows],
        keywords=_stacked(keywords, table.num_rows)[rows],
    )
    return batch, _joined(rejected, faults)


def _table(body: bytes) -> pa.Table:
    table = _read(body)
    unknown = [n for n in table.column_names if n not in _FIELDS and n not in BY_NAME]
    doubled = [n for n in table.column_names if table.column_names.count(n) > 1]
    if unknown or doubled:
        faults = [misnamed_fault("", name) for name in unknown]
        faults += [Fault(name, "is there twice") for name in sorted(set(doubled))]
        raise RequestError("the stream's columns cannot be used; see errors", faults=faults)
    if "t_rec" not in table.column_names:
        raise RequestError("the stream has no times", faults=[Fault("t_rec", "is missing")])
    return table


def _read(body: bytes) -> pa.Table:
    batches, count = [], 0
    try:
        with pa.ipc.open_stream(body) as stream:
            for batch in stream:
                batches.append(batch)
                count += batch.num_rows
                if count > MAX_ROWS:
                    break
    except (pa.ArrowException, OSError, StopIteration) as error:
        reason = (str(error) or "it ends too early").splitlines()[0]
        raise RequestError(
            f"the body is not an Arrow stream: {reason}", status=400, title="Broken Arrow stream"
        ) from error
    check_row_count(count, _NAME)
    return pa.Table.from_batches(batches)


def _numbers(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table.column(name)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        if pa.types.is_null(column.type):
            return np.full(table.num_rows, np.nan)
        raise RequestError(
            "the stream's columns cannot be used; see errors",
            faults=[Fault(name, f"holds {column.type}; expected numbers")],
        )
    values = column.cast(pa.float64())
    # NaN given as a value becomes infinite here, so that it is told from null until refused.
    refused = pc.if_else(pc.is_nan(values), pa.scalar(np.inf), values)
    return np.array(refused.to_numpy(), float)


def _not_finite(*groups: dict[str, Floats]) -> dict[int, list[Fault]]:
    faults: dict[int, list[Fault]] = {}
    message = "is NaN or infinite; send null where a value is missing"
    for prefix, columns in zip(("", "keywords."), groups, strict=True):
        for name, column in columns.items():
            for row in np.flatnonzero(np.isinf(column)).tolist():
                path = f"{_NAME}[{row}].{prefix}{name}"
                faults.setdefault(row, []).append(Fault(path, message))
    return faults


def _identities(table: pa.Table) -> list[dict[str, Any]]:
    length = table.num_rows
    columns = {
        "harpnum": _values(table, "harpnum", length),
        "noaa_ars": [_listed(value) for value in _values(table, "noaa_ars", length)],
        "t_rec": _values(table, "t_rec", length),
        "series": [name or DEFAULT_SERIES for name in _values(table, "series", length)],
    }
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True), keywords={}) for row in rows]


def _values(table: pa.Table, name: str, length: int) -> Sequence[Any]:
    if name not in table.column_names:
        return [None] * length
    column = table.column(name)
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    if column.type.tz is None:
        raise RequestError(
            "the stream's columns cannot be used; see errors",
            faults=[Fault(name, "names no time zone; make it a timestamp in UTC")],
        )
    return _datetimes(column)


def _datetimes(column: pa.ChunkedArray) -> list[datetime | None]:
    try:
        return list(column.cast(pa.timestamp("us", "UTC"), safe=False).to_pylist())
    except (OverflowError, ValueError) as error:
        fault = Fault("t_rec", f"lies outside the calendar: {error}")
        raise RequestError("the stream's times cannot be used", faults=[fault]) from error


def _listed(value: Any) -> Any:
    if value is None:
        return []
    return [value] if isinstance(value, int) else value


def _stacked(columns: dict[str, Floats], length: int) -> Floats:
    missing = np.full(length, np.nan)
    return np.column_stack([columns.get(name, missing) for name in KEYWORD_NAMES])


def _joined(rejected: list[Rejection], faults: dict[int, list[Fault]]) -> list[Rejection]:
    by_row = {rejection.index: list(rejection.faults) for rejection in rejected}
    for row, found in faults.items():
        by_row.setdefault(row, []).extend(found)
    return [Rejection(row, tuple(found)) for row, found in by_row.items()]
