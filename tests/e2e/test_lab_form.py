"""The form of a new run in a browser: filled by clicks and keys, put right, started."""

from __future__ import annotations

import json

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from e2e.soundness import expect_sound
from e2e.test_lab import OWNER, Job, post
from lab_calls import RECIPE, add_dataset
from playwright.sync_api import Locator, Page, expect

from database.engine import create_engine
from database.settings import DatabaseSettings

pytestmark = pytest.mark.e2e

FOUND = {
    "first_at": "2010-05-01T00:00:00Z",
    "last_at": "2020-05-01T00:00:00Z",
    "features": [{"name": "TOTUSJH"}, {"name": "USFLUX"}, {"name": "R_VALUE"}],
}


@pytest.fixture(scope="module")
def run_id(house: House) -> str:
    """Make a draft to begin with, in an experiment and on a data set that is known."""
    engine = create_engine(DatabaseSettings(database_url=house.store))
    dataset_id = add_dataset(
        engine, OWNER, "rows.csv", "flares.parquet", name="form", breakdown=json.dumps(FOUND)
    )
    engine.dispose()
    experiment = post(house, "/experiments", name="Form")["experiment_id"]
    body = {"experiment_id": experiment, "kind": "train", "recipe": RECIPE}
    return str(post(house, "/runs", **body, dataset_ids=[dataset_id])["run_id"])


def row(page: Page, at: str) -> Locator:
    return page.locator(f'#lab-form [data-at="{at}"]')


def test_a_person_fills_the_form_by_keys_and_puts_an_error_right(
    house: House, run_id: str, window: OpenWindow
) -> None:
    Job(house).be_free()
    seen = window()
    page = seen.open(f"{house.dash}/lab/new?run={run_id}")
    steps, embargo = row(page, "/window/steps"), row(page, "/split@rolling-years/embargo_hours")
    start = page.get_by_role("button", name="Start", exact=True)
    expect(page.locator("#lab-verdict")).to_contain_text("Can be used")

    # Keys alone: into the field, a number, on to the next field and the one after it.
    steps.get_by_role("textbox").focus()
    page.keyboard.type("61")
    page.keyboard.press("Tab")
    page.keyboard.type("0.4")
    expect(embargo.locator(".said")).to_contain_text("must be at least 48")
    expect(page.locator(".recipe-contents .wrong-count")).to_have_text("1")
    expect(page.locator(".toml-lines .wrong")).to_contain_text("embargo_hours")
    expect(start).to_be_disabled()
    embargo.get_by_role("button", name="Use 48").click()
    expect(embargo.get_by_role("textbox")).to_have_value("48")
    expect(start).to_be_enabled()
    assert seen.complaints == []


def test_another_estimator_keeps_what_was_typed_and_the_run_is_started(
    house: House, run_id: str, window: OpenWindow
) -> None:
    Job(house).be_free()
    seen = window()
    page = seen.open(f"{house.dash}/lab/new?run={run_id}")
    start, text = page.get_by_role("button", name="Start", exact=True), page.locator(".toml-field")

    # Another estimator and back; what was typed for each is kept.
    row(page, "=/estimator").get_by_role("combobox").select_option("svm")
    row(page, "/estimator@svm/degree").get_by_role("textbox").fill("4")
    row(page, "=/estimator").get_by_role("combobox").select_option("logistic-regression")
    expect(row(page, "/estimator@svm/degree")).to_have_count(0)
    row(page, "/keywords").get_by_text("R_VALUE").click()
    row(page, "/keywords").get_by_role("textbox").fill("MEANGAM")
    page.keyboard.press("Enter")
    expect(page.locator(".toml-lines")).to_contain_text('"USFLUX", "R_VALUE", "MEANGAM"]')
    assert "degree" not in text.input_value()

    # Started at once after the last key, it is made of that key too.
    row(page, "/seed").get_by_role("textbox").fill("8")
    start.click()
    expect(page.locator(".run-head .run-state")).to_be_visible()
    page.get_by_role("link", name="Recipe", exact=True).click()
    expect(page.locator(".toml")).to_contain_text("seed = 8")
    expect(page.locator(".toml")).to_contain_text("R_VALUE")
    assert seen.complaints == []


@pytest.mark.thorough
def test_a_pasted_text_changes_the_form_and_the_form_is_sound(
    house: House, run_id: str, window: OpenWindow
) -> None:
    seen = window()
    page = seen.open(f"{house.dash}/lab/new?run={run_id}")
    page.get_by_text("Paste or edit the text").click()
    page.locator(".toml-field").fill(RECIPE.replace('"logistic-regression"', '"gru"\nhidden = 7'))

    expect(row(page, "/estimator@gru/hidden").get_by_role("textbox")).to_have_value("7")
    page.locator(".toml-field").fill("name = ")
    expect(page.locator("#lab-form")).to_contain_text("is no TOML")
    page.get_by_role("button", name="Reset").click()
    expect(row(page, "=/estimator")).to_be_visible()
    expect_sound(page, theme="light", width=1440)
    assert seen.complaints == []


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (1024, "light"), (390, "dark")])
def test_the_form_is_sound_at_every_width(
    house: House, run_id: str, window: OpenWindow, width: int, theme: str
) -> None:
    page = window(width=width, theme=theme).open(f"{house.dash}/lab/new?run={run_id}")
    expect(row(page, "=/estimator")).to_be_visible()
    page.evaluate("for (const one of document.querySelectorAll('.recipe-section')) one.open = true")
    expect_sound(page, theme=theme, width=width)
