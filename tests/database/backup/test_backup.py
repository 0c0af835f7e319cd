from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from database.backup.restoration import restore
from database.backup.snapshot import backup
from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.schema.rollup_tables import verification_dekads
from database.schema.tables import metadata
from database.verification.day_table import DAY
from database.verification.ten_day_blocks import Key, load_days
from solar.errors import InvalidInputError
from solar.flares import FluxScale

# Day 16130 since 1970 is 2014-03-01: one case without truth, two withheld.
DAY_OF_TWO = (16_130, 0, 0, 0, 1, 2, 0, 0.5, 0.1)
AT = datetime(2014, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


def fill(engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        record = FlareRecord(AT, AT, None, "X1.0", FluxScale.TRUE)
        store_flares(connection, [record], source="x", covers=None, now=AT)
        connection.execute(
            verification_dekads.insert().values(
                model_id="a@1", event="M1.0", scope="disk", part="own",
                first_day=date(2014, 3, 1), days=np.array([DAY_OF_TWO], DAY).tobytes(), bins=b"",
            )
        )  # fmt: skip

    transact(engine, work)


def contents(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))]
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("direction", [("sqlite", "mariadb"), ("mariadb", "sqlite")])
def test_a_store_moves_between_databases(
    request: pytest.FixtureRequest, tmp_path: Path, direction: tuple[str, str]
) -> None:
    source, target = (request.getfixturevalue(f"{name}_engine") for name in direction)
    for engine in (source, target):
        clear(engine)
    fill(source)

    written, read = backup(source, tmp_path / "b.zip"), restore(target, tmp_path / "b.zip")

    # A flare, the list's version, a day of the rollup, seven stale days.
    assert written == read == 10
    assert contents(target) == contents(source)
    with reading(target) as connection:
        days = load_days(connection, Key("a@1", "M1.0", "disk"), first=AT.date(), last=AT.date())
    assert (days.total("unknown"), days.total("withheld")) == (1, 2)


def test_a_store_with_rows_is_not_overwritten(engine: sa.Engine, tmp_path: Path) -> None:
    fill(engine)
    backup(engine, tmp_path / "b.zip")

    with pytest.raises(InvalidInputError, match="not empty"):
        restore(engine, tmp_path / "b.zip")


def clear(engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())

    transact(engine, work)
