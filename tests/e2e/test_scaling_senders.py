from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from e2e.conftest import OpenWindow
from e2e.crafted import CALM, write_hours
from e2e.house import House, build, finish
from playwright.sync_api import expect

from database.schema.tables import observations

pytestmark = pytest.mark.e2e

REPLICAS = {"replica-1": (1, 2), "replica-2": (2, 3), "replica-3": (3, 4)}
HOURS = 60


def test_a_tester_scales_to_three_senders_and_reads_that_sent_is_stored(
    window: OpenWindow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = build(tmp_path_factory.mktemp("scaled"))
    with (
        own.serving("app", ready=f"{own.api}/ready"),
        own.serving("app_dash", ready=f"{own.dash}/ready"),
    ):
        seen = window()
        page = seen.open(f"{own.dash}/pipeline")
        page.evaluate("window.isSamePage = true")

        # Each region in the middle is sent by two replicas: what comes second is a duplicate.
        files = {
            name: write_hours(
                own.folder / f"{name}.parquet", dict.fromkeys(regions, [CALM] * HOURS)
            )
            for name, regions in REPLICAS.items()
        }
        running = [
            own.start("data_sender", "replay", path, "--sender", name, "--batch", "10")
            for name, path in files.items()
        ]
        for process in running:
            finish(process)

        sent, stored = 6 * HOURS, 4 * HOURS
        proof = page.locator("#pipeline-proof")
        expect(proof).to_contain_text(
            f"Sent = stored.3 senders sent {sent} rows = {stored} accepted + {sent - stored}"
            f" duplicate + 0 revised + 0 rejected; the store holds {stored} records"
        )
        for name in REPLICAS:
            row = page.get_by_role("row").filter(has_text=name)
            expect(row).to_contain_text(re.compile(rf"finished.*{2 * HOURS}"))
        expect(page.locator(".tile.lost .tile-number")).to_have_text("0")
        assert page.evaluate("window.isSamePage")
        assert seen.complaints == []
        assert _stored(own) == stored


def _stored(house: House) -> int:
    engine = sa.create_engine(house.store)
    with engine.connect() as connection:
        n = connection.scalar(sa.select(sa.func.count()).select_from(observations))
    engine.dispose()
    return int(n or 0)


def test_the_range_of_the_figures_is_in_the_address(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/pipeline")

    page.get_by_role("navigation", name="Time range").get_by_role("link", name="7 d").click()

    expect(page.get_by_text("requests in the last 7 d")).to_be_visible()
    assert page.url.endswith("/pipeline?range=7d")


def test_every_number_tells_how_it_is_computed(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/pipeline")

    page.get_by_label("How is this computed: Lost").click()

    expect(page.get_by_text("lost = sent − (accepted")).to_be_visible()
