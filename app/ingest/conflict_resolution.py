"""Conflict resolution: which version of each record of a batch becomes the current one.

The rows of one record are taken one after the other, as if each had come alone: the first row
of every record at once, then the second rows, and so on. `solar.precedence` decides which of two
versions is current.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.ingest.batch import Batch
from database.delivery.row_outcomes import ACCEPTED, DUPLICATE, REVISED
from database.observations.records import KEYWORD_COLUMNS, Key
from database.observations.versions import (
    RecordKeys,
    StoredVersions,
    keep_replaced_versions,
    keep_superseded_arrivals,
    stored_versions,
    superseded_contents,
    update_made_at,
)
from database.regions.regions import correct_positions
from solar.columns import Coded, Integers, Times
from solar.precedence import ARRIVAL, REASONS, RecordVersions, decide
from solar.sharp import is_near_real_time

# The row of the current version where that is not a row of the batch.
STORED, NONE = -1, -2


@dataclass(frozen=True)
class ConflictResolution:
    """What a batch of n rows changes in the store, where k of its records are written.

    Reasons are places in `solar.precedence.REASONS`.

    Parameters
    ----------
    rows : (k,) rows whose version becomes current, in the order of region and time
    revisions, hashes, made_at : (k,) of these rows; the DATE is the newest of their content
    revised_keys : the records among them that have another version in the store
    outcomes : (n,) what became of each row, as in `database.delivery.row_outcomes`
    superseded, superseded_reasons : records whose stored version is superseded, and why
    losing_rows : rows of the batch whose version is not current
    superseded_arrivals, arrival_reasons : those of them that were not superseded before, and why
    redated, redated_at : records whose stored content came again under a newer DATE
    """

    rows: Integers
    revisions: Integers
    hashes: Integers
    made_at: Times
    revised_keys: list[Key]
    outcomes: Integers
    superseded: RecordKeys
    superseded_reasons: NDArray[np.int8]
    losing_rows: list[int]
    superseded_arrivals: Integers
    arrival_reasons: list[int]
    redated: RecordKeys
    redated_at: Times

    def conflicts(self) -> dict[str, int]:
        """Count the versions that are superseded for the first time, by reason."""
        reasons = [*self.superseded_reasons.tolist(), *self.arrival_reasons]
        return dict(Counter(REASONS[reason] for reason in reasons))


def resolve_conflicts(
    connection: sa.Connection, batch: Batch, keys: RecordKeys, key_of_row: Integers
) -> ConflictResolution:
    """Compare a batch with the store; its regions must be locked already.

    `keys` and `key_of_row` are what `record_keys` returns.
    """
    stored = stored_versions(connection, keys)
    contents = np.array(batch.content_hashes(), np.int64)
    resolver = _resolver(batch, stored, contents)
    differs = (stored.revision > 0)[key_of_row] & (stored.content[key_of_row] != contents)
    if differs.any():
        disputed = np.unique(key_of_row[differs])
        for place, content in superseded_contents(connection, keys.take(disputed)):
            resolver.superseded_before.add((int(disputed[place]), content))
    turn = _turns(key_of_row)
    for number in range(int(turn.max(initial=-1)) + 1):
        rows = np.flatnonzero(turn == number)
        resolver.add(rows, key_of_row[rows])
    return resolver.result(keys, stored)


def record_keys(batch: Batch, region_ids: Integers) -> tuple[RecordKeys, Integers]:
    """Return the distinct records of a batch, and the record of each row."""
    order = np.lexsort((batch.t_rec, region_ids))
    ids, times = region_ids[order], batch.t_rec[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (ids[1:] != ids[:-1]) | (times[1:] != times[:-1])
    key_of_row = np.empty(len(order), np.int64)
    key_of_row[order] = np.cumsum(is_first) - 1
    return RecordKeys(ids[is_first], times[is_first]), key_of_row


def _turns(key_of_row: Integers) -> Integers:
    """Count for each row how many rows of the same record come before it."""
    order = np.argsort(key_of_row, kind="stable")
    in_order = key_of_row[order]
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.searchsorted(in_order, in_order)
    return turn


def _resolver(batch: Batch, stored: StoredVersions, contents: Integers) -> _Resolver:
    stored_series = Coded.of(stored.series.tolist())
    return _Resolver(
        incoming=RecordVersions(
            ~batch.series.map(is_near_real_time, bool), batch.made_at, contents
        ),
        current=RecordVersions(
            ~stored_series.map(is_near_real_time, bool),
            stored.made_at.copy(),
            stored.content.copy(),
        ),
        current_row=np.where(stored.revision > 0, STORED, NONE),
        outcomes=np.full(len(batch), DUPLICATE, np.int64),
    )


@dataclass(frozen=True)
class _Resolver:
    """The versions of a batch and the current ones, record by record, as rows are added.

    `current_row` is the row of each current version, `STORED` or `NONE`. `superseded_before` are
    the versions that have lost already, as record and content: one that comes again is not newer.
    """

    incoming: RecordVersions
    current: RecordVersions
    current_row: Integers
    outcomes: Integers
    superseded_before: set[tuple[int, int]] = field(default_factory=set)
    superseded: dict[int, int] = field(default_factory=dict)
    losing_rows: list[int] = field(default_factory=list)
    superseded_arrivals: dict[int, int] = field(default_factory=dict)

    def add(self, rows: Integers, keys: Integers) -> None:
        """Compare rows of distinct records with the current versions of these."""
        is_first = self.current_row[keys] == NONE
        self.outcomes[rows[is_first]] = ACCEPTED
        self._make_current(rows[is_first], keys[is_first])
        is_same = ~is_first & (self.incoming.content[rows] == self.current.content[keys])
        dates = self.current.made_at
        dates[keys[is_same]] = np.fmax(dates[keys[is_same]], self.incoming.made_at[rows[is_same]])
        is_disputed = ~is_first & ~is_same
        if is_disputed.any():
            self._decide(rows[is_disputed], keys[is_disputed])

    def _decide(self, rows: Integers, keys: Integers) -> None:
        wins, reasons = decide(self.current.take(keys), self.incoming.take(rows))
        for place in np.flatnonzero(wins & (reasons == ARRIVAL)).tolist():
            version = (int(keys[place]), int(self.incoming.content[rows[place]]))
            wins[place] = version not in self.superseded_before
        for row, key, reason, won in zip(
            rows.tolist(), keys.tolist(), reasons.tolist(), wins.tolist(), strict=True
        ):
            self._supersede(row, key, reason, won=won)
        self.outcomes[rows[wins]] = REVISED
        self._make_current(rows[wins], keys[wins])

    def _supersede(self, row: int, key: int, reason: int, *, won: bool) -> None:
        loser = int(self.current_row[key]) if won else row
        content = self.current.content[key] if won else self.incoming.content[row]
        if loser == STORED:
            self.superseded[key] = reason
        else:
            self.losing_rows.append(loser)
            if (key, int(content)) not in self.superseded_before:
                self.superseded_arrivals[loser] = reason
        self.superseded_before.add((key, int(content)))

    def _make_current(self, rows: Integers, keys: Integers) -> None:
        self.current_row[keys] = rows
        self.current.is_definitive[keys] = self.incoming.is_definitive[rows]
        self.current.made_at[keys] = self.incoming.made_at[rows]
        self.current.content[keys] = self.incoming.content[rows]

    def result(self, keys: RecordKeys, stored: StoredVersions) -> ConflictResolution:
        """Return what is to be written."""
        # A stored version may have been superseded within the batch, and be current again.
        is_kept = (stored.revision > 0) & (self.current.content == stored.content)
        is_redated = is_kept & ~np.isnat(self.current.made_at)
        redated = np.flatnonzero(is_redated & (self.current.made_at != stored.made_at))
        written = np.flatnonzero(~is_kept)
        superseded = np.array(
            [key for key in sorted(self.superseded) if not is_kept[key]], np.int64
        )
        reasons = [self.superseded[key] for key in superseded.tolist()]
        return ConflictResolution(
            rows=self.current_row[written],
            revisions=stored.revision[written] + 1,
            hashes=self.current.content[written],
            made_at=self.current.made_at[written],
            revised_keys=keys.take(written[stored.revision[written] > 0]).pairs(),
            outcomes=self.outcomes,
            superseded=keys.take(superseded),
            superseded_reasons=np.array(reasons, np.int8),
            losing_rows=self.losing_rows,
            superseded_arrivals=np.array(list(self.superseded_arrivals), np.int64),
            arrival_reasons=list(self.superseded_arrivals.values()),
            redated=keys.take(redated),
            redated_at=self.current.made_at[redated],
        )


def store_superseded(
    connection: sa.Connection,
    batch: Batch,
    region_ids: Integers,
    resolution: ConflictResolution,
    *,
    senders: Coded[str],
    now: datetime,
) -> None:
    """Store the superseded versions of the batch and of the store, before the batch is written."""
    update_made_at(connection, resolution.redated, resolution.redated_at)
    if len(resolution.superseded):
        keep_replaced_versions(
            connection, resolution.superseded, resolution.superseded_reasons, now=now
        )
    if len(resolution.superseded_arrivals):
        superseded_arrivals = _arrivals(batch, region_ids, resolution)
        sender_ids = senders.take(resolution.superseded_arrivals).rows()
        columns = {"sender_id": sender_ids, "received_at": now, "lost_at": now}
        keep_superseded_arrivals(connection, superseded_arrivals | columns)


def _arrivals(
    batch: Batch, region_ids: Integers, resolution: ConflictResolution
) -> dict[str, object]:
    """Return the columns of the superseded arrivals under their names in the store."""
    rows = batch.take(resolution.superseded_arrivals)
    return {
        "region_id": region_ids[resolution.superseded_arrivals],
        "t_rec": rows.t_rec,
        "content_hash": np.array(rows.content_hashes(), np.int64),
        "series": rows.series.rows(),
        "made_at": rows.made_at,
        "quality": rows.quality,
        "lon_fwt": rows.lon_fwt,
        "lat_fwt": rows.lat_fwt,
        **dict(zip(KEYWORD_COLUMNS, rows.keywords.T, strict=True)),
        "revision": None,
        "reason": [REASONS[reason] for reason in resolution.arrival_reasons],
    }


def correct_region_positions(
    connection: sa.Connection, region_ids: Integers, resolution: ConflictResolution
) -> None:
    """Move the regions of losing rows to where their current records say."""
    if resolution.losing_rows:
        correct_positions(connection, np.unique(region_ids[resolution.losing_rows]).tolist())
