"""What a worker says when it cannot start, and what it leaves on the disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from answering_api import answering
from hypothesis import given
from hypothesis import strategies as st

from model_training.jobs import job
from model_training.jobs.inputs import InputCache, inside
from model_training.jobs.offers import find_offers
from model_training.jobs.settings import WorkerSettings
from model_training.jobs.work_folder import remove_leftovers
from solar.errors import InvalidInputError


def work(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "model_training", "work", *options],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_worker_without_a_valid_key_says_so_and_ends(tmp_path: Path) -> None:
    with answering(401, {"detail": "this key is not known"}) as api:
        done = work(FLARE_API_URL=api.url, FLARE_DATA_DIR=str(tmp_path))

    assert done.returncode == 1
    assert "401: this key is not known; set FLARE_WORKER_KEY to a key" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "settings", "message"),
    [
        ((), {"FLARE_DATA_DIR": "/proc/none"}, "set FLARE_DATA_DIR to a folder"),
        ((), {"FLARE_API_URL": "ftp://x", "FLARE_DATA_DIR": "{}"}, "is no address; correct"),
        (("--slots", "0"), {}, "--slots is a whole number from 1 to 256"),
        (("--slots", "2", "--gpu", "0"), {}, "leave out --slots"),
    ],
)
def test_what_hinders_a_worker_is_said_in_one_line(
    options: tuple[str, ...], settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    given_settings = {name: value.format(tmp_path) for name, value in settings.items()}

    done = work(*options, **given_settings)

    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_an_installation_offers_every_kind_and_every_estimator() -> None:
    offers = find_offers(None)

    assert {"describe", "train", "audit", "estimator:gru", "estimator:plugin"} <= set(offers)


def test_folders_of_dead_jobs_are_removed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    settings = WorkerSettings(data_dir=tmp_path)
    for name in ("dead.1", "alive.2"):
        (settings.work_dir / name).mkdir(parents=True)
        (settings.work_dir / name / "lock").touch()
    with (settings.work_dir / "alive.2" / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert remove_leftovers(settings) == ["dead.1"]

    assert [path.name for path in settings.work_dir.iterdir()] == ["alive.2"]


def test_the_cache_keeps_what_was_read_last_and_a_run_keeps_what_it_reads(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", most_bytes=25)
    contents = {
        hashlib.sha256(text).hexdigest(): text for text in (b"a" * 10, b"b" * 10, b"c" * 10)
    }

    def read(sha256: str, *, start: int, end: int) -> bytes:
        return contents[sha256][start:end]

    for number, sha256 in enumerate(contents):
        cache.place(sha256, 10, tmp_path / "run" / str(number), read)
        os.utime(tmp_path / "cache" / sha256, (number, number))

    first, *others = contents
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(others)
    assert (tmp_path / "run" / "0").read_bytes() == contents[first]


def test_a_file_that_arrives_with_another_content_is_refused(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", most_bytes=100)

    def read(sha256: str, *, start: int, end: int) -> bytes:
        return b"x" * (end - start)

    with pytest.raises(InvalidInputError, match="another content"):
        cache.place("0" * 64, 5, tmp_path / "run" / "file", read)

    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="leads out"):
        inside(tmp_path, name)


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20))
def test_the_name_of_a_checkpoint_survives_its_delivery(name: str) -> None:
    delivered = f"checkpoints/{job._output_name(name)}"

    assert job._file_name(delivered) == name
    assert delivered.isascii()
    assert json.dumps(delivered) == f'"{delivered}"'
