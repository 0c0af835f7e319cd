"""The whole mission: millions of records through senders and API into an empty store."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.api_servers import Product
from bench.lineups import point_model
from bench.records_file import write_records
from bench.replaying import Course, Setting, replay

MISSION_RECORDS = 5_500_000
_BUDGET_SECONDS = 300.0
_STEADY = 0.9
_SENDERS, _WORKERS, _BATCH = 2, 2, 5_000


def main(n: int = MISSION_RECORDS) -> None:
    """Replay `n` records with two senders and two API workers, and print what was seen."""
    with TemporaryDirectory() as passing:
        folder = Path(passing)
        records = folder / "records.parquet"
        write_records(records, n)
        product = Product("", artifacts=point_model(folder / "models"), workers=_WORKERS)
        course = replay(records, Setting(_SENDERS, product, _BATCH))
    print(_report(course, n))


def _report(course: Course, n: int) -> str:
    quarters = course.quarters()
    is_steady = min(quarters) >= _STEADY * quarters[0]
    budget = _BUDGET_SECONDS * n / MISSION_RECORDS
    lines = [
        f"\n{n:,} records, {_SENDERS} senders, {_WORKERS} API workers, {_BATCH:,} records a call:",
        f"{course.seconds:.0f} s ({course.rate:,.0f} records/s), budget {budget:.0f} s: "
        + _verdict(course.seconds <= budget),
        f"records/s by quarter: {' · '.join(f'{rate:,.0f}' for rate in quarters)}: "
        + _verdict(is_steady),
        f"stored {course.stored:,} records and {course.forecast:,} forecasts: "
        + _verdict(course.stored == course.forecast == n),
        f"size of the store: {course.store_mb:,.0f} MB, {1e6 * course.store_mb / n:.0f} bytes"
        " a record with its forecast",
        "",
        "| process | CPU, us a record | peak memory of its largest process, MB |",
        "|---|---|---|",
        *(
            f"| {name} | {1e6 * used.cpu_seconds / n:.1f} | {used.peak_mb:.0f} |"
            for name, used in course.used.items()
        ),
    ]
    return "\n".join(lines)


def _verdict(is_within: bool) -> str:
    return "pass" if is_within else "over"
