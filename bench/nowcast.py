"""The nowcast: how many flares of a list are seen in the X-ray flux, and how well."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

from database.nowcast.nowcast import NowcastEvent
from database.nowcast.reconciliation import SAME_PEAK, Listed, match
from solar.errors import InvalidInputError
from solar.flare_detection import MINUTE, XrayMinute, detect
from solar.flares import FluxScale, goes_class, peak_flux
from solar.time import Window
from solar.xray_files import read_minutes

CLASSES = ("M1.0", "C5.0", "C1.0")


@dataclass(frozen=True)
class Hits:
    """What of a list was seen: flares found and listed of each class and above.

    `strong` are own events of M1.0 and above, `unmatched` those that the list does not have.
    `equal_class` of the `matched_strong` have the class of the list. `equal_peak` is the share of
    all matched with the same minute of the peak, `end_minutes` the 5th and 95th percentile of the
    end after the listed one, `lead_minutes` the 5th, 50th and 95th of the peak after the minute
    that told the flare, of M1.0 and above.
    """

    found: dict[str, int]
    listed: dict[str, int]
    strong: int
    unmatched: int
    matched_strong: int
    equal_class: int
    equal_peak: float
    end_minutes: Sequence[float]
    lead_minutes: Sequence[float]

    def share(self, name: str) -> float:
        """Return the share of the listed flares that was found."""
        return self.found[name] / self.listed[name]


def read_listed(path: Path, window: Window) -> list[Listed]:
    """Read the flares of a Parquet list that peak in a window, all on the scale of the file."""
    table = pa_parquet.read_table(path)
    peak_at = pc.cast(table["peak_time"], pa.timestamp("us", tz="UTC"))
    is_within = pc.and_(pc.greater_equal(peak_at, window.start_at), pc.less(peak_at, window.end_at))
    table = table.filter(is_within)
    names = ("start_time", "peak_time", "end_time")
    times = [pc.cast(table[name], pa.timestamp("us", tz="UTC")) for name in names]
    rows = zip(*(column.to_pylist() for column in (*times, table["goes_class"])), strict=True)
    listed = [
        Listed(str(i), start_at, peak_at, end_at or peak_at, peak_flux(name), FluxScale.TRUE.value)
        for i, (start_at, peak_at, end_at, name) in enumerate(rows)
    ]
    return sorted(listed, key=lambda flare: flare.peak_at)


def count_hits(minutes: Sequence[XrayMinute], listed: Sequence[Listed]) -> Hits:
    """Compare what is detected with the list; a match has its peak within 3 min."""
    events = [NowcastEvent.of(flare) for flare in detect(minutes)]
    by_id = {event.event_id: event for event in events}
    pairs = [
        (by_id[event_id], flare)
        for event_id, flare in match(events, listed).items()
        if abs(by_id[event_id].peak_at - flare.peak_at) <= SAME_PEAK
    ]
    least = {name: peak_flux(name) for name in CLASSES}
    matched = {event.event_id for event, _ in pairs}
    strong = [event for event in events if event.peak_flux_w_m2 >= least["M1.0"]]
    strong_pairs = [pair for pair in pairs if pair[1].peak_flux_w_m2 >= least["M1.0"]]
    ends = [(event.end_at - flare.end_at) / MINUTE for event, flare in pairs if event.end_at]
    leads = [(event.peak_at - event.detected_at) / MINUTE for event, _ in strong_pairs]
    return Hits(
        {n: sum(flare.peak_flux_w_m2 >= f for _, flare in pairs) for n, f in least.items()},
        {n: sum(flare.peak_flux_w_m2 >= f for flare in listed) for n, f in least.items()},
        len(strong),
        sum(event.event_id not in matched for event in strong),
        len(strong_pairs),
        sum(e.goes_class == goes_class(flare.peak_flux_w_m2) for e, flare in strong_pairs),
        float(np.mean([event.peak_at == flare.peak_at for event, flare in pairs])),
        _percentiles(ends, 5, 95),
        _percentiles(leads, 5, 50, 95),
    )


def _percentiles(values: Sequence[float], *shares: int) -> list[float]:
    return np.percentile(values, shares).tolist() if values else [math.nan] * len(shares)


def main(xray: Path | None, flares: Path | None) -> None:
    """Print the hits of each month and of all, and how long the detection takes."""
    if xray is None or flares is None:
        raise InvalidInputError("nowcast needs --xray FILE and --flares FILE, both Parquet")
    minutes = sorted(read_minutes(xray, satellite=None), key=lambda one: one.minute_at)
    listed = read_listed(flares, Window(minutes[0].minute_at, minutes[-1].minute_at + MINUTE))
    began = time.perf_counter()
    events = detect(minutes)
    seconds = time.perf_counter() - began
    print(f"{len(minutes):,} minutes, {len(events):,} flares detected in {seconds:.2f} s\n")
    print("| month | " + " | ".join(f"{name}+" for name in CLASSES) + " | own ≥ M1.0 unmatched |")
    print("|---|---|---|---|---|")
    for month in sorted({_month(minute.minute_at) for minute in minutes}):
        of_month = [minute for minute in minutes if _month(minute.minute_at) == month]
        there = [flare for flare in listed if _month(flare.peak_at) == month]
        print(_row(month, count_hits(of_month, there)))
    hits = count_hits(minutes, listed)
    print(_row("all", hits))
    print(
        f"\nclass equal {hits.equal_class} of {hits.matched_strong}, peak to the minute"
        f" {hits.equal_peak:.1%}, end {hits.end_minutes} min after the listed one (5, 95 %), told"
        f" {hits.lead_minutes} min before the peak (5, 50, 95 %)"
    )


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def _row(name: str, hits: Hits) -> str:
    shares = [
        f"{hits.found[c]} of {hits.listed[c]}"
        + (f" ({hits.share(c):.3f})" if hits.listed[c] else "")
        for c in CLASSES
    ]
    return f"| {name} | {' | '.join(shares)} | {hits.unmatched} of {hits.strong} |"
