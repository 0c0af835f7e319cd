from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
import sqlalchemy as sa
from exploration_rows import MODEL, START, WHOLE, made_rows, store, store_everything

from database.engine import reading
from database.exploration import records as exploration
from database.exploration import records as prediction_export
from database.exploration.records import Sort, batches, bounded, count, extent, find_regions, page
from database.exploration.selection import Selection, conditions
from database.exploration.statistics import distribution
from database.schema.tables import predictions
from solar.errors import InvalidInputError
from solar.flares import event
from solar.time import Window


@pytest.fixture
def frame(engine: sa.Engine) -> pd.DataFrame:
    store_everything(engine)
    return pd.DataFrame(made_rows())


def test_filters_select_what_pandas_selects(engine: sa.Engine, frame: pd.DataFrame) -> None:
    window = Window(START + timedelta(hours=3), START + timedelta(hours=20))
    selection = Selection(
        MODEL, window, region_ids=(3721, -12001), event=event("M1.0"), min_probability=0.1
    )
    expected = frame[
        (frame.t_rec >= window.start_at)
        & (frame.t_rec < window.end_at)
        & frame.region_id.isin([3721, -12001])
        & (frame.m1 >= 0.1)
    ]

    with reading(engine) as connection:
        rows = page(connection, selection, sort=Sort("t_rec"), start=0, limit=500)
        total = count(connection, selection)

    assert total == len(expected)
    selected = pd.DataFrame(rows).sort_values(["t_rec", "region_id"])
    assert selected.m1.tolist() == expected.sort_values(["t_rec", "region_id"]).m1.tolist()


@pytest.mark.parametrize("column", ["t_rec", "region_id", "noaa_ars", "c1", "totusjh", "r_value"])
@pytest.mark.parametrize("is_descending", [True, False])
def test_pages_of_any_order_hold_every_record_once(
    engine: sa.Engine, frame: pd.DataFrame, column: str, is_descending: bool
) -> None:
    sort = Sort(column, is_descending=is_descending)

    with reading(engine) as connection:
        rows = [
            row
            for start in range(0, len(frame), 25)
            for row in page(connection, WHOLE, sort=sort, start=start, limit=25)
        ]

    assert len({(row["region_id"], row["t_rec"]) for row in rows}) == len(rows) == len(frame)
    values = [row[column] for row in rows if row[column] is not None]
    assert values == sorted(values, reverse=is_descending)


def test_a_record_carries_its_region_and_keywords(engine: sa.Engine, frame: pd.DataFrame) -> None:
    newest = frame[frame.region_id == 3721].iloc[-1]

    with reading(engine) as connection:
        row = page(connection, replace(WHOLE, region_ids=(3721,)), sort=Sort(), start=0, limit=1)[0]

    assert row["noaa_ars"] == "11990,11991"
    assert row["totusjh"] == newest.totusjh
    assert row["t_rec"] == newest.t_rec


def test_an_unknown_column_to_sort_by_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no column 'password'"):
        Sort("password")


def test_the_extent_ends_just_after_the_newest_record(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    with reading(engine) as connection:
        whole = extent(connection, MODEL)
        absent = extent(connection, "unknown@1")

    assert whole == Window(START, START + timedelta(hours=39, seconds=1))
    assert absent is None


def test_a_number_finds_the_harp_and_the_noaa_region(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    with reading(engine) as connection:
        assert 3721 in find_regions(connection, [11991])
        assert 3730 in find_regions(connection, [3730])
        assert -12001 in find_regions(connection, [12001])


def test_a_view_covers_the_newest_records_of_a_long_range(
    engine: sa.Engine, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploration, "VIEW_LIMIT", 50)

    with reading(engine) as connection:
        shown = bounded(connection, WHOLE)
        total = count(connection, shown)

    # Three regions an hour: 16 whole hours are 48 records, a 17th hour would make 51.
    assert total == 48
    assert shown.window.end_at == WHOLE.window.end_at


def test_a_short_range_is_not_narrowed(engine: sa.Engine, frame: pd.DataFrame) -> None:
    with reading(engine) as connection:
        assert bounded(connection, WHOLE) == WHOLE


def test_the_export_holds_every_record_once_in_order_of_time(
    engine: sa.Engine, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_export, "BATCH", 7)

    rows = [row for batch in batches(engine, WHOLE) for row in batch]

    keys = [(row["t_rec"], row["region_id"]) for row in rows]
    assert keys == sorted(set(keys))
    assert len(keys) == len(frame)


def test_the_predictions_of_another_model_are_not_mixed_in(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    store(engine, made_rows(), model_id="logistic@1.0.0")

    with reading(engine) as connection:
        assert count(connection, WHOLE) == len(frame)
        assert distribution(connection, WHOLE).n == len(frame)


def test_an_index_finds_the_start_of_a_range(mariadb_engine: sa.Engine) -> None:
    statement = (
        sa.select(predictions.c.t_rec)
        .where(*conditions(WHOLE))
        .order_by(predictions.c.t_rec.desc())
        .offset(100)
        .limit(1)
    )
    text = str(statement.compile(mariadb_engine, compile_kwargs={"literal_binds": True})).replace(
        "%%", "%"
    )

    with reading(mariadb_engine) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {text}").mappings().one()

    assert plan["key"] == "predictions_by_model_time"
    assert "filesort" not in (plan["Extra"] or "")
