"""Flare news: each flare is told once it has ended, and up to when none is missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from typing import Any

import numpy as np

from data_sender.delivery.spool import Post
from data_sender.source import FlareReport, Source
from solar.time import isoformat, to_datetime

# How often the API hears that the flare list is complete so far, flares or not.
COVERS_EVERY = np.timedelta64(1, "h")
_LONGEST_FLARE = np.timedelta64(1, "D")


class FlareNews:
    """The flares of a source that are not told yet; `covered_to`: none is missing before."""

    def __init__(
        self, source: Source, deliver: Callable[[Post], bool], *,
        batch: int, covered_to: np.datetime64 | None,
    ) -> None:  # fmt: skip
        self._source = source
        self._deliver = deliver
        self._batch = batch
        self._flares: deque[FlareReport] = deque()
        self.covered_to = covered_to

    def learn(self, flares: Iterable[FlareReport]) -> None:
        """Take flares in, in the order of their ends."""
        self._flares.extend(flares)

    def tell(self, through: np.datetime64) -> bool:
        """Tell what has ended up to a time; False when the wish to stop came before."""
        name, since = self._source.flare_source, self._covered_since()
        if name is None or since is None or through <= since:
            return True
        ended = list(takewhile(lambda flare: flare.ended_at <= through, self._flares))
        if not ended and through - since < COVERS_EVERY:
            return True
        complete_to = self._complete_to(through, told=len(ended))
        pieces = [ended[i : i + self._batch] for i in range(0, len(ended), self._batch)] or [[]]
        for piece in pieces:
            extra: dict[str, Any] = {"source": name}
            if piece is pieces[-1] and complete_to > since:
                extra["covers"] = {"from": _label(since), "to": _label(complete_to)}
            if not self._deliver(Post("flares", [flare.body for flare in piece], extra)):
                return False
        for _ in ended:
            self._flares.popleft()
        self.covered_to = max(since, complete_to)
        return True

    def _covered_since(self) -> np.datetime64 | None:
        """Return the time up to which the API knows the flares; at first the list's beginning."""
        begin = self._source.covers_from
        if begin is None or self.covered_to is None:
            return begin
        return max(begin, self.covered_to)

    def _complete_to(self, through: np.datetime64, *, told: int) -> np.datetime64:
        """Return until when no flare is missing: one that has begun is told only at its end."""
        untold = islice(self._flares, told, None)
        near = takewhile(lambda flare: flare.ended_at <= through + _LONGEST_FLARE, untold)
        return min(
            (flare.started_at for flare in near if flare.started_at < through), default=through
        )


def _label(at: np.datetime64) -> str:
    return isoformat(to_datetime(at))
