"""The profile of a record that comes alone: the processor time of each part of its request.

It is answered in this process, so that the time of the server's own loop is not in it: the CPU that
`python -m bench ingest` prints for one client is the whole.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import app.ingest.forecasting as forecasting
import app.ingest.ingest as ingest
import app.ingest.outcomes as outcomes
import app.live_records as live_records
import app.security as security
from app.contract.bodies import JSON_TYPE
from app.create_app import create_app
from app.services import prepare, services
from app.settings import ApiSettings
from bench.bodies import fresh_harpnums, one_record_bodies
from bench.lineups import point_model
from bench.store import mariadb_store
from solar.request_groups import Headers, SmallRequest

_HEADERS = Headers({"HOST": "127.0.0.1:8000", "CONTENT-TYPE": JSON_TYPE})
RECORDS, WARM_RECORDS = 1_000, 200
# Module or class, the names of its functions, and the part of a request that they are.
_PARTS: tuple[tuple[Any, tuple[str, ...], str], ...] = (
    (live_records, ("read_request",), "JSON, schema, rules"),
    (security.Guard, ("plain_principal",), "who asks"),
    (live_records, ("_answer",), "log, measurements, answer"),
    (ingest, ("_ingest",), "between the parts"),
    (ingest, ("_read_ahead",), "first trip to the store"),
    (ingest, ("summarise_regions", "update_regions"), "regions"),
    (ingest, ("resolve_conflicts", "store_superseded"), "versions"),
    (ingest, ("load_records", "spans_around"), "windows"),
    (ingest, ("_store",), "the observation as SQL"),
    (ingest, ("issue_forecasts",), "forecasting, the rest"),
    (forecasting, ("stored_features",), "flare history"),
    (forecasting, ("forecast",), "model"),
    (forecasting, ("raise_alerts",), "alerts"),
    (forecasting, ("store_predictions",), "the forecast as SQL"),
    (forecasting, ("mark_stale", "mark_drift", "mark_exploration"), "days marked"),
    (outcomes, ("record_deliveries",), "counters, second trip"),
    (ingest, ("transact",), "transaction, third trip, commit"),
)


class _Clock:
    """The processor time [s] of this thread in each part, without that of the parts within it."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._inner = [0.0]

    def timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return a function that counts its time for a part."""

        def run(*arguments: Any, **options: Any) -> Any:
            began = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                took = time.thread_time() - began
                self.spent[part] += took - self._inner.pop()
                self._inner[-1] += took

        return run


def main() -> None:
    """Store records one by one with the point model, and print the mean time of each part."""
    clock = _Clock()
    for owner, names, part in _PARTS:
        for name in names:
            setattr(owner, name, clock.timed(getattr(owner, name), part))
    with TemporaryDirectory() as passing, mariadb_store(Path(passing) / "store") as address:
        models = point_model(Path(passing) / "models")
        settings = ApiSettings(database_url=address, artifacts_dir=models, api_host="127.0.0.1")
        prepare(settings)
        application = create_app(settings)
        with application.app_context():
            answer = clock.timed(live_records.LiveRecords(services()).answer, "between the parts")
        first = fresh_harpnums()
        bodies = one_record_bodies("profile", range(first, first + 1_000))
        for number, body in enumerate(islice(bodies, WARM_RECORDS + RECORDS)):
            if number == WARM_RECORDS:
                clock.spent.clear()
            (given,) = answer([SmallRequest("", _HEADERS, body, "127.0.0.1", time.perf_counter())])
            if given is None or given.status != HTTPStatus.OK:
                raise RuntimeError(f"the API refused a record: {given}")
    print("| part of a request of one record | CPU, µs |\n|---|---|")
    for part, seconds in clock.spent.most_common():
        print(f"| {part} | {1e6 * seconds / RECORDS:.0f} |")
    print(f"| together | {1e6 * clock.spent.total() / RECORDS:.0f} |")
