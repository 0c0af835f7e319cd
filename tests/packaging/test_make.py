from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what `make` needs to prepare an environment, into a folder of its own."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", f"PYTHON={sys.executable}", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
    )


def test_help_names_every_goal(project: Path) -> None:
    [goals] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    told = make(project).stdout

    missing = [goal for goal in goals.split() if f"make {goal} " not in told]
    assert missing == ["help", "lint"]


def test_clean_keeps_the_stores_and_runs(project: Path) -> None:
    for name in (".venv", "build", "var"):
        (project / name).mkdir()

    make(project, "clean")

    assert [one.name for one in project.iterdir() if one.is_dir()] == ["var"]


def test_an_environment_that_was_made_without_pip_is_completed(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)

    # Nothing is installed: what the lock file holds is another test's concern.
    done = make(project, ".venv/serving", "PIP=:")

    assert done.returncode == 0, done.stderr
    assert (project / ".venv/bin/pip").exists()


@pytest.mark.parametrize("version", ["(3, 10)", "(3, 14)"])
def test_a_python_that_does_not_fit_is_refused_with_those_that_do(
    project: Path, version: str
) -> None:
    python = project / "python"
    python.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = {version};'
        ' exec(sys.argv[1])" "$2"\n'
    )
    python.chmod(0o755)

    done = make(project, ".venv/serving", f"PYTHON={python}")

    assert done.returncode == 2
    assert "Flarewatch needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (project / ".venv").exists()


def test_lock_names_the_tool_that_it_lacks(project: Path) -> None:
    before = (project / "requirements.lock").read_bytes()

    done = make(project, "lock", "UV=")

    assert done.returncode == 2
    assert "make lock needs uv; install it with: .venv/bin/pip install uv" in done.stderr
    assert (project / "requirements.lock").read_bytes() == before
