"""Standing: which rows of a batch hold against each other and against the store.

The rows of one record are taken one after the other, as if each had come alone: the first row
of every record at once, then the second ones, and so on. `solar.precedence` says who wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.ingest.batch import Batch, Times
from app.ingest.coded import Integers
from database.delivery.row_outcomes import ACCEPTED, DUPLICATE, REVISED
from database.observations.records import Key
from database.observations.versions import (
    RecordKeys,
    StoredVersions,
    stored_versions,
    superseded_contents,
)
from solar.precedence import ARRIVAL, REASONS, RecordVersions, decide
from solar.sharp import is_near_real_time

# Where the account that holds is not a row of the batch.
STORED, NOTHING = -1, -2


@dataclass(frozen=True)
class Standing:
    """A batch of n rows held against the store, where k of its records are written.

    Parameters
    ----------
    rows : (k,) rows that hold, in the order of region and time
    revisions, hashes, made_at : (k,) of these rows; the DATE is the newest of their content
    revised_keys : the records among them that the store held otherwise
    fates : (n,) what became of each row, as in `database.delivery.row_outcomes`
    replaced, replaced_grounds : records whose stored account lost, and why
    beaten : rows of the batch whose account lost
    outranked, outranked_grounds : those of them whose account had not lost before, and why
    redated, redated_at : records whose stored content came again under a newer DATE
    """

    rows: list[int]
    revisions: Integers
    hashes: Integers
    made_at: Times
    revised_keys: list[Key]
    fates: Integers
    replaced: RecordKeys
    replaced_grounds: NDArray[np.int8]
    beaten: list[int]
    outranked: list[int]
    outranked_grounds: list[int]
    redated: RecordKeys
    redated_at: Times

    def conflicts(self) -> dict[str, int]:
        """Count the accounts that have lost for the first time, by reason."""
        grounds = [*self.replaced_grounds.tolist(), *self.outranked_grounds]
        return dict(Counter(REASONS[ground] for ground in grounds))


def standing_of(connection: sa.Connection, batch: Batch, region_ids: Sequence[int]) -> Standing:
    """Hold a batch against the store; its regions must be locked already."""
    keys, key_of_row = _keys(batch, np.array(region_ids, np.int64))
    stored = stored_versions(connection, keys)
    contents = np.array(batch.content_hashes(), np.int64)
    contest = _contest(batch, stored, contents)
    differs = (stored.revision > 0)[key_of_row] & (stored.content[key_of_row] != contents)
    disputed = np.unique(key_of_row[differs])
    for place, content in superseded_contents(connection, keys.take(disputed)):
        contest.lost.add((int(disputed[place]), content))
    turn = _turns(key_of_row)
    for number in range(int(turn.max(initial=-1)) + 1):
        rows = np.flatnonzero(turn == number)
        contest.meet(rows, key_of_row[rows])
    return contest.outcome(keys, stored)


def _keys(batch: Batch, region_ids: Integers) -> tuple[RecordKeys, Integers]:
    """Return the different records of a batch, and which of them each row is of."""
    regions, region = np.unique(region_ids, return_inverse=True)
    times, time = np.unique(batch.times, return_inverse=True)
    codes, key_of_row = np.unique(region * max(len(times), 1) + time, return_inverse=True)
    place = np.divmod(codes, max(len(times), 1))
    return RecordKeys(regions[place[0]], times[place[1]]), np.asarray(key_of_row, np.int64)


def _turns(key_of_row: Integers) -> Integers:
    """Count for each row how many rows of the same record come before it."""
    order = np.argsort(key_of_row, kind="stable")
    in_order = key_of_row[order]
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.searchsorted(in_order, in_order)
    return turn


def _contest(batch: Batch, stored: StoredVersions, contents: Integers) -> _Contest:
    definitive = np.array([not is_near_real_time(name) for name in batch.series_names.values], bool)
    names, code = np.unique(stored.series, return_inverse=True)
    held_definitive = np.array([not is_near_real_time(name) for name in names.tolist()], bool)
    return _Contest(
        coming=RecordVersions(definitive[batch.series_names.codes], batch.made_at, contents),
        holding=RecordVersions(held_definitive[code], stored.made_at.copy(), stored.content.copy()),
        holder=np.where(stored.revision > 0, STORED, NOTHING),
        fates=np.full(len(batch), DUPLICATE, np.int64),
    )


@dataclass(frozen=True)
class _Contest:
    """The accounts of a batch against those that hold, record by record, as it goes on.

    `holder` is the row that holds each record, `STORED` or `NOTHING`; `lost` are the accounts
    that have lost, as record and content: to come again is not to come later.
    """

    coming: RecordVersions
    holding: RecordVersions
    holder: Integers
    fates: Integers
    lost: set[tuple[int, int]] = field(default_factory=set)
    replaced: dict[int, int] = field(default_factory=dict)
    beaten: list[int] = field(default_factory=list)
    outranked: dict[int, int] = field(default_factory=dict)

    def meet(self, rows: Integers, keys: Integers) -> None:
        """Let rows of different records meet what holds there."""
        is_first = self.holder[keys] == NOTHING
        self.fates[rows[is_first]] = ACCEPTED
        self._seat(rows[is_first], keys[is_first])
        is_same = ~is_first & (self.coming.content[rows] == self.holding.content[keys])
        dates = self.holding.made_at
        dates[keys[is_same]] = np.fmax(dates[keys[is_same]], self.coming.made_at[rows[is_same]])
        disputes = ~is_first & ~is_same
        if disputes.any():
            self._dispute(rows[disputes], keys[disputes])

    def _dispute(self, rows: Integers, keys: Integers) -> None:
        wins, grounds = decide(self.holding.take(keys), self.coming.take(rows))
        for place in np.flatnonzero(wins & (grounds == ARRIVAL)).tolist():
            wins[place] = (int(keys[place]), int(self.coming.content[rows[place]])) not in self.lost
        for row, key, ground, won in zip(
            rows.tolist(), keys.tolist(), grounds.tolist(), wins.tolist(), strict=True
        ):
            self._lose(row, key, ground, won=won)
        self.fates[rows[wins]] = REVISED
        self._seat(rows[wins], keys[wins])

    def _lose(self, row: int, key: int, ground: int, *, won: bool) -> None:
        loser = int(self.holder[key]) if won else row
        content = self.holding.content[key] if won else self.coming.content[row]
        if loser == STORED:
            self.replaced[key] = ground
        else:
            self.beaten.append(loser)
            if (key, int(content)) not in self.lost:
                self.outranked[loser] = ground
        self.lost.add((key, int(content)))

    def _seat(self, rows: Integers, keys: Integers) -> None:
        self.holder[keys] = rows
        self.holding.is_definitive[keys] = self.coming.is_definitive[rows]
        self.holding.made_at[keys] = self.coming.made_at[rows]
        self.holding.content[keys] = self.coming.content[rows]

    def outcome(self, keys: RecordKeys, stored: StoredVersions) -> Standing:
        """Tell what is to be written."""
        # What is stored may have been replaced within the batch, and have come back.
        is_kept = (stored.revision > 0) & (self.holding.content == stored.content)
        is_redated = is_kept & ~np.isnat(self.holding.made_at)
        redated = np.flatnonzero(is_redated & (self.holding.made_at != stored.made_at))
        written = np.flatnonzero(~is_kept)
        replaced = np.array([key for key in sorted(self.replaced) if not is_kept[key]], np.int64)
        return Standing(
            rows=self.holder[written].tolist(),
            revisions=stored.revision[written] + 1,
            hashes=self.holding.content[written],
            made_at=self.holding.made_at[written],
            revised_keys=keys.take(written[stored.revision[written] > 0]).pairs(),
            fates=self.fates,
            replaced=keys.take(replaced),
            replaced_grounds=np.array([self.replaced[key] for key in replaced.tolist()], np.int8),
            beaten=self.beaten,
            outranked=list(self.outranked),
            outranked_grounds=list(self.outranked.values()),
            redated=keys.take(redated),
            redated_at=self.holding.made_at[redated],
        )
