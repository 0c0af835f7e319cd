"""SQLite: what it costs that every answer means a commit on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from bench.records_file import write_records
from tests.processes import free_port, serving

RUNS = 5
# Records in all, and of one call: live records, and a replay.
SIZES = ((300, 1), (20_000, 500))
SETTINGS = ("normal", "full")


def main() -> None:
    """Replay the same records with each setting in turn, and print the medians of the runs."""
    with TemporaryDirectory() as passing:
        folder = Path(passing)
        for rows, batch in SIZES:
            records = folder / f"{rows}.parquet"
            write_records(records, rows)
            rates: dict[str, list[float]] = {setting: [] for setting in SETTINGS}
            for run in range(RUNS):
                for setting in SETTINGS if run % 2 else SETTINGS[::-1]:
                    run_folder = folder / f"{rows}-{run}-{setting}"
                    rates[setting].append(_rate(records, batch, setting, run_folder))
            medians = {setting: median(found) for setting, found in rates.items()}
            share = medians["full"] / medians["normal"]
            print(
                f"{batch:>4} records a call, records/s: "
                + ", ".join(f"{name} {rate:,.0f}" for name, rate in medians.items())
                + f"; full has {share:.0%} of the pace of normal"
            )


def _rate(records: Path, batch: int, setting: str, folder: Path) -> float:
    """Return the records per second of one replay into a new store."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "FLARE_DATABASE_URL": f"sqlite:///{folder}/store.db",
        "FLARE_SQLITE_SYNCHRONOUS": setting,
        "FLARE_API_PORT": port,
        "FLARE_API_URL": url,
        "FLARE_DATA_DIR": str(folder),
    }
    command = [sys.executable, "-m", "data_sender", "replay", str(records), "--batch", str(batch)]
    with serving("app", "serve", ready=f"{url}/ready", environment=environment):
        replay = subprocess.run(command, env=environment, check=True, capture_output=True)
    summary = orjson.loads(replay.stdout)
    return float(summary["rows_per_second"])
