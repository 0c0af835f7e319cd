"""The flare-list import: a Parquet or CSV list of GOES flares, mended, merged and stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from database.flares.files import read_rows
from database.flares.flare import FlareRecord, FlareReport, store_flares
from database.flares.repairs import MERGERS, Mended, mend, merge
from solar.errors import InvalidInputError
from solar.flares import FluxScale
from solar.time import Window, isoformat

_REPAIRS_LENGTH = 255


@dataclass(frozen=True)
class ImportReport:
    """What an import read, mended and stored; `repairs` counts each kind of mending."""

    rows: int
    stored: FlareReport
    repairs: dict[str, int]
    covers: Window

    def __str__(self) -> str:
        stored = self.stored
        lines = [
            f"{self.rows} rows read: {stored.added} flares added, {stored.revised} revised,"
            f" {stored.unchanged} unchanged",
            *(f"  {count:6d}  {what}" for what, count in sorted(self.repairs.items())),
            f"complete from {isoformat(self.covers.start_at)} to {isoformat(self.covers.end_at)}",
        ]
        return "\n".join(lines)


def import_flares(
    connection: sa.Connection, path: Path, *, flux_scale: FluxScale | None = None, now: datetime
) -> ImportReport:
    """Store a list of flares; a second import of the same file changes nothing.

    The list counts as complete from its first start to its last end.

    Parameters
    ----------
    flux_scale : the scale of every class; None takes it from the satellite of each row

    Raises
    ------
    InvalidInputError
        Naming the line, when a row cannot be read; nothing is stored then.
    """
    rows = read_rows(path)
    mended = [mend(row, flux_scale=flux_scale) for row in rows]
    if not mended:
        raise InvalidInputError(f"{path} holds no flares; give a list with at least one row")
    merged = merge(mended)
    records = [_record(one) for one in merged]
    covers = _covered(records)
    stored = store_flares(connection, records, source=path.name[:64], covers=covers, now=now)
    return ImportReport(len(rows), stored, _counts(mended, merged), covers)


def _record(mended: Mended) -> FlareRecord:
    return replace(mended.record, repairs="; ".join(mended.repairs)[:_REPAIRS_LENGTH] or None)


def _covered(records: Sequence[FlareRecord]) -> Window:
    return Window(
        min(record.start_at for record in records),
        max(record.end_at or record.peak_at for record in records),
    )


def _counts(mended: Sequence[Mended], merged: Sequence[Mended]) -> dict[str, int]:
    counts = Counter(repair for one in mended for repair in one.repairs)
    counts.update(repair for one in merged for repair in one.repairs if repair in MERGERS)
    counts.update("no region (number 0 or empty)" for one in merged if not one.record.noaa_ar)
    return dict(counts)
