"""The product as its users run it: store, API and dashboard as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from e2e.crafted import USUAL, keywords
from processes import free_port, serving

from database.engine import create_engine
from database.settings import DatabaseSettings
from database.verification.rollup import refresh
from solar.sharp import SIMULATED_SERIES
from solar.time import parse_time

REFRESH_SECONDS = 2
# A simulation is a function of seed and time: with both fixed every run sees the same Sun.
SUN = ("--seed", "7", "--regions", "12", "--start", "2024-05-01T00:00:00Z")


@dataclass(frozen=True)
class House:
    """One store in a folder, and the addresses of the services on it."""

    folder: Path
    api: str
    dash: str
    store: str

    @property
    def environment(self) -> dict[str, str]:
        """What every process of this house is told."""
        given = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
        return {
            **given,
            "FLARE_DATABASE_URL": self.store,
            "FLARE_SQLITE_SYNCHRONOUS": "normal",
            "FLARE_DATA_DIR": str(self.folder),
            "FLARE_API_PORT": self.api.rpartition(":")[2],
            "FLARE_API_URL": self.api,
            "FLARE_API_WORKERS": "1",
            "FLARE_DASH_PORT": self.dash.rpartition(":")[2],
            "FLARE_DASH_REFRESH_SECONDS": str(REFRESH_SECONDS),
        }

    def start(self, package: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command in a process of its own."""
        command = [sys.executable, "-m", package, *arguments]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def run(self, package: str, *arguments: str) -> None:
        """Run a command to its end."""
        finish(self.start(package, *arguments))

    def simulate(self, *, days: float) -> None:
        """Send some days of the simulated Sun; the call returns when all are stored."""
        self.run("data_sender", "simulate", *SUN, "--duration", str(days), "--batch", "2000")
        self.verify()

    def verify(self) -> None:
        """Have verified what has come, which a few seconds later would be done by itself."""
        engine = create_engine(DatabaseSettings(database_url=self.store))
        refresh(engine)
        engine.dispose()

    @contextmanager
    def serving(self, package: str, *, ready: str) -> Iterator[None]:
        """Run a service until the block ends."""
        log = self.folder / f"{package}.log"
        with serving(package, "serve", ready=ready, environment=self.environment, log=log):
            yield

    def some_region(self) -> int:
        """Return the number of a simulated region that is still on the disk."""
        since = self.newest() - timedelta(hours=6)
        seen = (row for row in self.regions() if parse_time(row["last_t_rec"]) > since)
        return min(row["region"] for row in seen)

    def newest(self) -> datetime:
        """Return the time of the newest record of any region."""
        return max(parse_time(row["last_t_rec"]) for row in self.regions())

    def regions(self) -> list[dict[str, Any]]:
        """Return the regions as the API lists them."""
        return self.items("regions")

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return what the API lists under a path."""
        answer = requests.get(f"{self.api}/api/v1/{path}", timeout=10)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def post_flares(self, flares: Sequence[dict[str, Any]], *, covers: tuple[str, str]) -> None:
        """Post flares, and the stretch of time in which these are all."""
        body = {"flares": list(flares), "covers": dict(zip(("from", "to"), covers, strict=True))}
        answer = requests.post(f"{self.api}/api/v1/flares", json=body, timeout=10)
        answer.raise_for_status()

    def post(self, *, region: int, t_rec: str, level: float = USUAL) -> None:
        """Post one record of a region, as any sender may."""
        row = {
            "harpnum": region,
            "t_rec": t_rec,
            "series": SIMULATED_SERIES,
            "quality": 0,
            "lon_fwt": 5.0,
            "lat_fwt": 12.0,
            "keywords": keywords(level),
        }
        body = {"sender": {"id": "by-hand", "sequence": 1}, "observations": [row]}
        answer = requests.post(f"{self.api}/api/v1/observations", json=body, timeout=10)
        assert answer.json()["accepted"] == 1, answer.text


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a command; one that failed shows what it said."""
    _, said = process.communicate(timeout=90)
    assert process.returncode == 0, said.decode()


def build(folder: Path, *, store: str | None = None) -> House:
    """Choose free ports for a house in an empty folder; nothing runs yet."""
    api, dash = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    return House(folder, api, dash, store or f"sqlite:///{folder}/flarewatch.db")
