from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from model_training.judging.evidence import Evidence
from model_training.judging.importance import Importance
from model_training.judging.judgement import judge
from model_training.report.canvas import Picture
from model_training.report.forecast_figures import (
    confusion_picture,
    histogram_picture,
    reliability_picture,
)
from model_training.report.model_figures import (
    LearningCurve,
    importance_picture,
    learning_picture,
)
from model_training.report.score_figures import (
    forest_picture,
    precision_recall_picture,
    roc_picture,
)
from solar.skill import Estimate

Make = Callable[..., Evidence]

ITEMS = (Importance("USFLUX", Estimate(0.2, 0.1, 0.3)), Importance("X", Estimate(None, None, None)))
CURVES = (LearningCurve("epoch", "gru", "loss", (1, 2), (0.7, 0.4)),)
SKILL = LearningCurve("epoch", "gru", "bss", (1, 2), (-2.5, 0.3))

DRAWN: dict[str, Callable[[Evidence], Picture]] = {
    "reliability": lambda e: reliability_picture(e, "k"),
    "histogram": lambda e: histogram_picture(e, "k"),
    "roc": lambda e: roc_picture(judge(e, resamples=20), "k"),
    "precision-recall": lambda e: precision_recall_picture(judge(e, resamples=20), "k"),
    "confusion": lambda e: confusion_picture(judge(e, resamples=20), "k"),
    "forest": lambda e: forest_picture(judge(e, resamples=20), "k"),
    "importance": lambda e: importance_picture(ITEMS, e.event, key="k"),
    "learning": lambda e: learning_picture(CURVES, "k"),
    "skill": lambda e: learning_picture((*CURVES, SKILL), "k"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_the_same_every_time_and_says_what_it_shows(
    name: str, make_evidence: Make
) -> None:
    one, other = (DRAWN[name](make_evidence()) for _ in range(2))

    root = ElementTree.fromstring(one.svg)  # noqa: S314  the product wrote it a line above
    assert one == other
    assert root.get("aria-label") == one.alternative
    assert one.alternative.endswith(".")


@pytest.mark.parametrize("name", DRAWN)
def test_the_ids_of_a_figure_begin_with_its_key_and_are_unique(
    name: str, make_evidence: Make
) -> None:
    svg = DRAWN[name](make_evidence()).svg

    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(found.startswith("k-") for found in ids)
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= set(ids)


def test_the_colours_of_a_figure_follow_the_page(make_evidence: Make) -> None:
    svg = reliability_picture(make_evidence(), "k").svg

    assert "var(--accent, #1f66d1)" in svg
    assert not re.search(r"(?<!, )#1f66d1", svg)


def test_a_dollar_sign_in_a_name_is_no_formula(make_evidence: Make) -> None:
    entrants = {"$a_{": np.full(240, 0.3), "<b>$": np.full(240, 0.2)}

    picture = forest_picture(judge(make_evidence(entrants=entrants), resamples=20), "k")

    assert "$a_{" in picture.svg
    assert "<b>" not in picture.svg


def test_reliability_says_the_observed_share_of_each_bin(make_evidence: Make) -> None:
    # 40 cases of which 10 are events, all forecast with 25 %.
    evidence = make_evidence(
        40, calibrated=np.full(40, 0.25), raw=np.full(40, 0.25), entrants={},
        outcome=np.arange(40) % 4 == 0,
    )  # fmt: skip

    said = reliability_picture(evidence, "k").alternative

    assert "forecast 25 %, observed 25 % of 40" in said


def test_bins_of_fewer_than_five_cases_are_not_drawn(make_evidence: Make) -> None:
    few = np.full(4, 0.25)
    evidence = make_evidence(4, calibrated=few, raw=few, entrants={}, outcome=np.zeros(4))

    assert "without a bin" in reliability_picture(evidence, "k").alternative


def test_losses_and_skill_are_on_scales_of_their_own() -> None:
    both, losses = (learning_picture(curves, "k") for curves in ((*CURVES, SKILL), CURVES))

    assert "loss 0.7 to 0.4, held-out BSS -2.5 to 0.3" in both.alternative
    assert both.svg.count('id="k-axes_') == 2 * losses.svg.count('id="k-axes_') == 2


def test_importance_without_a_defined_drop_says_so() -> None:
    assert "all alike" in importance_picture(ITEMS[1:], "M1.0", key="k").alternative
