"""The rules are read from a file, and a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alert_calls import MakeApp

from app.alerts.config import load_rules
from solar.errors import InvalidInputError


def test_without_a_threshold_of_its_own_a_rule_takes_the_models(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("".join(f"[[rule]]\nevent = '{name}'\n" for name in ("M1.0", "M5.0", "X1.0")))

    rules = load_rules(path, {"M1.0": 0.043, "M5.0": 0.0072, "X1.0": None})

    assert {name: rule and rule.on for name, rule in rules.items()} == {
        "M1.0": 0.043,
        "M5.0": 0.0072,
        "X1.0": None,
    }
    assert rules["M1.0"] is not None
    assert rules["M1.0"].off == pytest.approx(0.0258)


def test_the_shipped_rules_take_the_models_threshold_for_the_common_class_alone() -> None:
    rules = load_rules(None, {"M1.0": 0.043, "M5.0": 0.0072, "X1.0": 0.0024})

    assert {name: rule and rule.on for name, rule in rules.items()} == {
        "M1.0": 0.043,
        "M5.0": 0.05,
        "X1.0": 0.03,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]]\nevent = 'M2.0'", "M2.0"),
        ("[[rule]]\nevent = 'M1.0'\nof = 1", "of"),
        ("[[rule]]\nevent = 'M1.0'\noff_factor = 2", "off_factor"),
        ("[[rule]]\nevent = 'M1.0'\nsettle_hours = 0", "settle"),
        ("[[rule]]\nevent = 'M1.0'\n[[rule]]\nevent = 'M1.0'", "two rules"),
        (
            "[[rule]]\nevent = 'M1.0'\nwindow = '9h'",
            r"window no window '9h'; choose one of 6h, 12h",
        ),
        ("[[rule]]\nevent = 'M1.0'\nwindow = '24h'\n[[rule]]\nevent = 'M1.0'", "two rules"),
        ("[[rule]]\nevent = 'M1.0'\nwindow = 'd2'\nsettle_hours = 24\non = 0.1", "more than 24 h"),
        ("[[rule", "not TOML"),
    ],
)
def test_a_wrong_rule_file_is_refused_by_name_with_what_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)

    with pytest.raises(InvalidInputError, match=said) as error:
        load_rules(path, {"M1.0": 0.1})
    assert str(path) in str(error.value)


def test_the_api_does_not_start_with_rules_that_are_not_there(
    engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="FLARE_ALERT_RULES"):
        make_app(engine_sqlite, alert_rules=tmp_path / "absent.toml")
