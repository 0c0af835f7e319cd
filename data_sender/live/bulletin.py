"""A bulletin: what one feed of an agency says, as the posts that the API is to get of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from data_sender.delivery.spool import Post


@dataclass(frozen=True)
class Note:
    """One item of a feed.

    `key` names it for good, whatever its place in the list; items of one `group` are told
    together as soon as one of them has changed.
    """

    key: str
    item: dict[str, Any]
    group: str = ""

    @property
    def digest(self) -> str:
        """A short stand-in for the content."""
        content = orjson.dumps(self.item, option=orjson.OPT_SORT_KEYS)
        return blake2b(content, digest_size=8).hexdigest()


@dataclass(frozen=True)
class Bulletin:
    """The notes of one feed that go to one place of the API, with what stands around them.

    `topic` names what is remembered of them; `kind` is the place, as a post names it.
    """

    topic: str
    kind: str
    notes: Sequence[Note]
    extra: dict[str, Any] = field(default_factory=dict)

    def posts(self, notes: Sequence[Note], *, most: int) -> list[Post]:
        """Make posts of some of the notes; one without any where quiet itself is told."""
        items = [note.item for note in notes]
        if not items and "covers" in self.extra:
            return [Post(self.kind, [], dict(self.extra))]
        return [
            Post(self.kind, items[first : first + most], dict(self.extra))
            for first in range(0, len(items), most)
        ]


def changed(notes: Iterable[Note], told: dict[str, str]) -> list[Note]:
    """Return the notes that were not told as they are now, and those of their groups."""
    by_group: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        by_group[note.group or note.key].append(note)
    return [
        note
        for group in by_group.values()
        if any(told.get(one.key) != one.digest for one in group)
        for note in group
    ]
