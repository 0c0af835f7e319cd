"""The Lab: shares of three people, a large upload, times, and ingest beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import lab_fairness, lab_ingest, lab_times, lab_upload

PARTS = ("fairness", "upload", "times", "ingest")
ROUNDS = 5


def main(parts: Sequence[str], *, rounds: int = ROUNDS) -> None:
    """Measure the parts one after the other, each on services of its own; print what was found."""
    measurements: dict[str, Callable[[Path], str]] = {
        "fairness": lab_fairness.main,
        "upload": lab_upload.main,
        "times": lambda folder: lab_times.main(folder, rounds=rounds),
        "ingest": lambda folder: lab_ingest.main(folder, rounds=rounds),
    }
    for part in parts:
        with TemporaryDirectory() as folder:
            print(f"\n{measurements[part](Path(folder))}", flush=True)
