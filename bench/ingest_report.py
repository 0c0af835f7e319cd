"""The report of the ingest benchmark: what must be reached, and what earlier code reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.bodies import ARROW
from bench.bulk import BARE, LOADS, bulk_load
from bench.live_record import ALONE, BESIDE_BULK, BESIDE_SLOW
from bench.one_record import CLIENTS, RIVAL, SQLITE_LOAD, clients_load
from bench.results import Results, with_range
from bench.two_senders import senders_load

POINT, SHIPPED, GRU = "point model", "as shipped", "60-step GRU"
DAY_ALONE, EVERY_WINDOW = "24 h alone", "every window"
# By the number of clients: times a row per request.
RIVAL_RATIOS = {2: 0.5, 16: 1.0, 200: 1.5}
MOST_CLIENTS_RATE = 1_500.0
SQLITE_RATE, SQLITE_P95_MS = 700.0, 80.0
LIVE_P95_MS = {ALONE: 15.0, BESIDE_BULK: 30.0, BESIDE_SLOW: 30.0}
ALONE_API_US = 3_000.0
POINT_RATE, GRU_RATE, BARE_SHARE = 20_000.0, 10_000.0, 0.5
ONE_OF_TWO_SENDERS = 0.85
# What is left of the rate when the forecasts of other windows are stored too.
LEFT_WITH_WINDOWS = 0.85


@dataclass(frozen=True)
class Aim:
    """What must be reached, and what every round found; nothing where it was not measured."""

    name: str
    needed: float
    measured: Sequence[float]
    is_most: bool = False

    @property
    def row(self) -> str:
        """The aim as a row of Markdown; the median counts."""
        found = median(self.measured)
        is_reached = found <= self.needed if self.is_most else found >= self.needed
        sign, verdict = "≤" if self.is_most else "≥", "reached" if is_reached else "missed"
        return (
            f"| {self.name} | {sign} {self.needed:,g} | {with_range(self.measured)} | {verdict} |"
        )


def verdicts(results: Results) -> str:
    """Write all aims that were measured, beside what was found."""
    aims = (
        *_one_record(results),
        *_live(results),
        *_bulk(results),
        *_windows(results),
        *_senders(results),
    )
    rows = [aim.row for aim in aims if aim.measured]
    table = "\n".join(["| aim | needed | measured | verdict |", "|---|---|---|---|", *rows])
    return "\n\n".join([table, *_times_a_row(results)])


def _one_record(results: Results) -> Iterator[Aim]:
    for name in (POINT, SHIPPED):
        for clients, needed in RIVAL_RATIOS.items():
            load = clients_load(clients)
            ratios = results.ratios(load, (name, RIVAL))
            yield Aim(f"{name}, {load}: times a {RIVAL}", needed, ratios)
        load = clients_load(CLIENTS[-1])
        rates = results.values(load, name, "rate")
        yield Aim(f"{name}, {load}: records/s", MOST_CLIENTS_RATE, rates)
        spent = results.values(clients_load(1), name, "api_us")
        yield Aim(f"{name}, 1 client: CPU of the API, µs a record", ALONE_API_US, spent, True)
        rates, times = (results.values(SQLITE_LOAD, name, what) for what in ("rate", "p95_ms"))
        yield Aim(f"{name}, {SQLITE_LOAD}: records/s", SQLITE_RATE, rates)
        yield Aim(f"{name}, {SQLITE_LOAD}: p95, ms", SQLITE_P95_MS, times, True)
    errors = [figures.errors for rows in results.found.values() for figures in rows]
    counted = [sum(number for number in errors if number >= 0)] if errors else []
    yield Aim("errors in all rounds", 0, counted, True)


def _live(results: Results) -> Iterator[Aim]:
    for load, needed in LIVE_P95_MS.items():
        yield Aim(f"{load}: p95, ms", needed, results.values(load, POINT, "p95_ms"), True)


def _bulk(results: Results) -> Iterator[Aim]:
    load = bulk_load(*LOADS[-1])
    yield Aim(f"{POINT}, {load}: records/s", POINT_RATE, results.values(load, POINT, "rate"))
    yield Aim(f"{GRU}, {load}: records/s", GRU_RATE, results.values(load, GRU, "rate"))
    shares = results.ratios(load, (POINT, BARE))
    yield Aim(f"{POINT}, {load}: share of the {BARE}", BARE_SHARE, shares)


def _windows(results: Results) -> Iterator[Aim]:
    load = bulk_load(*LOADS[-1])
    rates = results.values(load, EVERY_WINDOW, "rate")
    yield Aim(f"{EVERY_WINDOW}, {load}: records/s", POINT_RATE, rates)
    shares = results.ratios(load, (EVERY_WINDOW, DAY_ALONE))
    yield Aim(f"{EVERY_WINDOW}, {load}: share of {DAY_ALONE}", LEFT_WITH_WINDOWS, shares)


def _senders(results: Results) -> Iterator[Aim]:
    rates = [results.values(senders_load(senders), POINT, "rate") for senders in (1, 2)]
    shares = [one / two for one, two in zip(*rates, strict=True)]
    yield Aim("one sender alone: share of two", ONE_OF_TWO_SENDERS, shares)


def _times_a_row(results: Results) -> Iterator[str]:
    """Tell how far bulk is from the best of a row per request, which has no aim."""
    bulk = results.values(bulk_load(ARROW, 5_000), POINT, "rate")
    rows = [results.values(clients_load(clients), RIVAL, "rate") for clients in CLIENTS]
    if bulk and all(rows):
        best = max(median(row) for row in rows)
        yield f"Bulk of 5,000 with the {POINT} is {median(bulk) / best:.0f} times a {RIVAL}."


def comparison(results: Results, trees: Sequence[str]) -> str:
    """Write what the first tree does as times the others, round by round, of each load."""
    lines = ["| load | design | records/s | p95 | CPU of the API |", "|---|---|---|---|---|"]
    for load, design in results.found:
        for tree in trees[1:]:
            both = (design, of_tree(design, tree))
            columns = ("rate", "p95_ms", "api_us")
            cells = [with_range(results.ratios(load, both, column)) for column in columns]
            if (load, both[1]) in results.found:
                lines.append(f"| {load} | {design} / {both[1]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def of_tree(design: str, tree: str) -> str:
    """Name a design of another working tree."""
    return f"{design} of {tree}"
