"""Data sets that runs make, of another one or of the store, once and named after their parent."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_calls import CSV, claim_as_worker, deliver, end_as_worker, one
from flask.testing import FlaskClient
from tus_client import DATASETS, make, running, sign_in

from database.engine import writing
from database.lab import snapshot as snapshot_tables
from database.lab.runs import NewRun, add_run, read_run, start_run
from database.people.principal import OWNER
from model_training.analysis.unknown_data import describe_unknown
from model_training.data import loading
from model_training.data.guessing import guess
from model_training.data.snapshot import write_snapshot
from solar.errors import InvalidInputError

LAB = "/api/v1/lab"
Row = Callable[..., dict[str, Any]]


def queued(client: FlaskClient, like: dict[str, Any], kind: str, **parameters: Any) -> str:
    """Queue a run on a data set, and begin it as a worker does."""
    with writing(running(client).engine) as connection:
        now = read_run(connection, like["described_by"]).created_at
        new = NewRun(
            read_run(connection, like["described_by"]).experiment_id,
            kind,
            "cpu",
            "f",
            60,
            dataset_ids=[like["dataset_id"]],
            parameters=parameters,
        )
        run = add_run(connection, OWNER, new, now=now)
        start_run(connection, OWNER, run.run_id, now=now)
    claim_as_worker(client, run.run_id)
    return run.run_id


def test_a_run_that_leaves_data_makes_one_data_set_of_them_however_often_it_ends(
    client: FlaskClient,
) -> None:
    parent = make(client, "rows", ("rows.csv", CSV)).get_json()
    client.patch(f"{DATASETS}/{parent['dataset_id']}", json={"licence": "CC0"})
    run_id = queued(client, parent, "process")
    deliver(client, run_id, "data/processed.csv", b"a,b\n1,2\n")
    deliver(client, run_id, "processing.json", b"{}")

    for _ in range(2):
        end_as_worker(client, run_id)

    parent = one(client, parent["dataset_id"])
    (link,) = parent["children"]
    assert (link["name"], link["version"], link["state"]) == ("rows, processed", 1, "checking")
    child = one(client, link["dataset_id"])
    assert [file["name"] for file in child["files"]] == ["processed.csv"]
    assert (child["made_by_run"], child["licence"]) == (run_id, "CC0")
    assert child["made_of"]["dataset_id"] == child["parent"] == parent["dataset_id"]
    assert (child["described_state"], child["owner"]) == ("queued", parent["owner"])
    place = f"{DATASETS}/{child['dataset_id']}/files/{child['files'][0]['sha256']}"
    assert client.get(place, buffered=True).data == b"a,b\n1,2\n"


def test_a_child_has_the_name_that_was_asked_for_and_none_comes_of_a_run_that_failed(
    quick: FlaskClient,
) -> None:
    parent = make(quick, "é" * 80, ("rows.csv", CSV)).get_json()
    ends = {"succeeded": {}, "named": {"name": "mine"}, "failed": {}}
    for outcome, parameters in ends.items():
        run_id = queued(quick, parent, "augment", **parameters)
        deliver(quick, run_id, "data/augmented.csv", CSV)
        end_as_worker(quick, run_id, outcome="failed" if outcome == "failed" else "succeeded")

    names = [link["name"] for link in one(quick, parent["dataset_id"])["children"]]
    assert names == ["é" * 60 + ", augmented", "mine"]


def test_somebody_else_does_not_see_of_what_a_shared_child_was_made(
    quick: FlaskClient, clock: Callable[[], object]
) -> None:
    parent = make(quick, "rows", ("rows.csv", CSV)).get_json()
    run_id = queued(quick, parent, "process")
    deliver(quick, run_id, "data/processed.csv", CSV)
    end_as_worker(quick, run_id)
    (link,) = one(quick, parent["dataset_id"])["children"]
    quick.patch(f"{DATASETS}/{link['dataset_id']}", json={"visibility": "shared"})
    ben = sign_in(running(quick).engine, "ben", "researcher", now=clock())

    shown = one(quick, link["dataset_id"], **ben)

    assert (shown["made_of"], shown["children"]) == (None, [])


def pages_of(client: FlaskClient, run_id: str) -> Callable[[str], Iterator[pa.Table]]:
    """Return what reads the store over the test client as a job does over HTTP."""

    def pages(table: str) -> Iterator[pa.Table]:
        cursor: str | None = ""
        while cursor is not None:
            query = {"attempt": 1} | ({"cursor": cursor} if cursor else {})
            answer = client.get(f"/api/v1/worker/runs/{run_id}/store/{table}", query_string=query)
            assert answer.status_code == 200, answer.text
            yield pq.read_table(io.BytesIO(answer.data))
            cursor = answer.headers.get("X-Next-Cursor")

    return pages


def snapshot(client: FlaskClient, **parameters: Any) -> str:
    experiment = client.post(f"{LAB}/experiments", json={"name": "snapshots"}).get_json()
    body = {"experiment_id": experiment["experiment_id"], "kind": "snapshot", "start": True}
    answer = client.post(f"{LAB}/runs", json=body | {"parameters": parameters})
    assert answer.status_code == 200, answer.text
    run_id = str(answer.get_json()["run_id"])
    claim_as_worker(client, run_id)
    return run_id


def test_a_snapshot_has_records_flares_and_truth_and_is_read_without_a_question(
    client: FlaskClient, row: Row, flare_row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_tables, "_ROWS", 2)
    days = [f"2014-03-0{day}T00:00:00Z" for day in range(1, 8)]
    records = [row(t_rec=at) for at in days]
    records.append(row(harpnum=None, noaa_ars=[12000], t_rec=days[0]))
    client.post("/api/v1/observations", json={"observations": records})
    covers = {"from": "2014-02-01T00:00:00Z", "to": "2014-03-05T00:00:00Z"}
    third = {"start": "2014-03-03T10:00:00Z", "peak": "2014-03-03T10:05:00Z", "end": None}
    flares = [flare_row(), flare_row(**third, goes_class="X1.0")]
    answer = client.post("/api/v1/flares", json={"flares": flares, "covers": covers, "source": "t"})
    assert answer.status_code == 200, answer.text
    run_id = snapshot(client, **{"from": days[0], "to": days[6]})

    n = write_snapshot(pages_of(client, run_id), tmp_path / "data")

    told = describe_unknown(tmp_path / "data")
    assert (told["question"], told["reason"], told["rows"], n) == (None, None, 7, 7)
    assert told["layout"] == {
        "layout": "sharp",
        "rows": "observations.parquet",
        "flares": "goes_flares.parquet",
        "harps": "all_harps_with_noaa_ars.txt",
        "labels": {"C1.0": "y24_C", "M1.0": "y24_M", "M5.0": "y24_M5", "X1.0": "y24_X"},
    }
    path = tmp_path / "data" / "observations.parquet"
    dataset = loading.load(guess(path), path.parent)
    ours = dataset.take(dataset.region_id == 3721)
    assert [str(at) for at in ours.t_rec] == [at[:-1] + ".000000" for at in days[:6]]
    # The X flare of 3 March at 10:05 is in the day after the third record; the list ends with the
    # fourth day, so that nothing is known of what follows the records of the 5th and 6th.
    assert np.array_equal(ours.truth["X1.0"], [0, 0, 1, 0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(ours.flared_before["M1.0"], [1, 0, 0, 1, 0, 0])
    assert set(dataset.region_id) == {3721, -12000}
    assert ours.feature("USFLUX")[0] == pytest.approx(2.1e22)


def test_only_the_time_that_a_snapshot_run_asks_for_can_be_read(
    quick: FlaskClient, row: Row, tmp_path: Path
) -> None:
    quick.post("/api/v1/observations", json={"observations": [row()]})
    run_id = snapshot(quick, **{"from": "2014-03-02T00:00:00Z", "to": "2014-03-03T00:00:00Z"})
    parent = make(quick, "rows", ("rows.csv", CSV)).get_json()
    other = queued(quick, parent, "process")

    def status(run_id: str, table: str, **query: Any) -> int:
        address = f"/api/v1/worker/runs/{run_id}/store/{table}"
        return quick.get(address, query_string={"attempt": 1} | query).status_code

    with pytest.raises(InvalidInputError, match="no record between these times"):
        write_snapshot(pages_of(quick, run_id), tmp_path)
    assert status(other, "records") == status(run_id, "people") == 404
    assert status(run_id, "records", attempt=2) == 409
    assert status(run_id, "records", cursor="?") == 422


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parameters": {"from": "2014-03-02T00:00:00Z"}}, "to"),
        (
            {"parameters": {"from": "2014-03-02T00:00:00Z", "to": "2014-03-01T00:00:00Z"}},
            "from lies before to",
        ),
        ({"recipe": "x = 1"}, "leave out recipe and data sets"),
    ],
)
def test_a_snapshot_that_cannot_be_is_refused_before_it_is_stored(
    quick: FlaskClient, changes: dict[str, Any], told: str
) -> None:
    times = {"from": "2014-03-01T00:00:00Z", "to": "2014-03-02T00:00:00Z"}
    experiment = quick.post(f"{LAB}/experiments", json={"name": "snapshots"}).get_json()
    body = {"experiment_id": experiment["experiment_id"], "kind": "snapshot", "parameters": times}

    answer = quick.post(f"{LAB}/runs", json=body | changes)

    assert (answer.status_code, told in answer.text) == (422, True)
    assert quick.get(f"{LAB}/runs").get_json()["items"] == []


def test_a_data_set_whose_look_was_cancelled_is_refused_until_somebody_looks_again(
    client: FlaskClient,
) -> None:
    dataset = make(client, "rows", ("rows.csv", CSV)).get_json()
    run = f"{LAB}/runs/{dataset['described_by']}"

    client.post(f"{run}/stop")
    cancelled = one(client, dataset["dataset_id"])
    client.post(f"{run}/restart")
    again = one(client, dataset["dataset_id"])

    assert (cancelled["state"], cancelled["described_state"]) == ("refused", "cancelled")
    assert cancelled["reason"] == "looking into it was cancelled; look again"
    assert (again["state"], again["reason"]) == ("checking", None)
