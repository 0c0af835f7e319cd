from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from synthetic_explanation import explained, explanation, item

from app_dash.api_client import ApiUnavailableError
from app_dash.region.contribution_figure import bars, contribution_figure, signed
from app_dash.region.explanation import Explanation
from app_dash.region.why import CHANGES, why_panel
from app_dash.shared.theme import LIGHT
from solar.errors import FlarewatchError

# Twelve keywords whose contributions are 1.2, -1.1, 1.0, ... -0.1.
TWELVE = [item(f"F{i}", (1.2 - i / 10) * (-1) ** i) for i in range(12)]
TWO = (item("TOTUSJH", 0.5, value=1600.0, reference=730.0), item("MEANSHR", -0.2))
BEFORE = explained(
    item("TOTUSJH", 0.1, value=900.0), item("MEANSHR", -0.25), t_rec="2014-03-28T16:00:00Z"
)


def panel_text(
    told: Explanation | FlarewatchError,
    *,
    change: str = "now",
    address: Callable[[str], str] | None = None,
) -> str:
    found = why_panel(told, change=change, tokens=LIGHT, address=address)
    return json.dumps(found, default=lambda part: part.to_plotly_json(), ensure_ascii=False)


def test_the_largest_nine_are_shown_and_the_others_summed() -> None:
    shown = bars(explanation(*TWELVE), is_change=False)

    assert [bar.label for bar in shown] == [*(f"What F{i} is" for i in range(9)), "3 others"]
    # -0.3 comes from F9, 0.2 from F10, -0.1 from F11.
    assert shown[-1].value == pytest.approx(-0.2)


def test_a_single_remaining_feature_is_shown_too() -> None:
    shown = bars(explanation(*TWELVE[:10]), is_change=False)

    assert len(shown) == 10
    assert not shown[-1].is_rest


def test_nothing_is_lost_between_bars_and_log_odds() -> None:
    told = explanation(*TWELVE)

    total = sum(bar.value for bar in bars(told, is_change=False))

    assert total == pytest.approx(told.log_odds - told.base_log_odds)


def test_keywords_go_by_their_names_and_are_read_in_their_units() -> None:
    (first, _) = bars(explanation(*TWO), is_change=False)

    assert first.label == "TOTUSJH"
    assert "1,600 G²/m, mean in training 730" in first.hover


def test_a_missing_value_is_named_missing() -> None:
    (only,) = bars(explanation(item("MEANSHR", 0.1, value=None)), is_change=False)

    assert "missing" in only.hover


def test_a_change_is_the_difference_of_the_contributions() -> None:
    shown = bars(explanation(*TWO, previous=BEFORE), is_change=True)

    assert [(bar.label, bar.value) for bar in shown] == [
        ("TOTUSJH", pytest.approx(0.4)),
        ("MEANSHR", pytest.approx(0.05)),
    ]
    assert "900 → 1,600 G²/m" in shown[0].hover


def test_what_raises_and_what_lowers_differ_in_colour_and_sign() -> None:
    shown = bars(explanation(*TWO), is_change=False)

    figure = contribution_figure(shown, LIGHT)

    assert figure["data"][0]["marker"]["color"] == [LIGHT.accent, LIGHT.axis]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["+0.50", "−0.20"]
    # The number of a bar to the left stands beyond the line, not on the bar.
    assert [note["x"] for note in figure["layout"]["annotations"]] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("value", "text"), [(0.744, "+0.74"), (-0.5, "−0.50"), (0.001, "0.00"), (-0.004, "0.00")]
)
def test_contributions_are_written_with_their_sign(value: float, text: str) -> None:
    assert signed(value) == text


def test_the_panel_says_against_what_and_how_much() -> None:
    text = panel_text(explanation(*TWO))

    assert "+0.30 log-odds against the mean region of the training set" in text
    assert "raw probability 35" in text
    assert '"M1.0+"' in text
    assert "As issued" not in text


def test_a_different_issued_probability_is_shown() -> None:
    text = panel_text(explanation(*TWO, issued_probability_raw=0.2))

    assert "As issued 20" in text


def test_the_panel_says_since_when_a_change_is() -> None:
    text = panel_text(explanation(*TWO, previous=BEFORE), change="day")

    assert "+0.45 log-odds since 28 Mar 16:00" in text


def test_without_an_earlier_forecast_there_is_no_change() -> None:
    text = panel_text(explanation(*TWO), change="day")

    assert "There is no forecast 24 h or more earlier to compare with." in text


@pytest.mark.parametrize(
    "error",
    [
        ApiUnavailableError("the API at http://a cannot be reached"),
        FlarewatchError("the model has no training reference"),
    ],
)
def test_an_error_is_shown_as_a_sentence(error: FlarewatchError) -> None:
    text = panel_text(error)

    assert str(error)[1:] in text
    assert '"graph"' not in text


def test_each_choice_has_its_address() -> None:
    text = panel_text(explanation(*TWO), address=lambda change: f"?why={change}")

    assert all(f'"?why={change}"' in text for change in CHANGES)
