"""A run in the browser, from its draft to its files, while a worker executes it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from e2e.conftest import OpenWindow
from e2e.house import House
from e2e.soundness import expect_sound
from lab_calls import RECIPE, add_dataset
from playwright.sync_api import Page, expect

from database.engine import create_engine
from database.settings import DatabaseSettings
from solar.identifiers import new_id

pytestmark = pytest.mark.e2e

MODEL = b"not really a model" * 1_000
OFFERS = ["train", "estimator:logistic-regression"]
OWNER = "local local"


class Job:
    """A worker with free slots, and the job of its newest run, as the API knows them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.worker_id: str | None = None
        self.run_id = ""
        self.sent = {"log": 0, "events": 0}

    def be_free(self) -> None:
        """Register, or say that the slots are free."""
        worker = {"host": "helios", "code_version": "1", "offers": OFFERS, "queue": "cpu"}
        known = {"worker_id": self.worker_id, "slots": 4, "free": 4}
        self.worker_id = self._post("register", **worker, **known)["worker_id"]

    def begin(self, run_id: str) -> None:
        self.run_id, self.sent = run_id, dict.fromkeys(self.sent, 0)
        token = new_id(datetime.now(UTC))
        claim = {"attempt": 1, "worker_id": self.worker_id, "token": token, "libraries": {}}
        self._post(f"runs/{run_id}/claim", host="helios", code_version="1", **claim)

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.house.api}/api/v1/worker/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    def tell(self, *, log: str = "", events: str = "", **more: Any) -> dict[str, Any]:
        told = {
            stream: {"from_byte": self.sent[stream], "text": text}
            for stream, text in (("log", log), ("events", events))
        }
        answer = self._post(f"runs/{self.run_id}/report", attempt=1, **told, **more)
        self.sent = {"log": answer["log_bytes"], "events": answer["event_bytes"]}
        return answer

    def deliver(self, name: str, content: bytes) -> None:
        parameters = {
            "attempt": 1,
            "kind": "model",
            "offset": 0,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        answer = requests.put(
            f"{self.house.api}/api/v1/worker/runs/{self.run_id}/outputs/{name}",
            params=parameters,
            data=content,
            timeout=10,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.json()["is_complete"], answer.text

    def end(self, outcome: str, **more: Any) -> None:
        self._post(f"runs/{self.run_id}/end", attempt=1, outcome=outcome, **more)


@pytest.fixture(scope="module")
def job(house: House) -> Job:
    return Job(house)


def post(house: House, path: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(f"{house.api}/api/v1/lab{path}", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def draft(house: House) -> str:
    """Make a draft of a run, and return its id."""
    engine = create_engine(DatabaseSettings(database_url=house.store))
    dataset_id = add_dataset(engine, OWNER, "rows.csv", "flares.parquet")
    engine.dispose()
    experiment = post(house, "/experiments", name="Embargo")["experiment_id"]
    run_id: str = post(
        house,
        "/runs",
        experiment_id=experiment,
        kind="train",
        recipe=RECIPE,
        dataset_ids=[dataset_id],
    )["run_id"]
    return run_id


def events(steps: range) -> str:
    lines = (
        {
            "place": "fold 2012/M1.0",
            "event": "epoch",
            "step": step,
            "of": 20,
            "eta_seconds": 9.0,
            "loss": 1 / step,
            "bss": 0.3 - 0.2 / step,
        }
        for step in steps
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def at_end(page: Page) -> bool:
    return bool(
        page.locator("#lab-log").evaluate(
            "log => log.scrollTop + log.clientHeight >= log.scrollHeight - 8"
        )
    )


def expect_state(page: Page, word: str) -> None:
    expect(page.locator(".run-head .run-state")).to_have_text(word)


def begin(job: Job, page: Page, run_id: str) -> None:
    """Start a draft on its open page, and have the worker begin it."""
    job.be_free()
    page.get_by_role("button", name="Start small").click()
    # Handed to the worker, which has a free slot; nobody reloads the page.
    expect_state(page, "Published")
    job.begin(run_id)


def test_a_run_is_started_followed_and_its_model_downloaded(
    house: House, job: Job, window: OpenWindow, tmp_path: Path
) -> None:
    run_id, seen = draft(house), window()
    page = seen.open(f"{house.dash}/lab/runs/{run_id}")

    begin(job, page, run_id)
    job.tell(events=events(range(1, 9)), progress=0.4, doing="fold 2012", eta_s=125.0)
    expect_state(page, "Running")
    expect(page.locator("#live-message")).to_have_text("small, run 1: Running")
    expect(page.locator(".segments")).to_contain_text("epoch 8 of 20")
    expect(page.get_by_text("2 min left")).to_be_visible()
    expect(page.get_by_role("heading", name="Training loss")).to_be_visible()

    job.deliver("small-1.0.0/model.onnx", MODEL)
    job.end("succeeded", headline={"M1.0": {"bss": 0.21, "low": 0.1, "high": 0.3}}, cpu_s=3.5)
    expect_state(page, "Succeeded")
    page.get_by_role("link", name="Outputs", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download small-1.0.0/model.onnx").click()
    download.value.save_as(tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == MODEL
    seen.follow(f"{house.dash}/lab")
    expect(page.locator("table.runs")).to_contain_text("0.10 … 0.30")
    assert seen.complaints == []


def test_the_log_follows_while_its_reader_is_at_the_end(
    house: House, job: Job, window: OpenWindow
) -> None:
    run_id, seen = draft(house), window()
    page = seen.open(f"{house.dash}/lab/runs/{run_id}")
    begin(job, page, run_id)
    job.tell(log="".join(f"line {n}\n" for n in range(300)))
    seen.follow(f"{house.dash}/lab/runs/{run_id}?tab=log")
    log = page.locator("#lab-log")
    expect(log).to_contain_text("line 299")

    job.tell(log="☀ warning: what follows\n")
    expect(log).to_contain_text("☀ warning: what follows")
    assert at_end(page)
    log.evaluate("log => { log.scrollTop = 0; }")
    expect(page.locator("#lab-follow")).to_have_text("To the end")
    job.tell(log="the last line\n")
    expect(log).to_contain_text("the last line")
    assert log.evaluate("log => log.scrollTop") == 0
    page.get_by_label("Find in log").fill("LINE 150")
    page.keyboard.press("Enter")
    assert page.evaluate("getSelection().toString()") == "line 150"
    page.get_by_role("button", name="First warning").click()
    assert page.evaluate("getSelection().toString()") == "warning"

    expect_sound(page, theme="light", width=1440)
    job.end("failed", reason="it was only a test")
    assert seen.complaints == []


@pytest.mark.thorough
def test_a_run_that_is_asked_to_stop_is_told_so_and_restarts(
    house: House, job: Job, window: OpenWindow
) -> None:
    run_id, seen = draft(house), window()
    page = seen.open(f"{house.dash}/lab/runs/{run_id}")
    begin(job, page, run_id)
    expect_state(page, "Running")

    page.get_by_role("button", name="Stop small").click()
    expect(page.get_by_text("stopping: it keeps a checkpoint first")).to_be_visible()
    assert job.tell()["stop"]
    job.end("cancelled", reason="asked to stop")
    expect_state(page, "Cancelled")
    seen.follow(f"{house.dash}/lab/runs?state=cancelled")
    page.get_by_role("row").filter(has_text="stopped by").get_by_role("checkbox").check()
    # The page asks for news meanwhile, and what is ticked stays so.
    with page.expect_response(lambda answer: "lab-live" in (answer.request.post_data or "")):
        pass
    page.get_by_role("button", name="Restart", exact=True).click()

    expect(page.get_by_text("No run matches these filters.")).to_be_visible()
    post(house, f"/runs/{run_id}/stop")
    assert seen.complaints == []


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (1024, "light"), (390, "dark")])
def test_the_pages_of_the_lab_are_sound(
    house: House, job: Job, window: OpenWindow, width: int, theme: Literal["light", "dark"]
) -> None:
    run_id, seen = draft(house), window(width=width, theme=theme)
    page = seen.open(f"{house.dash}/lab")
    expect_sound(page, theme=theme, width=width)
    seen.follow(f"{house.dash}/lab/runs/{run_id}")
    begin(job, page, run_id)
    job.tell(log="a line\n", events=events(range(1, 9)), progress=0.4, doing="fold 2012")
    expect(page.get_by_role("heading", name="Training loss")).to_be_visible()

    for path in (
        f"/lab/runs/{run_id}",
        *(
            f"/lab/runs/{run_id}?tab={tab}"
            for tab in ("log", "recipe", "outputs", "machine", "history")
        ),
        "/lab",
        "/lab/runs",
        "/lab/experiments",
        "/machines",
        f"/lab/runs/{'X' * 26}",
    ):
        seen.follow(house.dash + path)
        expect(page.locator(".lab-live")).not_to_be_empty()
        expect_sound(page, theme=theme, width=width)
    job.end("failed", reason="it was only a test")
    assert seen.complaints == []
