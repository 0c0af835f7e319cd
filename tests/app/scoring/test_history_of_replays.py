"""The flare history of a replay is the same however its rows are cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.features import known_history, listed_since
from data_sender.delivery.spool import Post
from data_sender.position import Position
from data_sender.replayer import FlarePublisher
from data_sender.source import Chunk, FlareReport
from database.flares.flares import FlarePhases
from model_training.features import FlareHistory, history_features
from solar.columns import Bools, Floats, Times
from solar.time import Window, parse_time, to_datetime, to_datetime64

START = np.datetime64("2014-03-01", "us")
MINUTE = np.timedelta64(1, "m")
# So that the history of the first rows is known: a small flare four days before them.
FIRST = (-4 * 24 * 60, 5, 5, 4e-7)

# Start in minutes after the first row, rise and fall in minutes, peak flux.
flare_lists = st.lists(
    st.tuples(
        st.integers(-48 * 60, 72 * 60),
        st.integers(0, 40) | st.integers(0, 700),
        st.integers(0, 40) | st.integers(0, 36 * 60),
        st.sampled_from([4e-7, 3e-6, 2e-5, 3e-4]),
    ),
    max_size=12,
)
# Minutes between rows: 0 is another region of the same time.
row_times = st.lists(st.sampled_from([0, 12, 36, 60, 60, 60, 300, 900]), min_size=1, max_size=60)


class FlareList:
    """A source of nothing but flares, in the order of their ends."""

    fingerprint, flare_source, continues_past_end = "list", "list", False

    def __init__(self, flares: list[tuple[int, int, int, float]]) -> None:
        reports = [_report(*flare) for flare in (FIRST, *flares)]
        self.flares = sorted(reports, key=lambda flare: flare.ended_at)
        self.covers_from = min(flare.started_at for flare in reports)

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        return moment

    def chunks(self, position: Position) -> Iterator[Chunk]:
        raise NotImplementedError("a list has no rows")


def _report(start: int, rise: int, fall: int, flux: float) -> FlareReport:
    start_at, peak_at, end_at = (
        START + minutes * MINUTE for minutes in (start, start + rise, start + rise + fall)
    )
    body = {"start": f"{start_at}Z", "peak": f"{peak_at}Z", "end": f"{end_at}Z", "flux": flux}
    return FlareReport(start_at, end_at, body)


@dataclass
class Store:
    """What the API was told, each flare once."""

    flares: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    covered: Window | None = None

    def accept(self, post: Post) -> bool:
        for body in post.items:
            self.flares[tuple(map(str, body.values()))] = body
        if "covers" in post.extra:
            covers = Window(*(parse_time(at) for at in post.extra["covers"].values()))
            # A gap would be taken for unknown, so there must be none.
            assert self.covered is None or covers.start_at <= self.covered.end_at
            first = covers.start_at if self.covered is None else self.covered.start_at
            last = covers.end_at if self.covered is None else self.covered.end_at
            self.covered = Window(first, max(last, covers.end_at))
        return True

    def history(self, times: Times) -> dict[str, Floats]:
        bodies = sorted(self.flares.values(), key=lambda body: str(body["peak"]))
        start_at, peak_at, end_at = (
            np.array([to_datetime64(parse_time(body[name])) for body in bodies], "datetime64[us]")
            for name in ("start", "peak", "end")
        )
        flux, region_id = np.array([body["flux"] for body in bodies]), np.full(len(bodies), 7)
        phases = FlarePhases(peak_at, flux, region_id, region_id, start_at, end_at)
        known: Bools = known_history(times, [self.covered] if self.covered else [], phases)
        flares = FlareHistory(peak_at, flux, region_id, end_at)
        since = listed_since(times, [self.covered] if self.covered else [])
        return history_features(
            np.full(len(times), 7), times, flares, known=known, listed_since=since
        )


def replayed(flares: FlareList, times: Times, ends: list[int], *, killed_at: int) -> list[Any]:
    """Publish and describe batch by batch; one of them is begun twice, as after a kill."""
    store, parts, covered_to = Store(), [], None
    publisher = FlarePublisher(flares, store.accept, covered_to=None, published_to=None)
    publisher.add(flares.flares)
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        publisher.publish(times[end - 1])
        if number == killed_at:
            publisher = FlarePublisher(
                flares,
                store.accept,
                covered_to=covered_to,
                published_to=times[start - 1] if start else None,
            )
            publisher.add(flares.flares)
            publisher.publish(times[end - 1])
        parts.append(store.history(times[start:end]))
        covered_to = publisher.covered_to
    return [np.concatenate([part[name] for part in parts]).tolist() for name in parts[0]]


@given(flare_lists, row_times, st.data())
def test_neither_the_batches_nor_a_kill_nor_what_is_known_by_now_changes_the_history(
    given_flares: list[tuple[int, int, int, float]], minutes: list[int], data: st.DataObject
) -> None:
    flares, times = FlareList(given_flares), START + np.cumsum(minutes) * MINUTE
    n = len(times)
    ends = sorted({*data.draw(st.lists(st.integers(1, n), max_size=5)), n})
    of_a_time = np.append(np.flatnonzero(np.diff(times).astype(int)) + 1, n).tolist()

    by_time = replayed(flares, times, of_a_time, killed_at=-1)
    by_batch = replayed(flares, times, ends, killed_at=data.draw(st.integers(-1, len(ends) - 1)))
    imported = Store()
    imported.accept(Post("flares", [flare.body for flare in flares.flares], {}))
    imported.covered = Window(to_datetime(flares.covers_from), to_datetime(times[-1]))

    np.testing.assert_array_equal(by_batch, by_time)
    np.testing.assert_array_equal(list(imported.history(times).values()), by_time)
