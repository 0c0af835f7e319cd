from __future__ import annotations

import sqlalchemy as sa
from stocked_store import HOURS, REGIONS, stock

from database.engine import reading
from database.maintenance.size import MOST_COUNTED, balance, store_size


def test_the_store_tells_its_size_and_its_tables(engine: sa.Engine) -> None:
    stock(engine)
    with engine.begin() as connection:
        # What a server estimates follows its statistics, which it renews in its own time.
        if engine.dialect.name == "mysql":
            connection.exec_driver_sql("ANALYZE TABLE observations, predictions")

    with reading(engine) as connection:
        size = store_size(connection)

    rows = {table.name: table.rows for table in size.tables}
    assert size.size_bytes > 16_384
    assert 0 < rows["observations"] < 3 * HOURS * len(REGIONS)


def test_the_records_of_a_store_are_counted_one_by_one(engine: sa.Engine) -> None:
    stock(engine)

    with reading(engine) as connection:
        totals = balance(connection)

    assert totals.stored == HOURS * len(REGIONS)
    assert totals.stored < MOST_COUNTED
    assert totals.sent == 0
