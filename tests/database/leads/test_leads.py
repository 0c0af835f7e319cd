"""Stored forecasts of other windows: the newest revision counts, and each answers for its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from forecast_lines import HOUR, START, line
from stored_rows import store_leads, store_predictions

from database.engine import reading, writing
from database.known import known_at
from database.leads.leads import (
    COLUMNS,
    delete_leads,
    list_leads,
    load_lead_forecasts,
    newest_lead,
    newest_leads,
)
from solar.flares import EVENTS, LEADS
from solar.flares import event as find_event
from solar.time import Window
from solar.windows import WINDOWS, forecast_window

ALWAYS = Window(START, START + 1000 * HOUR)
SIX, DAY_2 = forecast_window("6h"), forecast_window("d2")


def lead(region_id: int, hour: float, model_id: str = "a@1", **changes: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        **dict.fromkeys(COLUMNS),
        "region_id": region_id,
        "t_rec": START + hour * HOUR,
        "model_id": model_id,
        "revision": 1,
        "issued_at": START,
        "m1_6h": 0.1,
        "m1_d2": 0.3,
    } | changes
    return tuple(values[name] for name in COLUMNS)


def test_forecasts_of_a_window_come_by_region_and_time_with_nan_where_none_was_given(
    engine: sa.Engine,
) -> None:
    with writing(engine) as connection:
        rows = [lead(2, 0), lead(1, 1, m1_6h=None), lead(1, 0), lead(1, 0, "b@1"), lead(1, 2000)]
        store_leads(connection, rows)

    with reading(engine) as connection:
        found = load_lead_forecasts(connection, "a@1", of=SIX, window=ALWAYS)
        one = load_lead_forecasts(connection, "a@1", of=DAY_2, window=ALWAYS, region_id=2)
        none = load_lead_forecasts(connection, "c@1", of=SIX, window=ALWAYS)

    assert found.region_id.tolist() == [1, 1, 2]
    m1 = EVENTS.index(find_event("M1.0"))
    assert found.probability[:, m1].tolist() == pytest.approx([0.1, np.nan, 0.1], nan_ok=True)
    assert found.probability.shape == (3, 4)
    assert np.isnan(found.longitude).all()
    assert one.of(find_event("M1.0")).tolist() == [0.3]
    assert none.probability.shape == (0, 4)


def test_the_newest_revision_counts_and_each_revision_answers_for_its_time(
    engine: sa.Engine,
) -> None:
    later = START + 5 * HOUR
    with writing(engine) as connection:
        revised = lead(1, 0, revision=2, issued_at=later, m1_6h=0.7)
        store_leads(connection, [revised, lead(1, 0), lead(2, 0)])

    def known(as_of: datetime | None) -> list[tuple[int, float]]:
        with reading(engine) as connection:
            rows = list_leads(
                connection, of=SIX, window=ALWAYS, models=["a@1"], as_of=as_of, limit=9
            )
        return [(row["region_id"], row["m1"]) for row in rows]

    assert known(None) == known(later) == [(1, 0.7), (2, 0.1)]
    assert known(later - timedelta(microseconds=1)) == [(1, 0.1), (2, 0.1)]
    assert known(START - HOUR) == []
    with reading(engine) as connection:
        found = load_lead_forecasts(connection, "a@1", of=SIX, window=ALWAYS)
        newest = newest_leads(connection, "a@1", START)
    assert found.of(find_event("M1.0")).tolist() == [0.7, 0.1]
    assert newest[1].of(find_event("M1.0/6h")) == 0.7


def test_a_listing_tells_how_the_record_was_forecast(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_leads(connection, [lead(1, 0), lead(2, 0)])
        store_predictions(connection, [line(1, 0, rung="partial", imputed_share=0.25)])

    with reading(engine) as connection:
        first, second = list_leads(connection, of=SIX, window=ALWAYS, models=["a@1"], limit=9)

    assert (first["rung"], first["imputed_share"], first["m1_raw"]) == ("partial", 0.25, None)
    # Its forecast of the next 24 h is no longer kept.
    assert second["rung"] is None


def test_listings_page_through_models_in_one_order(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        rows = [lead(r, h, m) for r in (1, 2) for h in (0, 1) for m in ("b@1", "a@1")]
        store_leads(connection, rows)

    places: list[tuple[datetime, int, str]] = []
    with reading(engine) as connection:
        for _ in range(3):
            found = list_leads(
                connection,
                of=SIX,
                window=ALWAYS,
                models=["b@1", "a@1"],
                limit=3,
                after=places[-1] if places else None,
            )
            places += [(row["t_rec"], row["region_id"], row["model_id"]) for row in found]
        likely = list_leads(
            connection,
            of=DAY_2,
            window=ALWAYS,
            models=["a@1"],
            region_id=2,
            limit=9,
            event=find_event("M1.0"),
            min_probability=0.31,
        )

    assert places == sorted(places)
    assert len(set(places)) == 8
    assert likely == []


def test_a_region_counts_for_24_hours_after_its_newest_forecast(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_leads(connection, [lead(1, 0), lead(2, 10), lead(2, 9), lead(2, 30)])

    with reading(engine) as connection:
        newest = newest_leads(connection, "a@1", START + 24 * HOUR)
        old = newest_lead(connection, "a@1", 1, at=START + 900 * HOUR)
        none = newest_lead(connection, "a@1", 1, at=START - HOUR)

    assert {region: row.t_rec for region, row in newest.items()} == {2: START + 10 * HOUR}
    assert len(newest[2].probabilities) == len(LEADS) == 4 * (len(WINDOWS) - 1)
    assert old is not None
    assert old.t_rec == START
    assert none is None


def test_what_is_later_is_not_known(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        store_leads(connection, [lead(1, 0), lead(1, 1), lead(1, 1, revision=2)])

    with reading(known_at(engine, START)) as connection:
        listed = list_leads(connection, of=SIX, window=ALWAYS, models=["a@1"], limit=9)
        newest = newest_leads(connection, "a@1", START + 5 * HOUR)

    assert [row["t_rec"] for row in listed] == [START]
    assert newest[1].t_rec == START


def test_records_that_are_no_longer_first_lose_all_their_revisions(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        rows = [lead(1, 0), lead(1, 0, revision=2), lead(1, 1), lead(2, 0), lead(1, 0, "b@1")]
        store_leads(connection, rows)
        delete_leads(connection, [(1, START)], ["a@1"])

    with reading(engine) as connection:
        kept = list_leads(connection, of=SIX, window=ALWAYS, models=["a@1", "b@1"], limit=9)

    assert [(row["region_id"], row["model_id"], row["t_rec"]) for row in kept] == [
        (1, "b@1", START),
        (2, "a@1", START),
        (1, "a@1", START + HOUR),
    ]
