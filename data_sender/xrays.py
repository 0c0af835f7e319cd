"""X-ray minutes of a replay, posted when their time has come beside the records of that time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_sender.delivery.spool import Post
from solar.columns import Columns, Floats, Times
from solar.errors import InvalidInputError
from solar.time import isoformat, to_datetime, to_datetime64
from solar.xray_files import read_minutes

KIND = "xray-flux"
# The most that the API takes in one call.
MOST_MINUTES = 5_000
# A second of event time may hold hours of minutes, which need not be a request each.
_POST_EVERY_SECONDS = 0.5
# A request that minutes alone would not need may wait, but by no more than this event time.
_LONGEST_BEHIND = np.timedelta64(1, "D")
# Minutes of the day before the first record show its flux and the flare in progress, and those
# of the day after the last one decide about its forecasts.
_MARGIN = np.timedelta64(1, "D")


@dataclass(frozen=True)
class XrayMinutes(Columns):
    """Minutes of flux [W m-2] in the order of their leaving, in event time.

    `flux` is NaN where the satellite did not measure it.
    """

    leaves_at: Times
    times: Times
    flux: Floats
    satellites: NDArray[np.str_]

    @classmethod
    def none(cls) -> XrayMinutes:
        """Return no minutes, those of a source without X-rays."""
        times = np.empty(0, "datetime64[us]")
        return cls(times, times, np.empty(0), np.empty(0, "U8"))


def read_xrays(path: Path, span: tuple[np.datetime64, np.datetime64]) -> XrayMinutes:
    """Read the minutes of a file from a day before the first of two times to a day after the last.

    Raises
    ------
    InvalidInputError
        When the file cannot be read, does not tell its satellite, or has none of these minutes.
    """
    first, last = to_datetime(span[0] - _MARGIN), to_datetime(span[1] + _MARGIN)
    minutes = [one for one in read_minutes(path, satellite=None) if first <= one.minute_at <= last]
    if not minutes:
        raise InvalidInputError(
            f"{path} has no minute from {isoformat(first)} to {isoformat(last)}, the time of the"
            " records; give the file of that time"
        )
    times = np.array([to_datetime64(one.minute_at) for one in minutes], "datetime64[us]")
    # Of two values of a minute the last one counts, so that equals keep their order.
    order = np.argsort(times, kind="stable")
    flux = np.array([one.flux_w_m2 for one in minutes], np.float64)
    satellites = np.array([one.satellite for one in minutes])
    return XrayMinutes(times, times, flux, satellites).take(order)


class XrayPublisher:
    """Posts minutes in the order of their leaving; those that are posted again change nothing.

    What left a day and more before a time that was published is posted, so that a sender whose
    position is this time goes on a day before it.
    """

    def __init__(
        self,
        minutes: XrayMinutes,
        deliver: Callable[[Post], bool],
        *,
        published_to: np.datetime64 | None,
    ) -> None:
        self._minutes = minutes
        self._deliver = deliver
        self._posted_at = -np.inf
        self._since = None if published_to is None else published_to - _LONGEST_BEHIND
        self._next = self._known_before(minutes)

    def add(self, minutes: XrayMinutes) -> None:
        """Take further minutes; those that were posted are forgotten."""
        if not len(minutes):
            return
        left = self._minutes.take(slice(self._next, None))
        both = XrayMinutes.concatenate(
            [left, minutes.take(slice(self._known_before(minutes), None))]
        )
        self._minutes, self._next = both.take(np.argsort(both.leaves_at, kind="stable")), 0

    def _known_before(self, minutes: XrayMinutes) -> int:
        """Count the minutes that left so long before that the API has them."""
        return 0 if self._since is None else int(np.searchsorted(minutes.leaves_at, self._since))

    def follow(self, moment: np.datetime64) -> bool:
        """Post what leaves by a moment of a clock; what a clock that was put back repeats too.

        A sender hears a moment late that the clock was paused, and the API refuses minutes that
        are ahead of it.
        """
        due = int(np.searchsorted(self._minutes.leaves_at, moment, side="right"))
        self._next = min(self._next, due)
        return self.publish(moment)

    def publish(self, through: np.datetime64) -> bool:
        """Post what leaves by a time, some at once; False when the stop signal came before."""
        leaves_at = self._minutes.leaves_at
        end = int(np.searchsorted(leaves_at, through, side="right"))
        if end <= self._next:
            return True
        is_overdue = through - leaves_at[self._next] >= _LONGEST_BEHIND
        if not is_overdue and time.monotonic() - self._posted_at < _POST_EVERY_SECONDS:
            return True
        return self._post(end)

    def finish(self) -> bool:
        """Post all that is left; False when the stop signal came before."""
        return self._post(len(self._minutes))

    def _post(self, end: int) -> bool:
        while self._next < end:
            stop = min(end, self._next + MOST_MINUTES)
            piece = self._minutes.take(slice(self._next, stop))
            for satellite in np.unique(piece.satellites):
                items = _items(piece.take(piece.satellites == satellite))
                if not self._deliver(Post(KIND, items, {"satellite": str(satellite)})):
                    return False
            self._next = stop
        self._posted_at = time.monotonic()
        return True


def _items(minutes: XrayMinutes) -> list[dict[str, Any]]:
    labels = np.datetime_as_string(minutes.times, unit="s").tolist()
    return [
        {"minute_at": f"{label}Z", "flux_w_m2": None if np.isnan(flux) else flux}
        for label, flux in zip(labels, minutes.flux.tolist(), strict=True)
    ]
