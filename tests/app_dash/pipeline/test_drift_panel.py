from __future__ import annotations

import base64
import json
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from drift_store import FIRST, KEYWORD, MODEL, even_days, graded, observe

from app_dash.frame import routing
from app_dash.pipeline.figures import MOST_POINTS, median_line, psi_mark, thinned
from app_dash.pipeline.page import drift_panel
from app_dash.settings import DashSettings
from app_dash.shared.theme import LIGHT
from database.drift.rollup import refresh_drift
from solar.drift import Assessment
from solar.time import Window

MONTH = Window(FIRST, FIRST + timedelta(days=30))


def page(engine: sa.Engine, window: Window = MONTH) -> str:
    view = routing.read_context(engine, settings=DashSettings(), theme="light")
    return json.dumps(
        drift_panel(view, window), default=lambda part: part.to_plotly_json(), ensure_ascii=False
    )


def assessment(*, psi: float = 0.16, high: float = 0.25) -> Assessment:
    return Assessment(
        psi=psi, low=0.09, high=high, explained=0.04, ks=0.1, wasserstein=0.05, n_days=30, blocks=10
    )


def drawing(address: str) -> str:
    return base64.b64decode(address.partition(",")[2]).decode()


def test_a_variable_that_moved_comes_first_with_its_verdict_and_number(
    engine_sqlite: sa.Engine,
) -> None:
    graded(engine_sqlite)
    observe(engine_sqlite, even_days(12, shift=4.0))
    refresh_drift(engine_sqlite)

    text = page(engine_sqlite)

    assert "2 drift" in text
    assert "verdict drift" in text
    assert f"against the training set of {MODEL}, 12 whole days, 1 Mar 2014 – 12 Mar 2014" in text
    assert KEYWORD in text
    assert "P M1.0+" in text
    assert "95 % interval" in text


def test_values_as_in_training_are_no_drift(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)
    observe(engine_sqlite, even_days(25))
    refresh_drift(engine_sqlite)

    assert "2 no drift" in page(engine_sqlite)


def test_too_few_days_are_undefined_with_the_reason(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)
    observe(engine_sqlite, even_days(3))
    refresh_drift(engine_sqlite)

    text = page(engine_sqlite)

    assert "Undefined: 3 whole days are counted in this range, 7 are needed." in text
    assert "3 whole days; 7 are needed" not in text  # said once, above the table
    assert "verdict" not in text


def test_days_left_out_are_named(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)
    observe(engine_sqlite, even_days(8))
    observe(engine_sqlite, [5.5] * 3, start=FIRST + timedelta(days=8))
    refresh_drift(engine_sqlite)

    assert "1 day with records in too few hours left out." in page(engine_sqlite)


def test_an_empty_range_says_so(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)

    text = page(engine_sqlite)

    assert "no whole day" in text
    assert "Undefined: 0 whole days are counted in this range, 7 are needed." in text


def test_a_model_without_reference_says_what_to_do(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite, reference=None)

    assert f"{MODEL} has no training reference. Train it again" in page(engine_sqlite)


def test_a_model_made_elsewhere_says_that_its_training_is_not_known(
    engine_sqlite: sa.Engine,
) -> None:
    graded(engine_sqlite, reference=None, made_by="elsewhere")

    text = page(engine_sqlite)

    assert "it was made elsewhere, and what it was trained on is not known." in text
    assert "Train it again" not in text


def test_without_a_live_model_there_is_nothing_to_compare_with(engine_sqlite: sa.Engine) -> None:
    assert "No model is live." in page(engine_sqlite)


@pytest.mark.parametrize(("psi", "colour"), [(0.05, "ok"), (0.16, "warning"), (0.6, "error")])
def test_a_psi_has_the_colour_of_its_band(psi: float, colour: str) -> None:
    assert f'fill="{getattr(LIGHT, colour)}"' in drawing(psi_mark(assessment(psi=psi), LIGHT))


# The root of 0.16 is 0.4 of the 148 px between the insets of 6 px.
def test_a_psi_is_drawn_on_a_root_scale() -> None:
    assert 'cx="65.2"' in drawing(psi_mark(assessment(), LIGHT))


def test_a_psi_beyond_the_scale_is_drawn_at_its_end() -> None:
    assert 'cx="154.0"' in drawing(psi_mark(assessment(psi=3.0, high=5.0), LIGHT))


def test_a_line_of_years_is_thinned_to_means() -> None:
    shifts = np.tile([1.0, 3.0], 1825)

    found = thinned(shifts)

    assert len(found) <= MOST_POINTS
    assert np.nanmean(found) == pytest.approx(2.0, abs=0.01)


def test_a_gap_of_days_breaks_the_line() -> None:
    shifts = np.array([0.0, 1.0, np.nan, 1.0, 2.0])

    assert drawing(median_line(shifts, LIGHT)).count("<polyline") == 2
