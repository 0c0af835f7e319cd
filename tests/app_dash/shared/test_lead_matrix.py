from __future__ import annotations

from datetime import UTC, datetime

import pytest
from component_tree import parts, words

from app_dash.shared.lead_matrix import (
    NOT_GIVEN,
    TargetForecast,
    band_bar,
    in_words,
    matrix,
    target_forecasts,
)
from database.leads.leads import LeadRow
from solar.flares import EVENTS, LEADS, TARGETS, event

AT = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
# The record whose slot is 16:00 TAI.
RECORD = datetime(2014, 3, 29, 15, 59, 25, tzinfo=UTC)
NARROW = "\u202f"
DAY = (0.8, 0.4, 0.2, 0.1)
BAND = {"p": [0, 1], "lower": [0, 0.5], "upper": [0.5, 1], "kind": "model", "n": 60}
MANIFEST = {
    "events": [{"name": e.name, "band": BAND} for e in EVENTS],
    "targets": [{"name": target.name, "band": BAND} for target in LEADS],
}


def _lead(t_rec: datetime = AT, p: float = 0.1) -> LeadRow:
    return LeadRow(3894, t_rec, "model@1", 0, t_rec, (p,) * len(LEADS))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("M1.0/6h", f"M1.0+ in 6 h: 12{NARROW}%, 7.0 to 19{NARROW}%, valid 16:00 to 22:00 UTC"),
        (
            "M1.0",
            f"M1.0+ in 24 h: 12{NARROW}%, 7.0 to 19{NARROW}%,"
            " valid 29 Mar 16:00 to 30 Mar 16:00 UTC",
        ),
        (
            "X1.0/d2",
            f"X1.0+ on day 2: 12{NARROW}%, 7.0 to 19{NARROW}%,"
            " valid 30 Mar 16:00 to 31 Mar 16:00 UTC",
        ),
    ],
)
def test_a_cell_says_in_words_what_it_shows_by_the_slot_of_its_record(name: str, text: str) -> None:
    assert in_words(event(name), TargetForecast(RECORD, 0.12, 0.07, 0.19)) == text


def test_a_wide_band_is_called_hardly_known_and_none_is_not_mentioned() -> None:
    wide = in_words(event("M1.0/6h"), TargetForecast(AT, 0.5, 0.2, 0.7))
    without = in_words(event("M1.0/6h"), TargetForecast(AT, 0.5))

    assert wide == f"M1.0+ in 6 h: 50{NARROW}%, hardly known, valid 16:00 to 22:00 UTC"
    assert without == f"M1.0+ in 6 h: 50{NARROW}%, valid 16:00 to 22:00 UTC"


def test_the_bar_of_a_band_is_as_wide_as_the_band_on_0_to_100_percent() -> None:
    (bar,) = band_bar(event("M1.0"), TargetForecast(AT, 0.12, 0.07, 0.19))

    band, tick = bar.children
    assert band.style == {"left": "7.0%", "width": "12.0%"}
    assert tick.style == {"left": "12.0%"}
    assert bar.className == "band-bar m"


def test_without_a_band_there_is_no_bar() -> None:
    assert band_bar(event("M1.0"), TargetForecast(AT, 0.12)) == []


def test_the_bands_are_those_of_the_manifest_at_each_probability() -> None:
    cells = target_forecasts(AT, DAY, None, MANIFEST)

    # By hand: the knots make p/2 and (1 + p)/2.
    assert [(c.lower, c.upper) for c in cells.values()] == [
        (pytest.approx(p / 2), pytest.approx((1 + p) / 2)) for p in DAY
    ]


def test_bands_of_one_record_keep_the_order_of_the_windows() -> None:
    # 6 h has the wider band, whose upper end would lie above that of 24 h.
    wide = {**BAND, "upper": [0.9, 1]}
    targets = [{"name": t.name, "band": wide if t.window.name == "6h" else BAND} for t in LEADS]

    cells = target_forecasts(AT, DAY, _lead(), {**MANIFEST, "targets": targets})

    of_six, of_day = cells[event("M1.0/6h")].upper, cells[event("M1.0")].upper
    assert of_six is not None
    assert of_day is not None
    assert of_six <= of_day


def test_a_record_of_later_in_the_hour_keeps_the_time_of_each_window() -> None:
    later = datetime(2014, 3, 29, 16, 36, tzinfo=UTC)

    cells = target_forecasts(later, DAY, _lead(), MANIFEST)

    assert cells[event("M1.0")].t_rec == later
    assert {cells[target].t_rec for target in LEADS} == {AT}
    assert set(cells) == set(TARGETS)
    heads = [words(head) for head in matrix(cells, name="x").children[0].children.children[1:]]
    assert heads == [
        "6 hto 22:00",
        "12 hto 04:00",
        "24 hto 16:36",
        "48 hto 31 Mar",
        "day 2from 30 Mar",
        "day 3from 31 Mar",
    ]


def test_a_model_without_windows_shows_dashes_beside_its_24_hours() -> None:
    table = matrix(target_forecasts(AT, DAY, None, None), name="the full disk")

    rows = table.children[1].children
    cells = [[words(cell) for cell in row.children[1:]] for row in rows]
    assert cells == [["–", "–", p, "–", "–", "–"] for p in ("80", "40", "20", "10")]
    assert rows[0].children[1].title == f"C1.0+ in 6 h: {NOT_GIVEN}"
    # The 24 h are marked, in the heading and in each of four rows.
    assert len(parts(table, "chosen")) == 5
    assert parts(table, "band-bar") == []
