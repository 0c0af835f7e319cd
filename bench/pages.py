"""The four pages in a real browser: server time and bytes of what a view asks for."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import numpy as np
import requests
from playwright.sync_api import Page, Request, sync_playwright

from bench.filling import fill
from bench.store import mariadb_store
from database.engine import create_engine
from database.settings import DatabaseSettings
from tests.processes import free_port, serving

PREDICTIONS = 1_000_000
VIEWS = 15
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAGES: Mapping[str, str] = {
    "Now": "/",
    "Regions": "/regions",
    "Region": "/regions/{region}",
    "Passage": "/regions/{region}?range=passage&keywords=all",
    "Skill": "/skill?range=all",
    "Explore": "/explore?range=all",
}


def main() -> None:
    """Fill a MariaDB store, open every page several times, print the 95th percentiles."""
    with mariadb_store() as address:
        api, dash = free_port(), free_port()
        environment = {
            **os.environ,
            "FLARE_DATABASE_URL": address, "FLARE_API_PORT": api, "FLARE_DASH_PORT": dash,
            "FLARE_API_URL": f"http://127.0.0.1:{api}",
        }  # fmt: skip
        with (
            serving("app", "serve", ready=f"http://127.0.0.1:{api}/ready", environment=environment),
            serving(
                "app_dash", "serve", ready=f"http://127.0.0.1:{dash}/", environment=environment
            ),
        ):
            _fill(address, f"http://127.0.0.1:{api}")
            _measure(f"http://127.0.0.1:{dash}")


def _fill(address: str, api: str) -> None:
    began = time.perf_counter()
    engine = create_engine(DatabaseSettings(database_url=address, database_pool_size=2))
    fill(engine, n_predictions=PREDICTIONS)
    engine.dispose()
    print(f"\nfilled {PREDICTIONS:,} predictions in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    requests.get(f"{api}/api/v1/skill", params={"event": "M1.0"}, timeout=600).raise_for_status()
    print(f"first verification of all of them: {time.perf_counter() - began:.1f} s")
    again = [_timed(f"{api}/api/v1/skill?event=M1.0") for _ in range(VIEWS)]
    print(f"GET /api/v1/skill over everything: p95 {_p95(again):.0f} ms")


def _timed(address: str) -> float:
    began = time.perf_counter()
    requests.get(address, timeout=60).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def _measure(base: str) -> None:
    print(f"\npages at {PREDICTIONS:,} predictions, {VIEWS} views each, Chromium on the same cores")
    print(f"{'page':>10}{'slowest call p95, ms':>24}{'whole view p95, kB':>22}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(base)
        page.wait_for_load_state("networkidle")
        for name, path in PAGES.items():
            calls = [_view(page, base + path.format(region=1 + i)) for i in range(VIEWS)]
            slowest = _p95([view[0] for view in calls])
            print(f"{name:>10}{slowest:>24.0f}{_p95([view[1] for view in calls]):>22.0f}")
        browser.close()


def _view(page: Page, address: str) -> tuple[float, float]:
    """Open a view; return its slowest callback [ms] and what its callbacks sent [kB]."""
    finished: list[Request] = []

    def note(request: Request) -> None:
        if "_dash-update-component" in request.url:
            finished.append(request)

    page.on("requestfinished", note)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", note)
    times = [r.timing["responseStart"] - r.timing["requestStart"] for r in finished]
    return max(times), sum(r.sizes()["responseBodySize"] for r in finished) / 1000


def _p95(values: list[float]) -> float:
    return float(np.percentile(values, 95))
