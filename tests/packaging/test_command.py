from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flarewatch import PARTS, TRAINING, VERSION
from model_training.__main__ import parser as training_parser

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("flarewatch")


def run(*arguments: str, program: tuple[str | Path, ...] = (COMMAND,)) -> tuple[int, str, str]:
    done = subprocess.run([*program, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_the_version_is_told() -> None:
    assert run("--version") == (0, f"flarewatch {VERSION}\n", "")


def test_a_source_tree_that_is_not_installed_runs_the_same_command() -> None:
    told = run("--version", program=(sys.executable, ROOT / "flarewatch.py"))

    assert told == (0, f"flarewatch {VERSION}\n", "")


def test_help_names_every_command() -> None:
    status, text, _ = run("--help")

    assert status == 0
    assert [name for name in (*PARTS, *TRAINING) if not re.search(rf"\b{name}\b", text)] == []


def test_without_a_command_the_help_is_an_error() -> None:
    status, text, complaint = run()

    assert (status, text) == (2, "")
    assert complaint.startswith("usage: flarewatch COMMAND")


def test_an_unknown_command_is_named_in_one_line() -> None:
    told = run("foretell")

    assert told == (2, "", "flarewatch: there is no command 'foretell'; see flarewatch --help\n")


def test_every_command_of_training_is_a_command() -> None:
    listed = re.findall(r"^    ([a-z]+) ", training_parser().format_help(), re.MULTILINE)

    assert list(TRAINING) == listed


@pytest.mark.parametrize("command", [*PARTS, "train"])
def test_a_command_explains_itself_under_its_own_name(command: str) -> None:
    status, text, _ = run(command, "--help")

    assert status == 0
    assert text.startswith(f"usage: flarewatch {command}")


def test_a_command_ends_with_the_status_of_what_it_runs() -> None:
    status, _, complaint = run("database", "verify", "no-such-backup.zip")

    assert status == 1
    assert "no-such-backup.zip" in complaint


def test_a_command_that_waits_for_the_store_hears_that_it_shall_stop() -> None:
    url = "mysql+mysqlconnector://nobody@127.0.0.1:1/nothing"
    waiting = subprocess.Popen(
        [COMMAND, "database", "upgrade"], env={"FLARE_DATABASE_URL": url}, stderr=subprocess.PIPE
    )
    assert waiting.stderr is not None
    waiting.stderr.readline()  # it says that it waits

    waiting.send_signal(signal.SIGTERM)

    assert waiting.wait(timeout=10) == 143
    waiting.stderr.close()
