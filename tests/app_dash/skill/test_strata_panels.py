from __future__ import annotations

from component_tree import parts, words
from dash import html
from skill_body import strata

from app_dash.shared.theme import LIGHT
from app_dash.shared.verification.report import StrataReport
from app_dash.skill.page import no_strata_panel, strata_panels, strata_placeholders
from app_dash.skill.query import SkillQuery


def drawn(answer: StrataReport, query: SkillQuery | None = None) -> html.Div:
    return html.Div(strata_panels(query or SkillQuery(), answer, LIGHT))


def test_the_first_flare_is_counted_and_scored_apart() -> None:
    table = words(parts(drawn(strata()), "strata-table")[0])

    assert "90 of 5,000 cases" in table
    assert "TSS0.10 … 0.400.20" in table
    assert "AUC–" in table


def test_the_all_clear_says_how_often_it_was_right_and_what_it_missed() -> None:
    facts = words(parts(drawn(strata()), "facts")[0])

    # 264 of 7,303 no-forecasts missed: 1 - 264/7303 = 0.964.
    assert "All clear7,303 times" in facts
    assert "0.964 (0.955 … 0.970)" in facts
    assert "Events missed264" in facts


def test_latency_is_written_in_fitting_units_and_an_unknown_one_as_a_dash() -> None:
    assert "median 1.2 s, p95 2 min, p99 –" in words(drawn(strata()))
    assert "Latency–" in words(drawn(strata(latency={"n": 0})))


def test_a_band_of_longitude_is_named_by_its_centre() -> None:
    figure = drawn(strata()).children[0].children[1].children.figure

    assert figure["layout"]["xaxis"]["categoryarray"] == ["E75", "W45", "unknown"]


def test_the_full_disk_has_no_longitude() -> None:
    assert "These cases have no longitude" in words(drawn(strata(longitude=[])))


def test_the_chosen_score_stays_in_the_address_of_every_choice() -> None:
    links = parts(drawn(strata(), SkillQuery(event="C1.0", by="auc")), "active")

    assert {link.href for link in links} == {"/skill?event=C1.0&by=auc"}


def test_what_has_no_strata_offers_what_has_some() -> None:
    link = parts(
        no_strata_panel(SkillQuery(model="persistence", region="3894", event="C1.0")), "button"
    )

    assert link[0].href == "/skill?event=C1.0"


def test_as_many_blocks_wait_as_panels_come() -> None:
    assert len(strata_placeholders()) == len(strata_panels(SkillQuery(), strata(), LIGHT))
