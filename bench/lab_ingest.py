"""Ingest beside the Lab: records alone, and while two people upload and one trains."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.api_servers import RunningApi
from bench.lab_site import Site, body_of, opened_site, recipe_text, small_dataset, wait_until
from bench.live_record import SECONDS, waits
from bench.results import Results, alternating, with_range
from bench.steady_senders import SteadySenders
from tests.lab_person import Person

ALONE, BESIDE = "alone", "beside two uploads and a training run"
UPLOADS = 2
SHARE, P95_MS = 0.90, 50.0
_LARGE = 2**30
_LONG = {"kind": "gru", "layers": 2, "hidden": 64, "epochs": 500}


def main(folder: Path, *, rounds: int) -> str:
    """Measure, and return what was found in words."""
    results = Results()
    rates: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    path = folder / "large.csv"
    with path.open("wb") as file:
        file.truncate(_LARGE)
    with opened_site(folder) as site, site.worker("host-0"):
        person = site.person()
        body = body_of(person, folder, small_dataset(person, folder))
        body["recipe"] = recipe_text(folder, _LONG)
        api = RunningApi(urlsplit(site.api).port or 80, "/api/v1/observations", site.api_pid, None)
        senders = SteadySenders(site.api)
        senders.send(seconds=SECONDS, rate=None)
        for design in alternating((ALONE, BESIDE), rounds):
            with _busy(site, person, body, path) if design == BESIDE else nullcontext():
                posted = senders.send(seconds=SECONDS, rate=None).bulk
                seconds = posted[-1].began + posted[-1].seconds - posted[0].began
                rates[design].append(sum(one.records for one in posted) / seconds)
                results.add("live record", design, waits(api, SECONDS))
    shares = [b / a for a, b in zip(rates[ALONE], rates[BESIDE], strict=True)]
    p95 = results.values("live record", BESIDE, "p95_ms")
    is_within = median(shares) >= SHARE and median(p95) <= P95_MS
    return (
        f"ingest\n\n{results.table()}\n\n"
        f"  bulk, records/s: {with_range(rates[ALONE])} alone, {with_range(rates[BESIDE])} beside;"
        f" share {with_range(shares)}, at least {SHARE}\n"
        f"  live record p95 beside: {with_range(p95)} ms, at most {P95_MS:g}\n"
        f"  verdict: {'pass' if is_within else 'over'}"
    )


@contextmanager
def _busy(site: Site, person: Person, body: dict[str, Any], path: Path) -> Iterator[None]:
    """Have two people upload and a run train until the block ends."""
    run_id = person.start(**body)
    context = multiprocessing.get_context("spawn")
    uploads = [
        context.Process(target=_upload, args=(site.api, site.dash, path), daemon=True)
        for _ in range(UPLOADS)
    ]
    for upload in uploads:
        upload.start()
    try:
        wait_until(lambda: person.run(run_id)["state"] == "running", "the training run begins")
        yield
    finally:
        for upload in uploads:
            upload.terminate()
            upload.join()
        run = person.call("POST", f"/runs/{run_id}/stop")
        wait_until(lambda: person.run(run_id)["state"] != run["state"], "the run ends")


def _upload(api: str, dash: str, path: Path) -> None:
    """Upload the same file again and again, and give each up."""
    person = Person(api, dash)
    while True:
        upload = person.begin_upload(path.name, _LARGE)
        person.send(upload, path)
        person.ask("DELETE", upload, headers={"Tus-Resumable": "1.0.0"})
