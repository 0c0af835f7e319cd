"""The soak: half of the full load for many minutes; times, memory and open files stay flat."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.browser import Browser
from bench.browsers import MINUTE_SECONDS
from bench.dashboard import WATCHED
from bench.holding import Holding, holdings
from bench.house import opened_house
from bench.results import percentile_ms
from bench.steady_senders import SINGLE_EVERY_SECONDS, SINGLES, Posted, Sent, SteadySenders
from bench.store import mariadb_store

MINUTES, BROWSERS = 20, 10
CALIBRATION_SECONDS = 10.0
LOOK_SECONDS = 5.0
REFRESH_SECONDS = 15.0
# How much greater the last third may be than the second; the first is for warming up.
SLOWER, LARGER = 1.10, 1.03
# Open files on average: a connection more at a peak is none that stays.
MORE_FILES = 0.5


@dataclass(frozen=True)
class Look:
    """What every process holds, so many seconds after the beginning."""

    seconds: float
    held: dict[str, Holding]


@dataclass
class Watch:
    """What was seen: the posts, the looks, and what went wrong in a browser."""

    minutes: float
    began: float
    sent: Sent = field(default_factory=lambda: Sent([], []))
    looks: list[Look] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.minutes * MINUTE_SECONDS

    @property
    def kinds(self) -> dict[str, list[Posted]]:
        """The posts in bulk, and those of single records."""
        return {"bulk": self.sent.bulk, "single": self.sent.singles}

    def times(self, kind: str, start: float, end: float) -> list[float]:
        """Return the times [s] of the posts that began between two shares of the whole."""
        first, last = (self.began + share * self.seconds for share in (start, end))
        return [one.seconds for one in self.kinds[kind] if first <= one.began < last]

    def held(self, start: float, end: float) -> list[dict[str, Holding]]:
        """Return what was held at the looks between two shares of the whole."""
        first, last = start * self.seconds, end * self.seconds
        return [look.held for look in self.looks if first <= look.seconds < last]


def main(*, minutes: float, rate: float | None) -> None:
    """Run store, API, dashboard, senders and browsers, and print what they held and took."""
    with TemporaryDirectory() as folder, mariadb_store(Path(folder) / "store") as address:
        server = int((Path(folder) / "store" / "pid").read_text())
        with opened_house(address) as house:
            senders = SteadySenders(house.api)
            chosen = rate or _full_rate(senders) / 2
            services = {"API": house.api_pid, "dashboard": house.dash_pid, "store": server}
            watch = _watch(senders, house.dash, services, minutes=minutes, rate=chosen)
    print(
        f"\nsoak: {chosen:,.0f} records/s in bulk and {SINGLES / SINGLE_EVERY_SECONDS:.0f} single"
        f" ones from {SINGLES} clients for {minutes:g} minutes, {BROWSERS} browsers\n"
    )
    print(f"{_table(watch)}\n\n{_verdict(watch)}")


def _full_rate(senders: SteadySenders) -> float:
    """Return the records per second that are taken in bulk when nobody waits."""
    posted = senders.send(seconds=CALIBRATION_SECONDS, rate=None).bulk
    seconds = posted[-1].began + posted[-1].seconds - posted[0].began
    return sum(one.records for one in posted) / seconds


def _watch(
    senders: SteadySenders, dash: str, services: dict[str, int], *, minutes: float, rate: float
) -> Watch:
    watch = Watch(minutes, time.monotonic())
    is_over = threading.Event()
    threads = [threading.Thread(target=_look, args=(watch, services, is_over))]
    threads += [
        threading.Thread(target=_sit, args=(watch, dash, place, is_over))
        for place in range(BROWSERS)
    ]
    for thread in threads:
        thread.start()
    try:
        watch.sent = senders.send(seconds=watch.seconds, rate=rate, singles=SINGLES)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    return watch


def _look(watch: Watch, services: dict[str, int], is_over: threading.Event) -> None:
    while not is_over.wait(LOOK_SECONDS):
        watch.looks.append(Look(time.monotonic() - watch.began, holdings(services)))


def _sit(watch: Watch, dash: str, place: int, is_over: threading.Event) -> None:
    """Have a browser on one of the pages until it is over."""
    is_over.wait(REFRESH_SECONDS * place / BROWSERS)
    try:
        browser = Browser(dash)
        browser.open(WATCHED[place % len(WATCHED)])
        while not is_over.wait(REFRESH_SECONDS):
            browser.tick()
    # Whatever goes wrong in a thread is a result of the measurement.
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        watch.faults.append(f"{WATCHED[place % len(WATCHED)]}: {error!r}")


def _table(watch: Watch) -> str:
    names = sorted({name for look in watch.looks for name in look.held})
    heads = [
        *("minute", *(f"{kind}: posts | p50, ms | p95, ms" for kind in watch.kinds)),
        *(f"{name}: MB / files" for name in names),
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * (1 + 3 * len(watch.kinds) + len(names)) + "|"]
    n = max(1, round(watch.minutes))
    for minute in range(n):
        share = minute / n, (minute + 1) / n
        held = watch.held(*share)
        last = held[-1] if held else {}
        cells = [str(minute + 1)]
        for kind in watch.kinds:
            times = watch.times(kind, *share)
            cells += [str(len(times)), *(_percentile(times, q) for q in (50, 95))]
        cells += [_cell(last.get(name)) for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _percentile(times: Sequence[float], share: float) -> str:
    return f"{percentile_ms(times, share):.0f}" if len(times) else ""


def _cell(holding: Holding | None) -> str:
    return "" if holding is None else f"{holding.resident_mb:.0f} / {holding.handles}"


def _verdict(watch: Watch) -> str:
    """Compare the last third with the second."""
    slower = [fault for kind in watch.kinds for fault in _slower(watch, kind)]
    found = [*slower, *_larger(watch), *watch.faults[:5]]
    return f"verdict: {'not flat: ' + '; '.join(found) if found else 'flat'}"


def _slower(watch: Watch, kind: str) -> list[str]:
    second, last = watch.times(kind, 1 / 3, 2 / 3), watch.times(kind, 2 / 3, 1)
    if not second or not last:
        return [f"too few posts to tell: {kind}"]
    before, after = (percentile_ms(times, 95) for times in (second, last))
    return [f"{kind}: p95 {before:.0f} to {after:.0f} ms"] if after > SLOWER * before else []


def _larger(watch: Watch) -> list[str]:
    second, last = watch.held(1 / 3, 2 / 3), watch.held(2 / 3, 1)
    found = []
    for name in sorted({name for held in last for name in held}):
        before, after = ([held[name] for held in part if name in held] for part in (second, last))
        if not before:
            found.append(f"{name} began late")
            continue
        mean = [float(np.mean([one.resident_mb for one in part])) for part in (before, after)]
        if mean[1] > LARGER * mean[0]:
            found.append(f"{name} {mean[0]:.0f} to {mean[1]:.0f} MB")
        files = [float(np.mean([one.handles for one in part])) for part in (before, after)]
        if files[1] >= files[0] + MORE_FILES:
            found.append(f"{name} {files[0]:.1f} to {files[1]:.1f} files")
    return found
