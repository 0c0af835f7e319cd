"""The data of the Explore page: what it shows of a query, and the downloads of its records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from flask import Flask, Response, request, send_file, stream_with_context

from app_dash.explore.query import ExploreQuery, ResolvedQuery, resolve
from app_dash.guard import route
from app_dash.shared.as_of import mode_of, store_of
from app_dash.shared.injected import injected_faults
from app_dash.shared.url_state import PREDICTIONS_CSV_PATH, PREDICTIONS_PARQUET_PATH
from database.engine import reading
from database.exploration.records import batches, bounded, known_regions
from database.exploration.rollup import SelectionSummary, summarise_days, summarise_records
from database.exploration.selection import COLUMNS, Selection
from database.exploration.statistics import Bars, bars
from database.models import ModelRow, list_models
from database.people.principal import READ
from solar.flares import EVENTS
from solar.injected_faults import InjectedFault
from solar.time import isoformat
from solar.windows import DAY, ForecastWindow

NAMES: tuple[str, ...] = tuple(COLUMNS)
_EVENTS = {event.column: event for event in EVENTS}
_TEXTS = ("noaa_ars", "rung", "reason")
Batches = Iterable[list[dict[str, Any]]]
SCHEMA = pa.schema(
    [
        pa.field(name, kind)
        for name in NAMES
        for kind in [
            pa.int64()
            if name == "region_id"
            else pa.timestamp("us", tz="UTC")
            if name == "t_rec"
            else pa.string()
            if name in _TEXTS
            else pa.float64()
        ]
    ]
)


@dataclass(frozen=True)
class ExploreData:
    """What the page shows; `shown` is the part of the selection that the table covers.

    `is_whole` tells that the figures cover the whole range although the table does not. `regions`
    are the selected region ids that the store has, None without a selection.
    """

    resolved: ResolvedQuery
    shown: Selection
    amounts: SelectionSummary
    bars: Bars
    is_whole: bool
    models: list[ModelRow]
    regions: list[int] | None
    faults: Sequence[InjectedFault] = ()

    @property
    def is_limited(self) -> bool:
        """Tell whether the range holds more than the table covers."""
        return self.shown != self.resolved.selection


def read_explore(engine: sa.Engine, query: ExploreQuery) -> ExploreData:
    """Read all that the page shows except the rows of the table."""
    with reading(engine) as connection:
        resolved = resolve(connection, query)
        selection, event = resolved.selection, query.main_event
        shown = bounded(connection, selection)
        is_rollup = shown != selection and not selection.is_filtered
        whole = summarise_days(connection, selection, event) if is_rollup else None
        amounts = whole or summarise_records(connection, shown, event)
        region_ids = selection.region_ids
        return ExploreData(
            resolved=resolved,
            shown=shown,
            amounts=amounts,
            bars=bars(amounts.times, selection.window, whole_days=whole is not None),
            is_whole=whole is not None,
            models=list_models(connection),
            regions=None if region_ids is None else known_regions(connection, region_ids),
            faults=injected_faults(connection),
        )


def register_exports(server: Flask, engine: sa.Engine) -> None:
    """Serve the records as CSV and Parquet; the query is that of the page."""

    @route(server, PREDICTIONS_CSV_PATH, permission=READ)
    def export_csv() -> Response:
        store, selection = _selection(engine)
        mode = mode_of(engine)
        name = f"{_stem(selection, mode)}.csv"
        return Response(
            stream_with_context(csv_lines(batches(store, selection), of=selection.of)),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"', **mode},
        )

    @route(server, PREDICTIONS_PARQUET_PATH, permission=READ)
    def export_parquet() -> Response:
        store, selection = _selection(engine)
        mode = mode_of(engine)
        with ExitStack() as unsent:
            file = unsent.enter_context(TemporaryFile())
            write_parquet(batches(store, selection), file, of=selection.of)
            response = send_file(
                file,
                mimetype="application/vnd.apache.parquet",
                as_attachment=True,
                download_name=f"{_stem(selection, mode)}.parquet",
            )
            response.headers.update(mode)
            response.call_on_close(unsent.pop_all().close)
        return response


def _selection(engine: sa.Engine) -> tuple[sa.Engine, Selection]:
    search = request.query_string.decode()
    query, store = ExploreQuery.parse(search), store_of(engine, search)
    with reading(store) as connection:
        return store, resolve(connection, query).selection


def _stem(selection: Selection, mode: Mapping[str, str]) -> str:
    start, end = selection.window.start_at, selection.window.end_at
    model = selection.model_id.replace("@", "-")
    of_window = [] if selection.of == DAY else [selection.of.name]
    name = "_".join([*mode.values(), "predictions", *of_window])
    return f"{name}_{model}_{start:%Y%m%dT%H%M}_{end:%Y%m%dT%H%M}"


def names_of(of: ForecastWindow) -> list[str]:
    """Return the names of the columns in a file; ``m1_6h`` is M1.0+ in 6 h, ``m1`` in 24 h."""
    return [_EVENTS[name].within(of).column if name in _EVENTS else name for name in NAMES]


def csv_lines(batches: Batches, *, of: ForecastWindow = DAY) -> Iterator[str]:
    """Write the header, then batch by batch; absent is empty, times are ISO in UTC."""
    yield _lines([names_of(of)])
    for batch in batches:
        yield _lines([_cell(record, name) for name in NAMES] for record in batch)


def write_parquet(batches: Batches, file: IO[bytes], *, of: ForecastWindow = DAY) -> None:
    """Write a Parquet file, one row group per batch, and rewind it."""
    names = names_of(of)
    schema = pa.schema(field.with_name(name) for field, name in zip(SCHEMA, names, strict=True))
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            table = pa.Table.from_pylist(batch, schema=SCHEMA)
            writer.write_table(table.rename_columns(names))
    file.seek(0)


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def _cell(record: Mapping[str, Any], name: str) -> Any:
    value = record[name]
    return isoformat(value) if isinstance(value, datetime) else value
