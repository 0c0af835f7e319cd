"""Detection: minutes of X-ray flux stored, and with them, in one commit, the flares seen in them.

Writers take turns, so that the flares are those of all minutes, in whatever order and from however
many senders they came. Only what new minutes can change is computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from database.engine import reading, transact
from database.flares.xray import XrayReport, store_flux
from database.nowcast.notices import Audience, tell
from database.nowcast.nowcast import FIELDS, NowcastEvent, as_computed
from database.nowcast.stored_minutes import REACH, resumed
from database.schema.nowcast_tables import nowcast_events, nowcast_version
from database.schema.tables import xray_flux
from database.upsert import upsert
from database.version_cache import renew_version
from solar.flare_detection import MINUTE, DetectedFlare, XrayMinute, r_scale
from solar.xray_files import read_minutes

_ROWS_PER_COMMIT = 20_000
_AT_ONCE = timedelta(days=14)


@dataclass(frozen=True)
class XrayImport:
    """What was read; `unmeasured` minutes are stored without a value."""

    report: XrayReport
    unmeasured: int

    def __str__(self) -> str:
        """Return the counts in one line."""
        report = self.report
        return (
            f"{report.added} minutes added, {report.revised} revised, {report.unchanged} already"
            f" known; {self.unmeasured} of them without a usable value"
        )


@dataclass(frozen=True)
class _Computed:
    """What changed minutes led to: the flares from the first on, and up to where they are known.

    `through` is None where they are all that there are. `strong` are the minutes at R1 and above.
    """

    flares: Sequence[DetectedFlare]
    strong: Sequence[XrayMinute]
    known: Sequence[NowcastEvent]
    through: datetime | None


def store_minutes(
    connection: sa.Connection, minutes: Sequence[XrayMinute], *, audience: Audience | None = None
) -> XrayReport:
    """Write minutes, and the flares that they begin, prolong or end.

    Parameters
    ----------
    audience : who is told of levels and flares; nobody if not given
    """
    # Locked until the commit: what others write at the same moment is read by one of the two.
    renew_version(connection, nowcast_version)
    report = store_flux(connection, minutes)
    if report.changed is not None:
        computed = _compute(connection, *report.changed)
        changed = _write(connection, computed)
        if audience is not None:
            tell(connection, computed.strong, changed, audience=audience)
    return report


def detect_stored(engine: sa.Engine) -> int:
    """Detect the flares of all stored minutes, some weeks at a time; return how many changed."""
    minute_at = xray_flux.c.minute_at
    with reading(engine) as connection:
        bounds = sa.select(sa.func.min(minute_at), sa.func.max(minute_at))
        start_at, last_at = connection.execute(bounds).one()
    changed = 0
    while start_at is not None and start_at <= last_at:
        end_at = min(start_at + _AT_ONCE, last_at)
        changed += transact(engine, partial(_detect_again, first_at=start_at, last_at=end_at))
        start_at = end_at + MINUTE
    return changed


def _detect_again(connection: sa.Connection, first_at: datetime, last_at: datetime) -> int:
    renew_version(connection, nowcast_version)
    return len(_write(connection, _compute(connection, first_at, last_at)))


def _compute(connection: sa.Connection, first_at: datetime, last_at: datetime) -> _Computed:
    detector, minutes = resumed(connection, first_at)
    begun_at = first_at if detector.flare is None else detector.flare.detected_at
    known = _known_from(connection, begun_at)
    found: list[DetectedFlare] = []
    strong: list[XrayMinute] = []
    through = None
    lasting = list(reversed(known))
    for minute in minutes:
        at = minute.minute_at
        if (ended := detector.feed(minute)) is not None:
            found.append(ended)
        if minute.is_good and minute.flux_w_m2 and r_scale(minute.flux_w_m2) and at >= first_at:
            strong.append(minute)
        while lasting and lasting[-1].end_known_at and lasting[-1].end_known_at <= at:
            lasting.pop()
        # No flare in progress, neither now nor as it is stored: nothing changes after it.
        was_quiet = not lasting or lasting[-1].detected_at > at
        if at >= last_at + REACH and detector.flare is None and was_quiet:
            through = at
            break
    found += [] if detector.flare is None else [detector.flare]
    return _Computed(found, strong, known, through)


def _known_from(connection: sa.Connection, at: datetime) -> list[NowcastEvent]:
    table = nowcast_events.c
    query = sa.select(*(table[name] for name in FIELDS)).where(table.detected_at >= at)
    return [NowcastEvent(*row) for row in connection.execute(query.order_by(table.detected_at))]


def _write(connection: sa.Connection, computed: _Computed) -> list[NowcastEvent]:
    """Write the events that are new or differ from those stored, and return them."""
    through = computed.through
    known = {
        event.event_id: event
        for event in computed.known
        if through is None or event.detected_at <= through
    }
    changed: list[NowcastEvent] = []
    for flare in computed.flares:
        event, stored = NowcastEvent.of(flare), known.pop(flare.event_id, None)
        if stored is None:
            changed.append(event)
        elif replace(as_computed(stored), revision=1) != event:
            changed.append(replace(event, revision=stored.revision + 1))
    if known:
        connection.execute(
            nowcast_events.delete().where(nowcast_events.c.event_id.in_(sorted(known)))
        )
    write_events(connection, changed)
    return changed


def write_events(connection: sa.Connection, events: Iterable[NowcastEvent]) -> None:
    """Write events as they are."""
    rows = [tuple(getattr(event, name) for name in FIELDS) for event in events]
    upsert(connection, nowcast_events, columns=FIELDS, rows=rows)


def import_xray(engine: sa.Engine, path: Path, *, satellite: str | None) -> XrayImport:
    """Read a file and store its minutes, a part at a time.

    Parameters
    ----------
    satellite : such as ``G16``; needed where neither a column nor the name of the file says it

    Raises
    ------
    InvalidInputError
        When the file cannot be read, lacks a column, or does not name its satellite.
    """
    minutes = list(read_minutes(path, satellite=satellite))
    added = revised = unchanged = 0
    for start in range(0, len(minutes), _ROWS_PER_COMMIT):
        piece = minutes[start : start + _ROWS_PER_COMMIT]
        report = transact(engine, partial(store_minutes, minutes=piece))
        added, revised = added + report.added, revised + report.revised
        unchanged += report.unchanged
    unmeasured = sum(minute.flux_w_m2 is None for minute in minutes)
    return XrayImport(XrayReport(added, revised, unchanged), unmeasured)
