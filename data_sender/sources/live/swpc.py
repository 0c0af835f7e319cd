"""SWPC: its products polled in turn, and what changed in them sent to the API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from data_sender.delivery.spool import Post
from data_sender.sources.live import swpc_products
from data_sender.sources.live.feed import Feed, FeedError, Pace
from data_sender.sources.live.sent_state import FeedItem, FeedUpdate, SentState, changed_items
from data_sender.sources.live.swpc_products import GoesFlare
from solar.time import Window, isoformat, parse_time

logger = logging.getLogger(__name__)

MOST_ITEMS = 2_000
# How much less often than the X-rays of every minute the daily products are polled.
_SELDOM = 15
# What happened in the last minutes may not be listed yet, nor all that began on the first day.
_LAG = timedelta(minutes=10)
_LISTED = timedelta(days=6)
# The flux of late minutes is corrected at times; what is older is settled.
_UNSETTLED = timedelta(minutes=30)

# The two lists give the same flare with times that differ by a minute or two.
SAME_MOMENT = timedelta(minutes=3)
# Edited events reach back a month.
FLARES_KEPT_FOR = timedelta(days=40)

FlareList = Literal["listed", "edited"]


@dataclass(frozen=True)
class _Entry:
    listed: GoesFlare | None = None
    edited: GoesFlare | None = None

    def flare(self, start_at: datetime) -> GoesFlare:
        """Return the flare under the start that it first had; the edited values win."""
        listed, edited = self.listed, self.edited
        if edited is None or listed is None:
            only = edited or listed
            if only is None:
                raise AssertionError("an entry has at least one flare")
            return replace(only, start_at=start_at)
        end_at = edited.end_at or listed.end_at
        return replace(edited, start_at=start_at, end_at=end_at, satellite=listed.satellite)


class FlareLedger:
    """The flares of the last weeks as listed and as edited since, by their first start.

    The API knows a flare by that start.

    A start that was corrected, or that the two lists give differently, must not make a second
    flare of one: the first start stays.
    """

    def __init__(self, state: dict[str, dict[str, Any]] | None = None) -> None:
        self._entries = {
            parse_time(start): _Entry(**{name: _restored(body) for name, body in entry.items()})
            for start, entry in (state or {}).items()
        }

    def update(self, flares: Iterable[GoesFlare], *, which: FlareList) -> None:
        """Add or replace flares of one of the lists."""
        for flare in flares:
            start_at = self._start_of(flare)
            entry = self._entries.get(start_at, _Entry())
            change = {which: flare}
            self._entries[start_at] = replace(entry, **change)

    def items(self) -> list[FeedItem]:
        """Return an item for each flare, in order of the starts."""
        flares = [entry.flare(start_at) for start_at, entry in sorted(self._entries.items())]
        return [FeedItem(isoformat(flare.start_at), flare.body()) for flare in flares]

    def forget_before(self, at: datetime) -> None:
        """Forget flares that no list shows any more."""
        self._entries = {s: entry for s, entry in self._entries.items() if s >= at}

    def state(self) -> dict[str, dict[str, Any]]:
        """Return what a `FlareLedger` is restored from."""
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


def _restored(body: dict[str, Any]) -> GoesFlare:
    times = {
        name: None if body[name] is None else parse_time(body[name])
        for name in ("start_at", "peak_at", "end_at")
    }
    return GoesFlare(**{**body, **times})


@dataclass
class _Product:
    """One product with its own pace; `due` is a time of the monotonic clock."""

    name: str
    read: Callable[[], list[FeedUpdate]]
    pace: Pace
    due: float = 0.0


class Swpc:
    """A reader of five products; an outage of one does not hold up the others.

    Parameters
    ----------
    deliver : hands a post over; False when the sender is to stop
    every_seconds : between two requests for the X-rays and the flares
    """

    def __init__(
        self,
        feed: Feed,
        state: SentState,
        deliver: Callable[[Post], bool],
        *,
        clock: Callable[[], datetime],
        every_seconds: float = 60.0,
    ) -> None:
        self._feed = feed
        self._state = state
        self._deliver = deliver
        self._clock = clock
        self._ledger = FlareLedger(state.flares)
        self._minutes: list[swpc_products.XrayMinute] = []
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
        """Read what is due and send what is new; return the names of what failed."""
        failed = []
        for product in self._products:
            if product.due > time.monotonic():
                continue
            try:
                updates = product.read()
            except FeedError as error:
                wait = product.pace.after_failure()
                logger.error("%s: %s; next attempt in %.1f s", product.name, error, wait)
                failed.append(product.name)
            else:
                wait = product.pace.after_answer()
                if not all(self._send(update) for update in updates):
                    # What is not handed over is not saved as sent: it is sent after a restart.
                    return failed
            product.due = time.monotonic() + wait
        self._state.save(self._ledger.state())
        return failed

    def seconds_until_due(self) -> float:
        """Return the time until a product is due [s]."""
        return max(0.0, min(product.due for product in self._products) - time.monotonic())

    def _send(self, update: FeedUpdate) -> bool:
        changed = changed_items(update.items, self._state.sent(update.topic))
        for post in update.posts(changed, most=MOST_ITEMS):
            if not self._deliver(post):
                return False
        self._state.set_sent(update.topic, {item.key: item.digest for item in update.items})
        return True

    def _xrays(self) -> list[FeedUpdate]:
        through = self._state.flux_through
        self._minutes = swpc_products.read_minutes(
            self._feed.get(f"/goes/primary/{self._xray_file(through)}")
        )
        measured = [minute.at for minute in self._minutes if minute.flux is not None]
        late = [m for m in self._minutes if through is None or m.at > through - _UNSETTLED]
        if measured:
            self._state.flux_through = max([*measured, *([through] if through else [])])
        return swpc_products.xray_updates(late)

    def _xray_file(self, through: datetime | None) -> str:
        """Choose the list that reaches back far enough; a long one not every minute."""
        name = swpc_products.xray_file_for(None if through is None else self._clock() - through)
        if name == swpc_products.XRAY_FILES[0][1]:
            return name
        if time.monotonic() < self._long_list_due:
            return swpc_products.XRAY_FILES[0][1]
        self._long_list_due = time.monotonic() + self._seldom_seconds
        return name

    def _events(self) -> list[FeedUpdate]:
        edited = swpc_products.read_events(self._feed.get("/edited_events.json"))
        self._ledger.update(edited, which="edited")
        return [self._known_flares()]

    def _flares(self) -> list[FeedUpdate]:
        now = self._clock()
        content = self._feed.get("/goes/primary/xray-flares-7-day.json")
        listed, complete_to = swpc_products.read_flares(content, now=now)
        self._ledger.update(listed, which="listed")
        self._ledger.forget_before(now - FLARES_KEPT_FOR)
        listed_since = now - _LISTED
        return [
            self._known_flares(),
            *self._coverage(Window(listed_since, min(complete_to, now - _LAG))),
        ]

    def _known_flares(self) -> FeedUpdate:
        source = {"source": swpc_products.SOURCE}
        return FeedUpdate("flares", "flares", self._ledger.items(), source)

    def _coverage(self, listed: Window) -> list[FeedUpdate]:
        """Return where no flare is missing: an empty list alone may be an outage.

        Only minutes with a measured flux are covered; an hour without any stays unknown.
        """
        known_to = max(listed.start_at, self._state.covered_to or listed.start_at)
        covered = []
        for stretch in swpc_products.measured_stretches(self._minutes):
            start_at = max(stretch.start_at, known_to)
            end_at = min(stretch.end_at, listed.end_at)
            if start_at < end_at:
                covered.append(Window(start_at, end_at))
        if covered:
            self._state.covered_to = covered[-1].end_at
        return [_covering(window) for window in covered]

    def _regions(self) -> list[FeedUpdate]:
        return swpc_products.read_regions(self._feed.get("/solar_regions.json"))

    def _probabilities(self) -> list[FeedUpdate]:
        return swpc_products.read_probabilities(self._feed.get("/solar_probabilities.json"))


def _covering(window: Window) -> FeedUpdate:
    covers = {"from": isoformat(window.start_at), "to": isoformat(window.end_at)}
    return FeedUpdate("coverage", "flares", [], {"source": swpc_products.SOURCE, "covers": covers})
