"""What of a live feed has been sent: its items, and the state that survives a restart."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from data_sender.delivery.spool import Post
from data_sender.disk import replace_file
from solar.errors import InvalidInputError
from solar.time import isoformat, parse_time

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeedItem:
    """One item of a feed, with the `body` that the API gets of it.

    `key` identifies it for good, whatever its place in the list; items of one `group` are sent
    together as soon as one of them has changed.
    """

    key: str
    body: dict[str, Any]
    group: str = ""

    @property
    def digest(self) -> str:
        """A short digest of the body."""
        content = orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)
        return blake2b(content, digest_size=8).hexdigest()


@dataclass(frozen=True)
class FeedUpdate:
    """The items of one feed that go to one endpoint of the API, and the rest of the body.

    `topic` is the name under which `SentState` keeps them; `kind` is the endpoint, as in a post.
    """

    topic: str
    kind: str
    items: Sequence[FeedItem]
    extra: dict[str, Any] = field(default_factory=dict)

    def posts(self, items: Sequence[FeedItem], *, most: int) -> list[Post]:
        """Make posts of some of the items; one without any where a covered stretch is sent."""
        bodies = [item.body for item in items]
        if not bodies and "covers" in self.extra:
            return [Post(self.kind, [], dict(self.extra))]
        return [
            Post(self.kind, bodies[first : first + most], dict(self.extra))
            for first in range(0, len(bodies), most)
        ]


def changed_items(items: Iterable[FeedItem], sent: dict[str, str]) -> list[FeedItem]:
    """Return the items that were not sent as they are now, and those of their groups.

    Parameters
    ----------
    sent : digest by key of what was sent last
    """
    by_group: dict[str, list[FeedItem]] = defaultdict(list)
    for item in items:
        by_group[item.group or item.key].append(item)
    return [
        item
        for group in by_group.values()
        if any(sent.get(member.key) != member.digest for member in group)
        for item in group
    ]


class SentState:
    """What was sent by topic, the flares known, and how far flux and flare coverage reach.

    A lost state costs nothing but posts that the API knows already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        state = _load(path)
        self._digests: dict[str, dict[str, str]] = state.get("told", {})
        self.flares: dict[str, dict[str, Any]] = state.get("flares", {})
        self.flux_through = _time(state.get("flux_through"))
        self.covered_to = _time(state.get("covered_to"))

    def sent(self, topic: str) -> dict[str, str]:
        """Return the digest of each item of a topic as it was sent last."""
        return self._digests.get(topic, {})

    def set_sent(self, topic: str, digests: dict[str, str]) -> None:
        """Replace the digests of a topic by those of the items that the API has now."""
        self._digests[topic] = digests

    def save(self, flares: dict[str, dict[str, Any]]) -> None:
        """Write the state to disk; call it only when all of it is delivered or spooled."""
        self.flares = flares
        state = {
            "told": self._digests,
            "flares": flares,
            "flux_through": _label(self.flux_through),
            "covered_to": _label(self.covered_to),
        }
        replace_file(self._path, orjson.dumps(state, option=orjson.OPT_UTC_Z))

    def forget(self) -> None:
        """Start over without any state."""
        self._path.unlink(missing_ok=True)
        self._digests, self.flares = {}, {}
        self.flux_through = self.covered_to = None


def _load(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        state = orjson.loads(path.read_bytes())
        _time(state.get("flux_through"))
        _time(state.get("covered_to"))
    except (orjson.JSONDecodeError, AttributeError, TypeError, InvalidInputError) as error:
        logger.warning("%s cannot be read (%s): starting over", path, error)
        return {}
    return dict(state)


def _time(label: str | None) -> datetime | None:
    return None if label is None else parse_time(label)


def _label(at: datetime | None) -> str | None:
    return None if at is None else isoformat(at)
