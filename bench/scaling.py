"""Scaling: the same records with more senders and more API workers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.api_servers import Product
from bench.lineups import point_model
from bench.records_file import write_records
from bench.replaying import Course, Setting, replay

RECORDS = 300_000
_SENDERS = (1, 2, 4)
_WORKERS = (1, 2)
_BATCH = 2_000


def main(n: int = RECORDS) -> None:
    """Replay `n` records under every setting, and print records/s and CPU a record."""
    with TemporaryDirectory() as passing:
        folder = Path(passing)
        records = folder / "records.parquet"
        write_records(records, n)
        artifacts = point_model(folder / "models")
        courses = {
            (senders, workers): replay(
                records,
                Setting(senders, Product("", artifacts=artifacts, workers=workers), _BATCH),
            )
            for workers in _WORKERS
            for senders in _SENDERS
        }
    print(_report(courses, n))


def _report(courses: dict[tuple[int, int], Course], n: int) -> str:
    lines = [
        f"\n{n:,} records, {_BATCH:,} a call, the live model alone, CPU in us a record:",
        "",
        "| senders | API workers | records/s | API | store | senders together |",
        "|---|---|---|---|---|---|",
    ]
    for (senders, workers), course in courses.items():
        if course.stored != n:
            raise RuntimeError(f"{senders} senders stored {course.stored:,} of {n:,} records")
        cpu = {name: 1e6 * used.cpu_seconds / n for name, used in course.used.items()}
        sent = sum(spent for name, spent in cpu.items() if name.startswith("sender"))
        lines.append(
            f"| {senders} | {workers} | {course.rate:,.0f}"
            f" | {cpu['API']:.0f} | {cpu['store']:.0f} | {sent:.0f} |"
        )
    return "\n".join(lines)
