"""The outputs of a run: the list of its files, and one of them seen in the page.

Nothing that a run has made is executed: text is text, a picture is an ``img``, arrays are read
without their objects, and a report opens in a tab of its own in which no script runs.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.lab.answers import Output, Run
from app_dash.lab.client import MOST_SHOWN_BYTES
from app_dash.lab.marks import run_address, scrolled, size_text, table
from app_dash.lab.query import RunQuery
from app_dash.shared.numbers import ABSENT, count
from app_dash.shared.panels import aria_label, empty_message, panel
from app_dash.shared.url_state import LAB_OUTPUTS_PATH

Read = Callable[[str], bytes]
_HEADINGS = (
    ("Name", ""),
    ("Kind", ""),
    ("Size", "number"),
    ("SHA-256", "wide"),
    (html.Span("Download", className="visually-hidden"), "number"),
)
_MOST_ROWS, _MOST_COLUMNS, _MOST_VALUES, _MOST_ARRAYS = 100, 50, 8, 100
# More of a text nobody reads in a page.
_MOST_LETTERS = 200_000
_LONGEST_CELL = 80
# What a file raises that is cut off, damaged, or made by another program.
_UNREADABLE = (
    *(ValueError, OSError, LookupError, NotImplementedError),
    *(zipfile.BadZipFile, pa.ArrowException),
)
_PICTURES = (".png", ".svg")
_TABLES = {".csv": ",", ".tsv": "\t"}
_TEXTS = (".txt", ".toml", ".graphml", ".md", ".log", ".jsonl")


def outputs_tab(run: Run, outputs: Sequence[Output], read: Read, query: RunQuery) -> Component:
    """Draw the list of the files, and above it the one that the address names."""
    if not outputs:
        return panel("Outputs", empty_message("This run has made no files yet."))
    size = size_text(sum(one.bytes for one in outputs))
    address = f"{LAB_OUTPUTS_PATH}/{quote(run.run_id, safe='')}.zip"
    listing = panel(
        "Outputs",
        html.Div(output_table(run, outputs, shown=query.file), className="scrolled"),
        subtitle=f"{count(len(outputs))}, {size}",
        actions=[html.A("All as zip", href=address, className="button", download="")],
        class_name="flush",
    )
    if not query.file:
        return listing
    chosen = next((one for one in outputs if one.name == query.file), None)
    return html.Div([_seen(run, chosen, query.file, read), listing], className="stack")


def output_table(run: Run, outputs: Iterable[Output], *, shown: str = "") -> Component:
    """List files, each of which can be seen and downloaded."""
    return table("outputs", _HEADINGS, [_row(run, one, shown) for one in outputs])


def _row(run: Run, one: Output, shown: str) -> list[Component]:
    current: dict[str, Any] = {"aria-current": "true"} if one.name == shown else {}
    seen = run_address(run.run_id) + RunQuery(tab="outputs", file=one.name).search()
    name = html.Span(
        dcc.Link(one.name, href=seen, className="link strong" if current else "link"), **current
    )
    return [
        name,
        html.Span(one.kind, className="secondary"),
        html.Span(size_text(one.bytes), title=f"{one.bytes:,} bytes"),
        html.Code(one.sha256[:12], title=one.sha256),
        _download(run, one),
    ]


def _download(run: Run, one: Output) -> Component:
    named = aria_label(f"Download {one.name}")
    address = output_address(run.run_id, one.name)
    return html.A("Download", href=address, className="link", download="", **named)


def output_address(run_id: str, name: str, *, is_shown: bool = False) -> str:
    """Return where the dashboard passes an output on: to be kept, or to be shown in place."""
    address = f"{LAB_OUTPUTS_PATH}/{quote(run_id, safe='')}/{quote(name)}"
    return f"{address}?shown=1" if is_shown else address


def open_report(run: Run, name: str) -> Component:
    """Link a report, which opens in a tab of its own."""
    address = output_address(run.run_id, name, is_shown=True)
    return html.A("Open report", href=address, target="_blank", rel="noopener", className="button")


def _seen(run: Run, one: Output | None, name: str, read: Read) -> Component:
    """Show a file, or say why it is not shown."""
    if one is None:
        return panel(name, empty_message("The run has no such file."))
    note, content = _content(run, one, read)
    close = run_address(run.run_id) + RunQuery(tab="outputs").search()
    return panel(
        one.name,
        content,
        subtitle=" · ".join(filter(None, (size_text(one.bytes), note))),
        actions=[_download(run, one), dcc.Link("Close", href=close, className="button")],
        class_name="flush seen-file",
    )


def _content(run: Run, one: Output, read: Read) -> tuple[str, Component]:
    """Return a remark on what of a file is shown, and that."""
    suffix = PurePosixPath(one.name).suffix.lower()
    if one.bytes == 0:
        return "", empty_message("The file is empty.")
    if suffix in _PICTURES:
        address = output_address(run.run_id, one.name, is_shown=True)
        return "", html.Div(html.Img(src=address, alt=one.name), className="picture")
    if suffix == ".html":
        text = "It opens in a tab of its own, in which no script runs."
        return "", empty_message(text, open_report(run, one.name))
    whole = {".parquet": _parquet, ".npz": _arrays, ".json": _json}
    if suffix in whole and one.bytes <= MOST_SHOWN_BYTES:
        try:
            return whole[suffix](read(one.name))
        except _UNREADABLE:
            return "", empty_message(f"It cannot be read as {suffix[1:]}; download it.")
    if suffix in _TABLES:
        return _separated(read(one.name), _TABLES[suffix])
    if suffix in _TEXTS or suffix == ".json":
        return _text(read(one.name).decode(errors="replace"), is_cut=one.bytes > MOST_SHOWN_BYTES)
    why = "is shown up to 4 MB" if suffix in whole else "is not shown in the page"
    return "", empty_message(f"A file like this {why}; download it.")


def _text(text: str, *, is_cut: bool = False) -> tuple[str, Component]:
    is_cut = is_cut or len(text) > _MOST_LETTERS
    note = f"the first {count(_MOST_LETTERS)} letters" if is_cut else ""
    named = aria_label("Content of the file")
    shown = html.Pre(text[:_MOST_LETTERS], className="toml", tabIndex=0, role="region", **named)
    return note, shown


def _json(content: bytes) -> tuple[str, Component]:
    return _text(json.dumps(json.loads(content), indent=2, ensure_ascii=False))


def _separated(content: bytes, delimiter: str) -> tuple[str, Component]:
    # A last line that was cut off is beyond the rows that are shown, or the file is one long line.
    lines = io.StringIO(content.decode(errors="replace"), newline="")
    try:
        rows = list(itertools.islice(csv.reader(lines, delimiter=delimiter), _MOST_ROWS + 2))
    except csv.Error:
        return _text(content.decode(errors="replace"))
    note = f"the first {_MOST_ROWS} rows" if len(rows) > _MOST_ROWS + 1 else ""
    return _rows(rows[0] if rows else [], rows[1 : _MOST_ROWS + 1], note)


def _parquet(content: bytes) -> tuple[str, Component]:
    file = pq.ParquetFile(pa.BufferReader(content))
    names = file.schema_arrow.names[:_MOST_COLUMNS]
    batches = file.iter_batches(batch_size=_MOST_ROWS, columns=names)
    first = next(batches, None)
    columns = [] if first is None else [column.to_pylist() for column in first.columns]
    note = f"{count(file.metadata.num_rows)} rows of {count(len(file.schema_arrow.names))} columns"
    if file.metadata.num_rows > _MOST_ROWS:
        note += f", the first {_MOST_ROWS} rows"
    return _rows(names, list(zip(*columns, strict=True)), note)


def _rows(names: Sequence[str], rows: Sequence[Sequence[Any]], note: str) -> tuple[str, Component]:
    if len(names) > _MOST_COLUMNS:
        note = f"{note or 'all rows'}, the first {_MOST_COLUMNS} of {count(len(names))} columns"
    headings = [(name[:_LONGEST_CELL], "") for name in names[:_MOST_COLUMNS]]
    body = [list(map(_cell, row[:_MOST_COLUMNS])) for row in rows]
    return note, scrolled(table("seen", headings, body), "Rows of the file")


def _cell(value: object) -> str:
    if value is None:
        return ABSENT
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _arrays(content: bytes) -> tuple[str, Component]:
    """List the arrays of an archive; of each only the header and a few values are read."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        rows = []
        for name in names[:_MOST_ARRAYS]:
            with archive.open(name) as member:
                rows.append((name.removesuffix(".npy"), *_header_and_values(member)))
    return _rows(("array", "shape", "type", "first values"), rows, f"{count(len(names))} arrays")


def _header_and_values(member: IO[bytes]) -> tuple[str, str, str]:
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(member)]
    shape, _, dtype = read_header(member)
    written = " × ".join(map(str, shape)) or "one value"
    if dtype.hasobject:
        # They would have to be unpickled, which can run code.
        return written, str(dtype), "objects, which are not read"
    content = member.read(dtype.itemsize * _MOST_VALUES)
    whole = len(content) // dtype.itemsize * dtype.itemsize if dtype.itemsize else 0
    values = np.frombuffer(content[:whole], dtype).tolist() if whole else []
    return written, str(dtype), ", ".join(map(_cell, values))
