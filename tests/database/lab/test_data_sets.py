"""Data sets and uploads that several requests change at a time, on each store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TypeVar

import pytest
import sqlalchemy as sa

from database.engine import transact, writing
from database.lab.datasets import DataFile, NewDataset, add_dataset, read_datasets
from database.lab.run_lists import RunFilter, list_runs
from database.lab.uploads import (
    Upload,
    add_upload,
    advance_upload,
    consume_uploads,
    find_complete,
    owned_bytes,
)
from database.people.principal import OWNER
from database.schema.lab_tables import experiments
from solar.errors import ConflictError, InvalidInputError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUOTA = 1_000

Result = TypeVar("Result")


def at_once(engine: sa.Engine, work: Callable[[sa.Connection], Result]) -> list[Result | Exception]:
    """Do work in three transactions that begin together."""
    together = Barrier(3)

    def one(_: int) -> Result | Exception:
        together.wait()
        try:
            return transact(engine, work)
        except (ConflictError, InvalidInputError) as error:
            return error

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, range(3)))


def test_data_sets_of_one_name_made_at_once_are_versions_in_one_experiment(
    engine: sa.Engine,
) -> None:
    new = NewDataset("rows", [DataFile("rows.csv", "0" * 64, 10)])

    made = at_once(engine, lambda c: add_dataset(c, OWNER, new, now=NOW).version)

    assert sorted(made) == [1, 2, 3]  # type: ignore[type-var]  # no error is among them
    with writing(engine) as connection:
        assert len(connection.execute(sa.select(experiments)).all()) == 1
        runs = list_runs(connection, OWNER, RunFilter(), limit=9)
    assert sorted(run.number for run in runs) == [1, 2, 3]


def test_names_that_differ_in_their_capitals_are_two_data_sets(engine: sa.Engine) -> None:
    file = DataFile("rows.csv", "0" * 64, 10)

    with writing(engine) as connection:
        made = [
            add_dataset(connection, OWNER, NewDataset(name, [file]), now=NOW)
            for name in ("Rows", "rows", "Rows")
        ]
        assert [dataset.version for dataset in made] == [1, 1, 2]
        assert read_datasets(connection, [made[2].dataset_id])[0] == made[2]


def test_uploads_that_begin_at_once_do_not_share_the_last_bytes_of_a_quota(
    engine: sa.Engine,
) -> None:
    def begin(connection: sa.Connection) -> Upload:
        upload = add_upload(connection, OWNER, "rows.csv", 600, now=NOW)
        if owned_bytes(connection, OWNER.owner) > QUOTA:
            raise InvalidInputError("full")
        return upload

    begun = at_once(engine, begin)

    assert sum(isinstance(result, Upload) for result in begun) == 1


def test_an_upload_is_consumed_once(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        upload = add_upload(connection, OWNER, "rows.csv", 10, now=NOW)
        advance_upload(connection, OWNER, upload, 10, sha256="0" * 64, now=NOW)
        with pytest.raises(ConflictError):
            advance_upload(connection, OWNER, upload, 10, sha256="0" * 64, now=NOW)
        complete = find_complete(connection, OWNER, [upload.upload_id])

    ended = at_once(engine, lambda c: consume_uploads(c, OWNER, complete, now=NOW))

    assert sum(result is None for result in ended) == 1
