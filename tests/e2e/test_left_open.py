"""A page left open while data arrive keeps nothing of what it has shown before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from e2e.conftest import OpenWindow, is_drawing
from e2e.crafted import ACTIVE
from e2e.house import House
from playwright.sync_api import Page

from solar.time import isoformat

pytestmark = pytest.mark.e2e

# Until then the browser compiles scripts, and the region of the new records gets its row.
SETTLED = 5
# Redraws change the content a little; one graph kept at each would be a sixth more by the end.
MOST_MORE = 1.05


class LeftOpen:
    """A page that is drawn anew for each of the earlier records of one region."""

    def __init__(self, page: Page, house: House, *, region: int) -> None:
        self._page, self._house, self._region = page, house, region
        self._begin = house.newest() - timedelta(hours=20)
        self._browser = page.context.new_cdp_session(page)
        self._browser.send("Performance.enable")

    def kept_after(self, redraws: range) -> tuple[int, int]:
        """Return the nodes and listeners that remain after some redraws."""
        for n in redraws:
            at = isoformat(self._begin + n * timedelta(minutes=12))
            with self._page.expect_response(is_drawing):
                self._house.post(region=self._region, t_rec=at, level=ACTIVE + n)
                # The page asks at once, not at its next tick.
                self._page.evaluate(
                    "n => dash_clientside.set_props('tick', { n_intervals: n })", 1000 * (n + 1)
                )
        self._page.wait_for_load_state("networkidle")
        self._browser.send("HeapProfiler.collectGarbage")
        metrics = self._browser.send("Performance.getMetrics")["metrics"]
        counts = {metric["name"]: int(metric["value"]) for metric in metrics}
        return counts["Nodes"], counts["JSEventListeners"]


@pytest.mark.thorough
def test_a_page_keeps_no_more_nodes_and_listeners_the_longer_it_is_open(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)
    page.mouse.move(5, 5)
    left_open = LeftOpen(page, house, region=999_100)

    nodes, listeners = left_open.kept_after(range(SETTLED))
    nodes_later, listeners_later = left_open.kept_after(range(SETTLED, 30))

    assert nodes_later <= MOST_MORE * nodes
    assert listeners_later <= MOST_MORE * listeners
