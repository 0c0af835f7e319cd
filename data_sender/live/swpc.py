"""SWPC: its products read in turn, and what has changed in them told to the API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from data_sender.delivery.spool import Post
from data_sender.live import goes_flares, solar_regions, xrays
from data_sender.live.bulletin import Bulletin, changed
from data_sender.live.feed import Feed, FeedError
from data_sender.live.flare_ledger import MEMORY, FlareLedger
from data_sender.live.memory import Memory
from data_sender.live.pace import Pace
from solar.time import Window, isoformat

logger = logging.getLogger(__name__)

MOST_ITEMS = 2_000
# How much less often than the X-rays of every minute the daily products are asked for.
_SELDOM = 15
# What happened in the last minutes may not be listed yet, nor all that began on the first day.
_LAG = timedelta(minutes=10)
_LISTED = timedelta(days=6)
# The flux of late minutes is corrected at times; what is older is settled.
_UNSETTLED = timedelta(minutes=30)


@dataclass
class _Product:
    """One product with its own pace; `due` is a time of the monotonic clock."""

    name: str
    read: Callable[[], list[Bulletin]]
    pace: Pace
    due: float = 0.0


class Swpc:
    """A reader of five products; an outage of one does not hold up the others.

    Parameters
    ----------
    deliver : hands a post over; False when the sender is to stop
    every_seconds : between two looks at the X-rays and the flares
    """

    def __init__(
        self, feed: Feed, memory: Memory, deliver: Callable[[Post], bool], *,
        clock: Callable[[], datetime], every_seconds: float = 60.0,
    ) -> None:  # fmt: skip
        self._feed = feed
        self._memory = memory
        self._deliver = deliver
        self._clock = clock
        self._ledger = FlareLedger(memory.flares)
        self._minutes: list[xrays.Minute] = []
        self._seldom_seconds = _SELDOM * every_seconds
        self._long_list_due = 0.0
        often, seldom = every_seconds, self._seldom_seconds
        # Flares before events: the list names a flare at its onset, days before it is edited.
        self._products = [
            _Product("X-rays", self._xrays, Pace(often)),
            _Product("flares", self._flares, Pace(often)),
            _Product("events", self._events, Pace(seldom)),
            _Product("regions", self._regions, Pace(seldom)),
            _Product("probabilities", self._probabilities, Pace(seldom)),
        ]

    def read(self) -> list[str]:
        """Read what is due and tell what is new; return the names of what failed."""
        failed = []
        for product in self._products:
            if product.due > time.monotonic():
                continue
            try:
                bulletins = product.read()
            except FeedError as error:
                wait = product.pace.after_failure()
                logger.error("%s: %s; asked again in %.1f s", product.name, error, wait)
                failed.append(product.name)
            else:
                wait = product.pace.after_answer()
                if not all(self._tell(bulletin) for bulletin in bulletins):
                    # What is not handed over is not remembered: it is told after a restart.
                    return failed
            product.due = time.monotonic() + wait
        self._memory.keep(self._ledger.state())
        return failed

    def seconds_until_due(self) -> float:
        """Return how long nothing is to be read [s]."""
        return max(0.0, min(product.due for product in self._products) - time.monotonic())

    def _tell(self, bulletin: Bulletin) -> bool:
        news = changed(bulletin.notes, self._memory.told(bulletin.topic))
        for post in bulletin.posts(news, most=MOST_ITEMS):
            if not self._deliver(post):
                return False
        digests = {note.key: note.digest for note in bulletin.notes}
        self._memory.remember(bulletin.topic, digests)
        return True

    def _xrays(self) -> list[Bulletin]:
        through = self._memory.flux_through
        self._minutes = xrays.read_minutes(self._feed.ask(f"/goes/primary/{self._list(through)}"))
        measured = [minute.at for minute in self._minutes if minute.flux is not None]
        late = [m for m in self._minutes if through is None or m.at > through - _UNSETTLED]
        if measured:
            self._memory.flux_through = max([*measured, *([through] if through else [])])
        return xrays.bulletins(late)

    def _list(self, through: datetime | None) -> str:
        """Choose the list that reaches back far enough; a long one not every minute."""
        name = xrays.file_for(None if through is None else self._clock() - through)
        if name == xrays.FILES[0][1]:
            return name
        if time.monotonic() < self._long_list_due:
            return xrays.FILES[0][1]
        self._long_list_due = time.monotonic() + self._seldom_seconds
        return name

    def _events(self) -> list[Bulletin]:
        edited = goes_flares.read_events(self._feed.ask("/edited_events.json"))
        self._ledger.take(edited, which="edited")
        return [self._known_flares()]

    def _flares(self) -> list[Bulletin]:
        now = self._clock()
        content = self._feed.ask("/goes/primary/xray-flares-7-day.json")
        listed, complete_to = goes_flares.read_flares(content, now=now)
        self._ledger.take(listed, which="listed")
        self._ledger.forget_before(now - MEMORY)
        listed_since = now - _LISTED
        return [
            self._known_flares(),
            *self._coverage(Window(listed_since, min(complete_to, now - _LAG))),
        ]

    def _known_flares(self) -> Bulletin:
        source = {"source": solar_regions.SOURCE}
        return Bulletin("flares", "flares", self._ledger.notes(), source)

    def _coverage(self, listed: Window) -> list[Bulletin]:
        """Say where no flare is missing: an empty list alone may be an outage.

        Only minutes with a measured flux are covered; an hour without any stays unknown.
        """
        known_to = max(listed.start_at, self._memory.covered_to or listed.start_at)
        found = []
        for stretch in xrays.measured_stretches(self._minutes):
            start_at = max(stretch.start_at, known_to)
            end_at = min(stretch.end_at, listed.end_at)
            if start_at < end_at:
                found.append(Window(start_at, end_at))
        if found:
            self._memory.covered_to = found[-1].end_at
        return [_covering(window) for window in found]

    def _regions(self) -> list[Bulletin]:
        return solar_regions.read_regions(self._feed.ask("/solar_regions.json"))

    def _probabilities(self) -> list[Bulletin]:
        return solar_regions.read_probabilities(self._feed.ask("/solar_probabilities.json"))


def _covering(window: Window) -> Bulletin:
    covers = {"from": isoformat(window.start_at), "to": isoformat(window.end_at)}
    return Bulletin("coverage", "flares", [], {"source": solar_regions.SOURCE, "covers": covers})
