"""The units of systemd are sound, and the nightly backup can be restored."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy/systemd"
INSTALLED = "/opt/flarewatch/.venv/bin"


def test_systemd_finds_no_fault_with_any_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze (package systemd)")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace(INSTALLED, str(Path(sys.executable).parent))
        (tmp_path / unit.name.replace("@", "@jsoc")).write_text(text)

    done = subprocess.run(
        [analyze, "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    about_ours = [line for line in done.stderr.splitlines() if "flarewatch" in line]
    assert about_ours == []


def test_each_unit_starts_a_command_that_there_is() -> None:
    commands = [
        line.removeprefix(f"ExecStart={INSTALLED}/flarewatch ").split()
        for unit in UNITS.glob("*.service")
        for line in unit.read_text().splitlines()
        if line.startswith(f"ExecStart={INSTALLED}")
    ]

    assert sorted(commands) == [
        ["api", "consume"],
        ["api", "serve"],
        ["dash", "serve"],
        ["send", "%i", "$SEND_OPTIONS"],
        ["work", "$WORK_OPTIONS"],
    ]


@pytest.mark.thorough
def test_the_nightly_backup_is_checked_and_can_be_restored(tmp_path: Path) -> None:
    text = (UNITS / "flarewatch-backup.service").read_text().replace("\\\n", "")
    script = text.partition("/bin/sh -ec '")[2].partition("'\n")[0]
    script = script.replace("$$", "$").replace("%%", "%")
    script = script.replace(INSTALLED, str(Path(sys.executable).parent))

    def run(command: str, store: str) -> None:
        (tmp_path / store).mkdir(exist_ok=True)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/{store}/flarewatch.db",
            "FLARE_DATA_DIR": f"{tmp_path}/{store}",
        }
        subprocess.run(["sh", "-ec", command], env=environment, cwd=tmp_path, check=True)

    run("flarewatch database upgrade; flarewatch database users add ana --role admin --invite", "a")
    run(script, "a")
    assert not list(tmp_path.glob("backups/*.part"))

    run("flarewatch database restore backups/*.zip", "b")
    run("flarewatch database users list > people", "b")
    assert "ana" in (tmp_path / "people").read_text()
