"""Data sets in the browser: files are chosen, sent, and become one; a reload loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from e2e.soundness import expect_sound
from lab_calls import add_dataset
from playwright.sync_api import Page, Request, Route, expect

from database.engine import create_engine
from database.settings import DatabaseSettings

pytestmark = pytest.mark.e2e

PIECE_BYTES = 4 * 2**20


def choose(page: Page, *files: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(files)


def test_files_are_chosen_sent_and_made_a_data_set(
    house: House, window: OpenWindow, tmp_path: Path
) -> None:
    rows, flares = tmp_path / "rows.csv", tmp_path / "flares.csv"
    rows.write_bytes(b"t_rec,harpnum\n2014-03-01T00:00:00Z,3721\n")
    flares.write_bytes(b"start\n")
    seen = window()
    page = seen.open(f"{house.dash}/lab/data")

    choose(page, rows, flares)
    expect(page.get_by_text(", complete")).to_have_count(2)
    expect(page.locator("#live-message")).to_have_text("All files are complete.")
    expect_sound(page, theme="light", width=1440)
    page.get_by_label("Name").fill("Rows of 2014")
    page.get_by_role("button", name="Make data set").click()

    expect(page.locator(".run-head h2")).to_have_text("Rows of 2014 v1")
    expect(page.locator(".run-head .run-state")).to_have_text("Checking")
    with page.expect_download() as download:
        page.get_by_role("link", name="rows.csv").click()
    assert download.value.path().read_bytes() == rows.read_bytes()
    assert seen.complaints == []


@pytest.mark.thorough
def test_an_upload_is_paused_and_goes_on_after_a_reload(
    house: House, window: OpenWindow, tmp_path: Path
) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"0123456789abcdef" * (3 * PIECE_BYTES // 16))
    seen, offsets = window(), list[str]()
    page = seen.open(f"{house.dash}/lab/data")

    def hold(route: Route, request: Request) -> None:
        offset = request.headers.get("upload-offset", "")
        offsets.append(f"{request.method} {offset}".strip())
        if offset == str(PIECE_BYTES):
            route.fulfill(status=503, headers={"Retry-After": "600"}, body="too much at a time")
        else:
            route.continue_()

    page.route("**/lab/uploads**", hold)
    choose(page, large)
    expect(page.get_by_text("busy, tried again: too much at a time")).to_be_visible()
    page.get_by_role("button", name="Pause large.csv").click()
    expect(page.get_by_role("button", name="Resume large.csv")).to_be_visible()
    page.unroute("**/lab/uploads**")
    seen.complaints.clear()

    page.reload()
    sent = len(seen.requests)
    choose(page, large)
    expect(page.get_by_text("12.6 MB, complete")).to_be_visible()
    assert offsets == ["POST", "PATCH 0", f"PATCH {PIECE_BYTES}"]
    # One asks how much is here, two bring the rest.
    assert len([one for one in seen.requests[sent:] if "/lab/uploads/" in one]) == 3
    assert seen.complaints == []
    page.get_by_role("button", name="Remove large.csv").click()
    expect(page.get_by_role("button", name="Make data set")).to_be_hidden()


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (1024, "light"), (390, "dark")])
def test_the_pages_of_data_sets_are_sound(
    house: House, window: OpenWindow, tmp_path: Path, width: int, theme: Literal["light", "dark"]
) -> None:
    engine = create_engine(DatabaseSettings(database_url=house.store))
    readings = [
        {
            "value": n,
            "label": f"{n} of 18",
            "series": [{"name": "MEANSHR", "values": [1, None, 3, 2]}],
        }
        for n in ("60", "18")
    ]
    question = {"text": "Which axis is time?", "answers": readings}
    breakdown = {
        "cases": 9,
        "regions": 2,
        "steps": 3,
        "features": [
            {
                "name": name,
                "unit": "G²/m",
                "missing": 0.1,
                "spread": {"minimum": 1.0, "maximum": 2e9},
                "missing_by_part": [0.1] * 11 + [None],
                "histogram": {"linear": [9, 1], "log": [2, 8], "is_skewed": True},
            }
            for name in ("TOTUSJH", "MEANSHR")
        ],
        "balance_remark": "Chosen around flares.",
        "correlation": [[1.0, 0.97], [0.97, None]],
        "lagged": [{"hours": 1.0, "correlation": [[1.0, -0.4], [0.3, None]]}],
        "overlap": {"cases": 9, "shared": 8, "overlapping": 8},
        "events": [{"event": "M1.0", "events": 1, "none": 8, "unknown": 0}],
    }
    states = {
        "ready": {"layout": json.dumps({"rows": "x" * 90}), "breakdown": json.dumps(breakdown)},
        "asks": {"question": json.dumps(question)},
        "refused": {"reason": "It is a pickle: " + "convert it. " * 9},
        "checking": {},
    }
    made = [
        add_dataset(
            engine,
            "local local",
            "rows.csv",
            name=f"{theme} {width}",
            state=state,
            version=version,
            **more,
        )
        for version, (state, more) in enumerate(states.items(), 1)
    ]
    engine.dispose()
    small, seen = tmp_path / f"{'long-' * 20}.csv", window(width=width, theme=theme)
    small.write_bytes(b"a\n")
    page = seen.open(f"{house.dash}/lab/data")
    choose(page, small)
    expect(page.get_by_text("2 B, complete")).to_be_visible()
    expect_sound(page, theme=theme, width=width)
    for dataset_id in made:
        seen.follow(f"{house.dash}/lab/data/{dataset_id}")
        expect(page.locator(".lab-live")).not_to_be_empty()
        expect_sound(page, theme=theme, width=width)
    assert seen.complaints == []
