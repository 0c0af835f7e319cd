"""The addresses under which the Explore page's records can be downloaded."""

from __future__ import annotations

from contextlib import ExitStack
from tempfile import TemporaryFile

import sqlalchemy as sa
from flask import Flask, Response, request, send_file, stream_with_context

from app_dash.explore.prediction_files import csv_lines, write_parquet
from app_dash.explore.query import ExploreQuery, find
from database.engine import reading
from database.exploration.records import batches
from database.exploration.selection import Selection
from solar.errors import FlarewatchError

CSV_PATH = "/export/predictions.csv"
PARQUET_PATH = "/export/predictions.parquet"


def register_exports(server: Flask, engine: sa.Engine) -> None:
    """Serve the files; the address takes the same query as the page."""

    @server.get(CSV_PATH)
    def export_csv() -> Response:
        selection = _selection(engine)
        return Response(
            stream_with_context(csv_lines(batches(engine, selection))),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{_stem(selection)}.csv"'},
        )

    @server.get(PARQUET_PATH)
    def export_parquet() -> Response:
        selection = _selection(engine)
        with ExitStack() as unsent:
            file = unsent.enter_context(TemporaryFile())
            write_parquet(batches(engine, selection), file)
            answer = send_file(
                file,
                mimetype="application/vnd.apache.parquet",
                as_attachment=True,
                download_name=f"{_stem(selection)}.parquet",
            )
            answer.call_on_close(unsent.pop_all().close)
        return answer

    @server.errorhandler(FlarewatchError)
    def explain(error: FlarewatchError) -> tuple[str, int, dict[str, str]]:
        return f"{error.title}: {error}\n", error.status, {"Content-Type": "text/plain"}


def _selection(engine: sa.Engine) -> Selection:
    query = ExploreQuery.parse(request.query_string.decode())
    with reading(engine) as connection:
        return find(connection, query).selection


def _stem(selection: Selection) -> str:
    start, end = selection.window.start_at, selection.window.end_at
    model = selection.model_id.replace("@", "-")
    return f"predictions_{model}_{start:%Y%m%dT%H%M}_{end:%Y%m%dT%H%M}"
