from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from component_tree import words

from app_dash.shared.base_rate import FrozenRates, base_rate_panel, frozen_rates
from database.models import ModelRow
from database.verification.base_rate import BaseRates
from solar.contingency import expected_far
from solar.flares import event

SHIPPED = Path(__file__).parents[3] / "model_training/artifacts/blend-1.0.0/manifest.json"
RATES = BaseRates(date(2014, 3, 28), {27: 0.44, 120: 0.4, 365: None}, 0.059)
NARROW = "\u202f"


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(SHIPPED.read_text())
    return manifest


def _panel(manifest: dict[str, Any], rates: BaseRates = RATES) -> str:
    model = ModelRow("m@1", "m", "1", "live", manifest, {"M1.0": 0.043}, datetime.now(UTC))
    return words(base_rate_panel(event("M1.0"), rates, model, class_name="span-3"))


def test_the_rate_of_a_frozen_threshold_is_the_one_in_the_manifest() -> None:
    found = frozen_rates(_manifest(), "M1.0")

    # docs/models.md: 72 of 2,792 cases; 832 of the 5,358 days that the full disk was fitted on.
    assert found == FrozenRates(832 / 5358, 72 / 2792, 0.76389, 0.08309, 0.80427)


@pytest.mark.parametrize("manifest", [{}, {"scores": None}])
def test_a_manifest_that_states_nothing_gives_nothing(manifest: dict[str, Any]) -> None:
    assert frozen_rates(manifest, "M1.0") == FrozenRates(832 / 5358)
    text = _panel(manifest)
    assert "Threshold chosen at 0.16, now 0.44." in text
    assert "not stated then, – expected now (base rate – → 0.059)" in text


def test_the_panel_says_the_rate_when_chosen_and_now_and_what_follows() -> None:
    text = _panel(_manifest())

    assert "27 d0.44120 d0.40365 d–" in text
    assert "Threshold chosen at 0.16, now 0.44." in text
    # 0.08309 * 0.941 / (0.08309 * 0.941 + 0.76389 * 0.059) = 0.634
    assert f"of a region at 4.3{NARROW}%: 0.80 then, 0.63 expected now" in text
    assert "(base rate 0.026 → 0.059)" in text


def test_without_a_complete_list_nothing_is_said_of_now() -> None:
    text = _panel(_manifest(), BaseRates(None, dict.fromkeys((27, 120, 365)), None))

    assert "no complete flare list" in text
    assert "chosen at 0.16, now –" in text


def test_the_false_alarm_ratio_follows_from_the_base_rate() -> None:
    # Finley: 28 hits, 72 false alarms, 23 misses, 2,680 correct negatives; FAR 72/100.
    rate, recall, pofd = 51 / 2803, 28 / 51, 72 / 2752

    assert expected_far(rate, recall=recall, pofd=pofd) == pytest.approx(0.72)
    assert expected_far(1.0, recall=recall, pofd=pofd) == 0.0
    assert expected_far(0.0, recall=recall, pofd=pofd) == 1.0


def test_a_ratio_of_no_alarm_is_undefined() -> None:
    assert expected_far(0.1, recall=0.0, pofd=0.0) is None
    assert expected_far(None, recall=0.5, pofd=0.1) is None
