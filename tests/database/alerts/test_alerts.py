from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from raised_alerts import NOW, OPENED_AT, raised

from database.alerts.alerts import (
    Alert,
    acknowledge,
    alert_id,
    count_outcomes,
    find_alert,
    first_opened_at,
    is_any_open,
    list_alerts,
    write_alerts,
)
from database.alerts.tracks import load_tracks, store_tracks
from database.engine import reading, transact, writing
from database.people.principal import COMMAND_LINE
from database.regions.current import data_version
from solar.alerting import Episode, Track
from solar.errors import NotFoundError
from solar.time import Window

MODEL = "lstm@1.0.0"
HOUR = timedelta(hours=1)
MK = replace(COMMAND_LINE, name="mk")


def opened(hour: int, **changes: object) -> Alert:
    at = OPENED_AT + hour * HOUR
    event = str(changes.get("event", "M1.0"))
    name = alert_id(MODEL, event, 3894, at)
    return raised(alert_id=name, opened_at=at, peak_at=at, last_over_at=at, **changes)


def put(engine: sa.Engine, *alerts: Alert) -> None:
    transact(engine, lambda connection: write_alerts(connection, alerts))


def listed(engine: sa.Engine, **filters: Any) -> list[Alert]:
    with reading(engine) as connection:
        return list_alerts(connection, **{"limit": 100, **filters})


def test_an_id_is_the_same_for_everyone_and_fits_its_column() -> None:
    at = datetime(2014, 3, 29, 16, tzinfo=UTC)
    longest = alert_id(f"{'m' * 48}@{'1' * 15}", "M1.0/48h", 2**31 - 1, at, kind="missed")

    assert alert_id(MODEL, "M1.0", 3894, at) == alert_id(MODEL, "M1.0", 3894, at)
    assert alert_id(MODEL, "M1.0", 3894, at).startswith("M1.0-harp3894-20140329T160000Z-")
    assert "-noaa99999-" in alert_id(MODEL, "M1.0", -99_999, at)
    assert longest.startswith("M1.0-48h-harp2147483647-20140329T160000Z-")
    assert len(longest) <= 64


def test_alerts_are_listed_newest_first_and_page_by_page(engine: sa.Engine) -> None:
    put(engine, opened(0), opened(2), opened(1), opened(1, event="X1.0"))

    names = [alert.alert_id for alert in listed(engine)]
    first = listed(engine, limit=2)
    rest = listed(engine, after=(first[-1].opened_at, first[-1].alert_id))

    assert [alert.opened_at.hour for alert in listed(engine)] == [14, 13, 13, 12]
    assert [alert.alert_id for alert in [*first, *rest]] == names


def test_filters_select_by_window_state_region_and_event(engine: sa.Engine) -> None:
    put(engine, opened(0, state="closed"), opened(5), opened(6, event="X1.0"))
    window = Window(OPENED_AT + 5 * HOUR, OPENED_AT + 6 * HOUR)

    assert len(listed(engine, window=window)) == 1
    assert len(listed(engine, states=["open", "acknowledged"])) == 2
    assert len(listed(engine, events=["X1.0"])) == 1
    assert listed(engine, region_id=1) == []
    with reading(engine) as connection:
        assert first_opened_at(connection) == OPENED_AT


def test_writing_again_keeps_acknowledgements_and_outcomes(engine: sa.Engine) -> None:
    alert = opened(0)
    put(engine, alert)
    known = transact(engine, lambda c: acknowledge(c, MK, alert.alert_id, comment="ok", now=NOW))

    put(engine, opened(0, peak_probability=0.9))

    with reading(engine) as connection:
        stored = find_alert(connection, alert.alert_id)
    assert stored.peak_probability == 0.9
    assert (stored.acknowledged_by, stored.comment) == (known.acknowledged_by, "ok")


def test_of_many_who_acknowledge_at_once_one_stays(engine: sa.Engine) -> None:
    alert = opened(0)
    put(engine, alert)
    start = Barrier(4)

    def note(name: str) -> str | None:
        who = replace(MK, name=name)
        start.wait()
        acknowledged = transact(
            engine, lambda c: acknowledge(c, who, alert.alert_id, comment=None, now=NOW)
        )
        return acknowledged.acknowledged_by

    with ThreadPoolExecutor(4) as people:
        names = set(people.map(note, ["a", "b", "c", "d"]))

    assert len(names) == 1


def test_a_closed_alert_is_acknowledged_and_stays_closed(engine: sa.Engine) -> None:
    alert = opened(0, state="closed", closed_at=OPENED_AT + 30 * HOUR)
    put(engine, alert)

    acknowledged = transact(
        engine, lambda c: acknowledge(c, MK, alert.alert_id, comment=None, now=NOW)
    )

    assert (acknowledged.state, acknowledged.acknowledged_by) == ("closed", "mk")


def test_an_unknown_alert_is_not_found(engine_sqlite: sa.Engine) -> None:
    with reading(engine_sqlite) as connection, pytest.raises(NotFoundError, match="nobody"):
        find_alert(connection, "nobody")


def test_outcomes_are_counted_by_event(engine: sa.Engine) -> None:
    put(
        engine,
        opened(0, outcome="confirmed"), opened(1, outcome="confirmed"), opened(2),
        opened(3, outcome="missed", event="X1.0"),
    )  # fmt: skip

    with reading(engine) as connection:
        counts = count_outcomes(connection, window=Window(OPENED_AT, OPENED_AT + 10 * HOUR))

    assert counts == {("M1.0", "confirmed"): 2, ("M1.0", None): 1, ("X1.0", "missed"): 1}


def test_a_lower_alert_that_stands_open_is_found(engine: sa.Engine) -> None:
    put(engine, opened(0), opened(1, event="M5.0", state="closed"))

    with reading(engine) as connection:
        assert is_any_open(connection, 3894, ["C1.0", "M1.0"])
        assert not is_any_open(connection, 3894, ["M5.0"])
        assert not is_any_open(connection, 1, ["M1.0"])


def test_tracks_come_back_as_they_were_with_the_alert_they_stand_on(engine: sa.Engine) -> None:
    open_episode = Episode(OPENED_AT, 0.2, OPENED_AT, 0.25, 0.23, OPENED_AT)
    tracks: dict[tuple[int, str], Track | None] = {
        (3894, "M1.0"): Track(OPENED_AT + HOUR, episode=open_episode),
        (3894, "X1.0"): Track(OPENED_AT, rising_at=OPENED_AT, last_over_at=OPENED_AT),
        (3895, "M1.0"): Track(OPENED_AT, rising_at=OPENED_AT, last_over_at=OPENED_AT),
    }
    put(engine, raised())
    transact(engine, lambda c: store_tracks(c, MODEL, tracks))

    with writing(engine) as connection:
        loaded, known = load_tracks(connection, MODEL, [3894, 3895])
        others, _ = load_tracks(connection, "other@1.0.0", [3894])
        store_tracks(connection, MODEL, {(3895, "M1.0"): None})
        left, _ = load_tracks(connection, MODEL, [3895])

    assert loaded == tracks
    assert list(known) == [raised().alert_id]
    assert others == left == {}


def test_a_change_of_an_alert_is_a_new_state_of_the_data(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        before = data_version(connection)
    put(engine, opened(0))
    with reading(engine) as connection:
        raised_version = data_version(connection)
    name = opened(0).alert_id
    later = NOW + HOUR
    transact(engine, lambda c: acknowledge(c, MK, name, comment=None, now=later))

    with reading(engine) as connection:
        assert len({before, raised_version, data_version(connection)}) == 3
