"""Arrow rows: an Arrow stream turned into the columns of a batch, for senders of bulk.

One column per keyword, and ``harpnum``, ``noaa_ars`` (integer or list), ``t_rec`` and
``made_at`` (UTC timestamp or text), ``series``, ``quality``, ``lon_fwt``, ``lat_fwt``. A null is
missing; NaN and infinity are refused as in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from app.contract.problems import Fault
from app.contract.schemas import Observation
from app.ingest.arrow_columns import Bools, ar_sets, harpnums, numbers, texts
from app.ingest.arrow_table import read_columns
from app.ingest.arrow_times import explained, times
from app.ingest.batch import Batch, Floats, Rejection
from app.ingest.bodies import check_rows
from app.ingest.coded import Integers
from app.ingest.observation_rows import KEYWORD_NAMES, NAME
from solar.sharp import BY_NAME

MEDIA_TYPE = "application/vnd.apache.arrow.stream"

Arrays = dict[str, pa.Array]


def read_stream(body: bytes) -> tuple[Batch, list[Rejection]]:
    """Read a stream; rows whose identity or numbers cannot be used are rejected one by one.

    All rows are judged by the column. Those that fail are read once more as if they had come as
    JSON, so that they are refused in the same words.
    """
    arrays = read_columns(body)
    batch, is_sound = _read(arrays, len(arrays["t_rec"]))
    if is_sound.all():
        return batch, []
    unsound = np.flatnonzero(~is_sound)
    return batch.take(np.flatnonzero(is_sound)), _explain(arrays, unsound)


def _read(arrays: Arrays, length: int) -> tuple[Batch, Bools]:
    harpnum = harpnums(arrays.get("harpnum"), length)
    noaa_ars = ar_sets(arrays.get("noaa_ars"), length)
    t_rec = times(arrays["t_rec"], length, may_be_missing=False)
    made_at = times(arrays.get("made_at"), length, may_be_missing=True)
    series = texts(arrays.get("series"), length)
    positions = [numbers(arrays.get(name), length) for name in ("quality", "lon_fwt", "lat_fwt")]
    keywords, is_finite = _keywords(arrays, length)
    verdicts = [
        harpnum.is_sound, noaa_ars.is_sound, t_rec.is_sound, made_at.is_sound, series.is_sound,
        *(column.is_sound for column in positions), is_finite,
    ]  # fmt: skip
    quality, lon_fwt, lat_fwt = (column.values for column in positions)
    batch = Batch(
        np.arange(length), harpnum.values, noaa_ars.values, t_rec.values, series.values,
        made_at.values, quality, lon_fwt, lat_fwt, keywords,
    )  # fmt: skip
    return batch, np.all(verdicts, axis=0)


def _keywords(arrays: Arrays, length: int) -> tuple[Floats, Bools]:
    matrix = np.full((length, len(KEYWORD_NAMES)), np.nan)
    is_sound = np.ones(length, np.bool_)
    for place, name in enumerate(KEYWORD_NAMES):
        if name in arrays:
            column = numbers(arrays[name], length)
            matrix[:, place] = column.values
            is_sound &= column.is_sound
    return matrix, is_sound


def _explain(arrays: Arrays, rows: Integers) -> list[Rejection]:
    places = rows.tolist()
    _, rejected = check_rows(Observation, list(_as_json(arrays, rows)), NAME, places=places)
    told = {rejection.index for rejection in rejected}
    return rejected + [Rejection(row, (_untold(row),)) for row in places if row not in told]


def _untold(row: int) -> Fault:
    return Fault(f"{NAME}[{row}]", "cannot be used; send it as JSON to hear why")


def _as_json(arrays: Arrays, rows: Integers) -> Iterator[dict[str, Any]]:
    """Write rows as JSON would have brought them; what is null there is left out."""
    columns = {name: explained(array, rows) for name, array in arrays.items()}
    for values in zip(*columns.values(), strict=True):
        given = dict(zip(columns, values, strict=True))
        row = {name: value for name, value in given.items() if value is not None}
        keywords = {name: row.pop(name) for name in BY_NAME if name in row}
        numbered = row.get("noaa_ars")
        if isinstance(numbered, int):
            row["noaa_ars"] = [numbered]
        yield {**row, "t_rec": given["t_rec"], "keywords": keywords}
