"""The Lab as several people use it, each in a browser of their own, and how they click in it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import onnxruntime
import pandas as pd
from e2e.conftest import CHROMIUM, PATIENCE_MS, Window
from e2e.house import House, build
from e2e.test_people import MEI, PASSWORD, invite, join
from playwright.sync_api import Browser, Download, Locator, Page, expect, sync_playwright

from database.engine import create_engine, writing
from database.people.keys import add_key
from database.people.principal import COMMAND_LINE
from database.settings import DatabaseSettings

PEOPLE = {"ana": "Ana Ruiz", "ben": "Ben Okoro"}
# A worker with two slots, two browsers and the rest of the tests share the processors.
STEP_MS, RUN_MS = 60_000, 600_000
Options = Mapping[str, str | list[str]]


@contextmanager
def desk(folder: Path) -> Iterator[House]:
    """Serve API and dashboard to two researchers, with a worker that has two slots."""
    expect.set_options(timeout=STEP_MS)
    (folder / "store").mkdir()
    (folder / "files").mkdir()
    # The store lies where the worker does not look: it has the address of the API and a key.
    built = build(folder / "files", store=f"sqlite:///{folder}/store/flarewatch.db")
    with (
        built.serving("app", ready=f"{built.api}/ready"),
        built.serving("app_dash", ready=f"{built.dash}/ready"),
    ):
        # In a thread, as the tests have a browser in this one.
        with ThreadPoolExecutor(1) as admin:
            admin.submit(_invite_people, built).result()
        with _worker(built):
            yield built
    expect.set_options(timeout=PATIENCE_MS)


def _invite_people(house: House) -> None:
    """Have an admin invite the people, each of whom follows the link."""
    with own_browser() as browser:
        admin = browser.new_page()
        join(admin, invite(admin, house, MEI))
        for name, shown_as in PEOPLE.items():
            link = invite(admin, house, (name, shown_as, "researcher"))
            join(browser.new_context().new_page(), link)


@contextmanager
def _worker(house: House) -> Iterator[None]:
    """Run a worker that has the address of the API and a key, and no address of a store."""
    engine, now = create_engine(DatabaseSettings(database_url=house.store)), datetime.now(UTC)
    with writing(engine) as connection:
        key = add_key(connection, COMMAND_LINE, "worker", scopes=["work"], now=now)
    engine.dispose()
    given = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
    told = {"FLARE_API_URL": house.api, "FLARE_DATA_DIR": str(house.folder)}
    # Beside other tests a job that steps back would wait for them.
    told["FLARE_WORKER_NICE"] = "0"
    environment = given | told | {"FLARE_WORKER_KEY": key, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "model_training", "work", "--slots", "2"]
    with (house.folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@dataclass
class Colleague:
    """A person who is signed in, in a browser of their own."""

    house: House
    window: Window

    @property
    def page(self) -> Page:
        return self.window.page

    @property
    def verdict(self) -> Locator:
        return self.page.locator("#lab-verdict")

    def send(self, file: Path, name: str) -> None:
        """Choose a file, and make a data set of it."""
        self.page.goto(f"{self.house.dash}/lab/data")
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="Choose files").click()
        chooser.value.set_files([file])
        expect(self.page.get_by_text(", complete")).to_be_visible()
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_role("button", name="Make data set").click()
        expect(self.page.locator(".run-head h2")).to_have_text(f"{name} v1")

    def row(self, at: str) -> Locator:
        return self.page.locator(f'#lab-form [data-at="{at}"]')

    def offered(self, at: str) -> list[str]:
        """Return what an option of the form offers to choose from."""
        expect(self.row(at)).to_be_attached()
        return self.row(at).locator("label, option").all_text_contents()

    def set_option(self, at: str, value: str | list[str]) -> None:
        """Set an option of the form, in whatever it is set there."""
        row = self.row(at)
        expect(row).to_be_attached()
        if not row.is_visible():
            section = self.page.locator(f".recipe-section:has([data-at='{at}'])")
            section.locator("summary").first.click()
        if isinstance(value, list):
            for chip in row.locator("label:has(input[type=checkbox])").all():
                chip.get_by_role("checkbox").set_checked(chip.inner_text() in value)
        elif row.get_attribute("data-kind") == "line":
            row.get_by_role("textbox").fill(value)
        elif row.locator("select").count():
            row.get_by_role("combobox").select_option(value)
        else:
            row.get_by_label(value, exact=True).check()

    def fill(self, options: Options, *, experiment: str) -> None:
        """Fill the open form, in an experiment that is there or a new one."""
        expect(self.row("=/estimator")).to_be_visible()
        known = self.page.get_by_label(experiment, exact=True)
        if known.count():
            known.check()
        else:
            self.page.get_by_label("or a new one").fill(experiment)
        for at, value in options.items():
            self.set_option(at, value)
        expect(self.verdict).to_contain_text("checked")

    def begin(self, kind: str, dataset: str, options: Options, *, experiment: str) -> None:
        """Open the form of a run on a data set from the page of that, and fill it."""
        self.page.goto(dataset)
        self.page.get_by_role("link", name=f"{kind.capitalize()} …").click()
        self.fill(options, experiment=experiment)

    def start(self) -> str:
        """Start what the form says, and return the address of the run."""
        expect(self.verdict).to_contain_text("Can be used")
        self.page.get_by_role("button", name="Start", exact=True).click()
        expect(self.page.locator(".run-head .run-state")).to_be_visible()
        return self.page.url

    def expect_state(self, word: str) -> None:
        """Wait for a state; a run that failed is not waited for."""
        state = re.compile(f"{word}|Failed|Refused")
        expect(self.page.locator(".run-head .run-state")).to_have_text(state, timeout=RUN_MS)
        assert word in (head := self.page.locator(".run-head").inner_text()), head

    def tab(self, name: str) -> None:
        tabs = self.page.get_by_role("navigation", name="Parts of the run")
        tabs.get_by_role("link", name=name, exact=True).click()
        expect(tabs.locator(".active")).to_have_text(name)

    def finished(self, run: str) -> None:
        """Wait on the page of a run until it has succeeded, and see its result."""
        self.page.goto(run)
        self.expect_state("Succeeded")
        self.tab("Result")

    def outputs(self) -> dict[str, Any]:
        """Take all outputs of the open run along as one archive, and open each of them."""
        self.tab("Outputs")
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name="All as zip").click()
        with zipfile.ZipFile(io.BytesIO(content(download.value))) as archive:
            return {name: opened(name, archive.read(name)) for name in archive.namelist()}


def content(download: Download) -> bytes:
    return download.path().read_bytes()


def opened(name: str, held: bytes) -> Any:
    """Open a file with the program that people would open it with."""
    kinds: dict[str, Callable[[io.BytesIO], Any]] = {
        ".npz": lambda file: dict(np.load(file, allow_pickle=False)),
        ".parquet": pd.read_parquet,
        ".csv": pd.read_csv,
        ".graphml": nx.read_graphml,
        ".onnx": lambda file: onnxruntime.InferenceSession(file.getvalue()),
        ".json": json.load,
        ".jsonl": lambda file: [json.loads(line) for line in file],
        ".toml": tomllib.load,
        ".svg": ElementTree.parse,
        ".html": lambda file: file.getvalue().decode(),
        ".txt": lambda file: file.getvalue().decode(),
    }
    return kinds[PurePosixPath(name).suffix](io.BytesIO(held))


def typed_value(recipe: dict[str, Any], at: str) -> Any:
    """Return what a recipe has for an option of the form."""
    value: Any = recipe
    for name in re.sub(r"@[^/]*", "", at).split("/")[1:]:
        value = value[name]
    return value["kind"] if at.startswith("=") else value


def expect_as_typed(recipe: dict[str, Any], options: Options) -> None:
    """Expect that a run was made by the recipe that was typed."""
    for at, value in options.items():
        if not at.startswith("parameters"):
            had = typed_value(recipe, at)
            assert had == (float(value) if isinstance(had, int | float) else value), at


@contextmanager
def own_browser() -> Iterator[Browser]:
    """Run a browser for the calling thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


@contextmanager
def signed_in(browser: Browser, house: House, name: str) -> Iterator[Colleague]:
    """Sign a person in, with cookies of their own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(STEP_MS)
    page = context.new_page()
    page.goto(f"{house.dash}/sign-in?next=/lab")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{house.dash}/lab")
    window = Window(page)
    yield Colleague(house, window)
    assert not window.complaints, window.complaints
    context.close()
