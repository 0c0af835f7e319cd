"""What leaves in columns says the same as the JSON that it stands for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from app.ingest import arrow_rows, json_rows
from data_sender.delivery.client import (
    ARROW_TYPE,
    FEWEST_ARROW_ROWS,
    JSON_TYPE,
    arrow_stream,
    encode,
)
from data_sender.delivery.spool import Post, Spool
from data_sender.rows import RowItems, Rows
from solar.columns import Coded
from solar.observations import keyword_matrix, no_times

SENDER = {"sender": {"id": "s 1", "sequence": 3, "sent": 90, "spooled": None}}


def rows(n: int, **changes: Any) -> Rows:
    rng = np.random.default_rng(n)
    drawn = Rows(
        series=Coded.constant("hmi.sharp_cea_720s_nrt", n),
        t_rec=np.datetime64("2014-03-01", "us") + np.arange(n) * np.timedelta64(720, "s"),
        harpnum=np.where(np.arange(n) % 5 == 1, 0, 3721),
        noaa_ars=Coded.of([(11990, 11991)[: index % 3] for index in range(n)]),
        lon_fwt=np.where(rng.random(n) < 0.3, np.nan, rng.uniform(-80, 80, n)),
        lat_fwt=rng.uniform(-30, 30, n),
        quality=np.where(np.arange(n) % 7 == 0, np.nan, np.arange(n) % 3 * 1024.0),
        has_quality=np.arange(n) % 4 != 3,
        keywords=keyword_matrix(
            {
                "USFLUX": rng.uniform(0, 1e23, n),
                "R_VALUE": np.where(rng.random(n) < 0.5, 0.0, np.nan),
            },
            n,
        ),
        made_at=np.array(["NaT", "2014-03-02T01:02:03"], "datetime64[us]")[np.arange(n) % 2],
    )
    return replace(drawn, **changes)


@pytest.mark.parametrize(
    "changes", [{}, {"made_at": no_times(60)}, {"has_quality": np.zeros(60, bool)}]
)
def test_a_stream_is_read_as_the_same_rows_in_json_are(changes: dict[str, Any]) -> None:
    given = rows(60, **changes)

    by_column, refused = arrow_rows.read_stream(arrow_stream(given))
    by_row, refused_too = json_rows.read_rows(given.observations())

    assert [r.index for r in refused] == [r.index for r in refused_too]
    assert by_column.content_hashes() == by_row.content_hashes()
    for name in ("noaa_ars", "series"):
        assert getattr(by_column, name).rows() == getattr(by_row, name).rows()
    for name in ("harpnum", "t_rec", "made_at"):
        assert getattr(by_column, name).tolist() == getattr(by_row, name).tolist()


def test_a_stream_has_no_column_of_what_no_row_has() -> None:
    plain = rows(60, made_at=no_times(60), has_quality=np.zeros(60, bool))

    with pa.ipc.open_stream(arrow_stream(plain)) as reader:
        names = set(reader.schema.names)

    assert names == {
        "t_rec", "series", "harpnum", "noaa_ars", "lon_fwt", "lat_fwt", "USFLUX", "R_VALUE",
    }  # fmt: skip


def test_many_rows_leave_in_columns_and_the_address_names_the_sender() -> None:
    call = encode(Post("observations", RowItems(rows(FEWEST_ARROW_ROWS)), SENDER))

    assert call.content_type == ARROW_TYPE
    assert call.path == "/api/v1/observations?sender=s+1&sequence=3&sent=90"


def test_few_rows_leave_as_json() -> None:
    few = rows(FEWEST_ARROW_ROWS - 1)

    call = encode(Post("observations", RowItems(few), SENDER))

    assert (call.path, call.content_type) == ("/api/v1/observations", JSON_TYPE)
    assert orjson.loads(call.body) == {**SENDER, "observations": few.observations()}


def test_what_was_spooled_leaves_as_the_json_that_it_has_become(tmp_path: Any) -> None:
    many, spool = rows(FEWEST_ARROW_ROWS), Spool(tmp_path)
    spool.append(Post("observations", RowItems(many), SENDER))

    post = spool.first()
    spool.close()

    assert post is not None
    assert post.items == many.observations()
    assert encode(post).content_type == JSON_TYPE


def test_one_item_or_a_slice_of_many_is_that_of_the_list() -> None:
    items, listed = RowItems(rows(9)), rows(9).observations()

    assert [items[0], items[-1], *items[2:4]] == [listed[0], listed[-1], *listed[2:4]]
    assert list(items) == listed
    with pytest.raises(IndexError):
        items[9]
