"""Only what lists its reason here reads the clock on the wall: the Sun has a time of its own."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("app", "app_dash", "data_sender", "database", "solar")
# `datetime.now`, `time.time`, `time.time_ns` and `utcnow`; `time.monotonic` is no time of day.
WALL_TIME = re.compile(r"\bdatetime\.now\(|\btime\.time(_ns)?\(|\butcnow\(|\.today\(")

ALLOWED = {
    "app/create_app.py": "the default clock on the wall, the time of receipt",
    "app/services.py": "when models are registered and the door is found open, at the start",
    "app/notifications/delivery.py": "when a notification is due, and when it is tried again",
    "app/stream/consumer.py": "the default clock on the wall, the time of receipt",
    "app_dash/create_app.py": "when the status of the store was read",
    "app_dash/frame/announcements.py": "when an announcement to people ends",
    "app_dash/frame/key_form.py": "when a key expires",
    "app_dash/frame/routing.py": "since when the store is away",
    "app_dash/guard.py": "whether a session has expired",
    "app_dash/lab/recipe_verdict.py": "when a recipe was checked",
    "app_dash/pipeline/page.py": "when requests came, which is not in the time of the Sun",
    "data_sender/clock.py": "the pace of a simulation, which ends at the present",
    "data_sender/delivery/client.py": "a Retry-After that is a date",
    "data_sender/sources/live/follower.py": "what a live source has published by now",
    "data_sender/sources/live/reach.py": "what JSOC is asked for, to see whether it answers",
    "database/__main__.py": "when a command is given",
    "database/backup/snapshot.py": "when a backup was made",
    "database/lab/stored_files.py": "how long something has been in the trash",
    "database/people/commands.py": "when a person or key was added",
    "database/verification/skill.py": "the day of a score over no forecast at all",
}


def test_the_wall_clock_is_read_only_where_a_reason_is_listed() -> None:
    files = [path for name in PROGRAMS for path in (ROOT / name).rglob("*.py")]
    reading = {str(path.relative_to(ROOT)) for path in files if WALL_TIME.search(path.read_text())}

    assert reading == ALLOWED.keys()
