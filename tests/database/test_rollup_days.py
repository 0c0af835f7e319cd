"""Days are counted without a lock: whoever marks one does not wait, and no change is overlooked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from synthetic_store import DAY, FIRST, fill

from database.engine import reading, transact
from database.exploration.rollup import refresh_exploration
from database.rollup_days import mark_exploration, mark_stale, settle_marks, stale_marks
from database.schema.rollup_tables import exploration_stale, verification_stale
from database.verification.rollup import refresh

FIRST_DAY = FIRST.date()
Mark = Callable[[sa.Connection, list[date]], None]


def marks(engine: sa.Engine, stale: sa.Table) -> dict[date, int]:
    with reading(engine) as connection:
        return dict(stale_marks(connection, stale, 1_000))


def test_of_marks_that_were_counted_those_that_changed_stay_and_those_that_are_gone_count_no_more(
    engine: sa.Engine,
) -> None:
    same, changed, gone = (FIRST_DAY + n * DAY for n in range(3))
    transact(engine, lambda c: mark_exploration(c, [same, changed, gone]))
    read = marks(engine, exploration_stale)

    # Meanwhile a record marks one day, and somebody else settles another.
    transact(engine, lambda c: mark_exploration(c, [changed]))
    transact(engine, lambda c: settle_marks(c, exploration_stale, {gone: read[gone]}))
    settled = transact(engine, lambda c: settle_marks(c, exploration_stale, read))

    assert settled == {same, changed}
    left = marks(engine, exploration_stale)
    assert list(left) == [changed]
    assert left[changed] != read[changed]


@pytest.mark.parametrize(
    ("refresh_rollup", "mark", "stale"),
    [
        (refresh, mark_stale, verification_stale),
        (refresh_exploration, mark_exploration, exploration_stale),
    ],
)
def test_a_day_that_is_marked_while_it_is_counted_waits_for_nothing_and_is_counted_again(
    engine: sa.Engine, refresh_rollup: Callable[[sa.Engine], int], mark: Mark, stale: sa.Table
) -> None:
    fill(engine)
    day = FIRST_DAY + 2 * DAY
    refresh_rollup(engine)
    transact(engine, lambda c: mark(c, [day]))
    marked, left = list(marks(engine, stale)), [day]

    def mark_meanwhile(*execution: Any) -> None:
        if "FROM predictions" in execution[2] and left:
            # On MariaDB a lock on the mark would end this with an error after 5 s.
            transact(engine, lambda c: mark(c, [left.pop()]))

    sa.event.listen(engine, "after_cursor_execute", mark_meanwhile)
    counted = refresh_rollup(engine)
    sa.event.remove(engine, "after_cursor_execute", mark_meanwhile)

    assert not left
    assert list(marks(engine, stale)) == marked
    assert (counted, refresh_rollup(engine)) == (len(marked), len(marked))
    assert marks(engine, stale) == {}
