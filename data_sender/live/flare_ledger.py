"""The flare ledger: every flare of the last weeks as it was listed and as it was edited since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from data_sender.live.bulletin import Note
from data_sender.live.goes_flares import GoesFlare
from solar.time import isoformat, parse_time

# The two lists give the same flare with times that differ by a minute or two.
SAME_MOMENT = timedelta(minutes=3)
# Edited events reach back a month.
MEMORY = timedelta(days=40)

List = Literal["listed", "edited"]


@dataclass(frozen=True)
class _Entry:
    listed: GoesFlare | None = None
    edited: GoesFlare | None = None

    def flare(self, start_at: datetime) -> GoesFlare:
        """Return the flare under the start that it first had; what was edited holds."""
        listed, edited = self.listed, self.edited
        if edited is None or listed is None:
            only = edited or listed
            if only is None:
                raise AssertionError("an entry stands for a flare")
            return replace(only, start_at=start_at)
        return replace(edited, start_at=start_at, end_at=edited.end_at or listed.end_at,
                       satellite=listed.satellite)  # fmt: skip


class FlareLedger:
    """Flares by the start under which the API knows them.

    A start that was corrected, or that the two lists give differently, must not make a second
    flare of one: the first start stays.
    """

    def __init__(self, kept: dict[str, dict[str, Any]] | None = None) -> None:
        self._entries = {
            parse_time(start): _Entry(**{name: _flare(body) for name, body in entry.items()})
            for start, entry in (kept or {}).items()
        }

    def take(self, flares: Iterable[GoesFlare], *, which: List) -> None:
        """Enter flares of one of the lists."""
        for flare in flares:
            start_at = self._start_of(flare)
            entry = self._entries.get(start_at, _Entry())
            given = {which: flare}
            self._entries[start_at] = replace(entry, **given)

    def notes(self) -> list[Note]:
        """Return a note for each flare, in order of the starts."""
        flares = [entry.flare(start_at) for start_at, entry in sorted(self._entries.items())]
        return [Note(isoformat(flare.start_at), flare.body()) for flare in flares]

    def forget_before(self, at: datetime) -> None:
        """Forget flares that no list shows any more."""
        self._entries = {s: entry for s, entry in self._entries.items() if s >= at}

    def state(self) -> dict[str, dict[str, Any]]:
        """Return what `FlareLedger` is made from again."""
        return {
            isoformat(start_at): {
                which: {**asdict(flare)}
                for which, flare in (("listed", entry.listed), ("edited", entry.edited))
                if flare is not None
            }
            for start_at, entry in self._entries.items()
        }

    def _start_of(self, flare: GoesFlare) -> datetime:
        near = [
            start_at
            for start_at, entry in self._entries.items()
            if abs(start_at - flare.start_at) <= SAME_MOMENT
            and abs(entry.flare(start_at).peak_at - flare.peak_at) <= SAME_MOMENT
        ]
        if flare.start_at in self._entries:
            return flare.start_at
        return min(near, key=lambda at: abs(at - flare.start_at), default=flare.start_at)


def _flare(body: dict[str, Any]) -> GoesFlare:
    times = {
        name: None if body[name] is None else parse_time(body[name])
        for name in ("start_at", "peak_at", "end_at")
    }
    return GoesFlare(**{**body, **times})
