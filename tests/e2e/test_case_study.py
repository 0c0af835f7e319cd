"""An analyst's case: AR 11990 and its X4.9 flare of February 2014, from scores to files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pytest
import requests
from e2e.conftest import OpenWindow, expect_drawn_for
from e2e.house import House, build
from playwright.sync_api import Page, expect
from pyarrow import parquet

pytestmark = pytest.mark.e2e

RANGE = ("2014-02-24 00:00", "2014-03-04 00:00")
Case = set[tuple[str, str]]


@pytest.fixture(scope="module")
def spring(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The real fortnight around the flare, replayed with the flares of the list."""
    built = build(tmp_path_factory.mktemp("spring"))
    rows = parquet.read_table(shared_data / "sharp" / "hourly_2014.parquet")
    t_rec = rows.column("t_rec").cast("timestamp[us]")
    begin, end = (pc.strptime(day, "%Y-%m-%d", "us") for day in ("2014-02-20", "2014-03-06"))
    within = pc.and_(pc.greater_equal(t_rec, begin), pc.less(t_rec, end))
    parquet.write_table(rows.filter(within), built.folder / "fortnight.parquet")
    with built.serving("app", ready=f"{built.api}/ready"):
        flares = str(shared_data / "flares" / "goes_flares.parquet")
        built.run("database", "import-flares", flares)
        built.run("data_sender", "replay", str(built.folder / "fortnight.parquet"))
        built.verify()
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


def type_range(page: Page) -> None:
    for label, text in zip(("From (UTC)", "To (UTC)"), RANGE, strict=True):
        enter(page, label, text)
        expect(page).to_have_url(re.compile(text[:10]))


def enter(page: Page, label: str, text: str) -> None:
    field, before = page.get_by_label(label, exact=True), page.url
    field.fill(text)
    field.press("Enter")
    expect(page).not_to_have_url(before)
    # What follows is read from the page that the address draws.
    expect_drawn_for(page, page.url)
    expect(field).to_have_value(text)


def scores(page: Page) -> list[str]:
    expect(page.locator(".score-card").first).to_be_visible()
    return page.locator(".score-value").all_inner_texts()


def test_the_scores_of_a_region_and_range_are_read_and_the_link_shows_the_same(
    spring: House, window: OpenWindow
) -> None:
    seen = window()
    page = seen.open(f"{spring.dash}/skill?range=all&event=C1.0")

    type_range(page)
    enter(page, "Region", "11990")
    expect(page).to_have_url(re.compile("region=11990"))

    # The body of the same question, from the API.
    copied = page.locator("[data-copy]").first
    expect(copied).to_have_attribute("data-copy", re.compile("region="))
    call = copied.get_attribute("data-copy") or ""
    body = requests.get(call.split("'")[1], timeout=10).json()
    assert body["n_events"] > 10
    tss = page.locator(".score-card").filter(has_text="TSS").locator(".score-value")
    expect(tss).to_have_text(re.compile(rf"^.?{abs(body['scores']['tss']['value']):.2f}"))
    expect(page.locator("#reliability .js-plotly-plot .scatterlayer").first).to_be_visible()
    again = window().open(page.url)
    assert scores(again) == scores(page)
    assert seen.complaints == []


@pytest.mark.thorough
def test_files_and_call_hold_what_the_page_counts_and_the_link_shows_the_same(
    spring: House, window: OpenWindow, tmp_path: Path
) -> None:
    page = window().open(f"{spring.dash}/explore?range=all")
    type_range(page)
    everything = counted(page)
    enter(page, "Regions", "11990")
    expect(page.locator(".summary-line")).not_to_contain_text(f"{everything:,}")

    n = counted(page)
    assert 100 < n < everything
    for name in ("CSV", "Parquet"):
        with page.expect_download() as started:
            page.get_by_role("link", name=name).click()
        started.value.save_as(tmp_path / name)
    from_csv = read_csv(tmp_path / "CSV")
    table = parquet.read_table(tmp_path / "Parquet")
    assert (len(from_csv), table.num_rows) == (n, n)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("API call").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("[data-copy]")).to_have_text(re.compile("Copied"))
    call = str(page.evaluate("navigator.clipboard.readText()"))
    items = requests.get(call.split("'")[1], timeout=10).json()["items"]
    assert {(str(row["region"]), row["t_rec"][:19]) for row in items} == from_csv

    again = window().open(page.url)
    assert counted(again) == n
    expect(again.get_by_label("From (UTC)")).to_have_value(RANGE[0])
    expect(again.get_by_label("Regions", exact=True)).to_have_value("11990")


def counted(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator(".summary-line .chip").first.inner_text()))


def read_csv(path: Path) -> Case:
    with path.open() as file:
        return {(row["region_id"], row["t_rec"][:19]) for row in csv.DictReader(file)}
