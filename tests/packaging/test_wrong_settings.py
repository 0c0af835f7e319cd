"""Wrong settings: every command ends at once, with one line that says which one and what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from processes import free_port
from processes import serving as started

import app.__main__
import app_dash.__main__
import data_sender.__main__
import database.__main__
from solar.errors import InvalidInputError
from solar.settings import require_address, require_temporary_folder

ROOT = Path(__file__).parents[2]
PASSWORD = "Pw-of-nobody"
SERVER = f"mysql+mysqlconnector://flare:{PASSWORD}@127.0.0.1"
STORE, DASH = "database --wait 0 upgrade", "app_dash serve"
CONSUME, NOTIFY, SEND = "app consume", "app notify", "data_sender simulate"
SEND_A_DAY = "data_sender simulate --history 1 --duration 1 --give-up-after 0.1"
MAINS: dict[str, Callable[[list[str]], int]] = {
    "app": app.__main__.main,
    "app_dash": app_dash.__main__.main,
    "database": database.__main__.main,
    "data_sender": data_sender.__main__.main,
}
# The setting, its value, the command, and what its line must say.
WRONG = [
    ("DATABASE_URL", f"mysql://flare:{PASSWORD}@host/db", STORE, "write sqlite:///path/file.db or"),
    ("DATABASE_URL", f"mysql://flare:{PASSWORD}@host/db", DASH, "FLARE_DATABASE_URL names mysql,"),
    ("DATABASE_URL", f"mysql://flare:{PASSWORD}@host/db", CONSUME, "FLARE_DATABASE_URL names"),
    ("DATABASE_URL", f"mysql://flare:{PASSWORD}@host/db", NOTIFY, "FLARE_DATABASE_URL names"),
    ("DATABASE_URL", f"mysql+x://flare:{PASSWORD}@host/db", STORE, "FLARE_DATABASE_URL names"),
    ("DATABASE_URL", f"{PASSWORD} nonsense", STORE, "FLARE_DATABASE_URL is not a database address"),
    ("DATABASE_URL", f"{SERVER}:port/db", STORE, "FLARE_DATABASE_URL is not a database address"),
    ("DATABASE_URL", f"{SERVER}:99999/db", STORE, "FLARE_DATABASE_URL names the port 99999"),
    ("DATABASE_URL", f"{SERVER}/db?made_up=1", STORE, "FLARE_DATABASE_URL has a parameter"),
    ("DATABASE_URL", f"{SERVER}:1/db", STORE, "start it, or correct FLARE_DATABASE_URL"),
    ("DATABASE_URL", "sqlite://store.db", STORE, "has two slashes"),
    # No account may write there, not even root.
    ("DATABASE_URL", "sqlite:////proc/store.db", STORE, "make it and its folder writable"),
    ("DATABASE_URL", "sqlite:////proc/store.db", DASH, "FLARE_DATABASE_URL names"),
    ("DATABASE_URL", "sqlite:////proc/store.db", NOTIFY, "FLARE_DATABASE_URL names"),
    ("DATABASE_URL", "sqlite:////proc/of/store.db", STORE, "another folder in FLARE_DATABASE_URL"),
    ("DATABASE_URL", "sqlite:///{folder}", STORE, "FLARE_DATABASE_URL names the folder"),
    ("DATABASE_URL", "sqlite:///{folder}/text", CONSUME, "is no SQLite store; name another"),
    ("DATABASE_POOL_SIZE", PASSWORD, STORE, "FLARE_DATABASE_POOL_SIZE: Input should be"),
    ("API_PORT", "abc", CONSUME, "FLARE_API_PORT: Input should be a valid integer"),
    ("API_PORT", "99999", CONSUME, "FLARE_API_PORT: Input should be less than"),
    ("API_KEY", PASSWORD, CONSUME, "FLARE_API_KEY: needs at least 16 characters"),
    ("RETENTION", "nonsense", CONSUME, "no retention for 'nonsense'; FLARE_RETENTION"),
    ("RETENTION", "predictions=9999y", CONSUME, "in FLARE_RETENTION"),
    ("ARTIFACTS_DIR", "/no/such", CONSUME, "FLARE_ARTIFACTS_DIR=/no/such is no folder"),
    ("KAFKA_OPTIONS", f"{{{PASSWORD}", CONSUME, "FLARE_KAFKA_OPTIONS is not JSON"),
    ("KAFKA_OPTIONS", f"{{{PASSWORD}", SEND, "FLARE_KAFKA_OPTIONS is not JSON"),
    ("KAFKA_OPTIONS", f'{{"p": ["{PASSWORD}"]}}', SEND, "FLARE_KAFKA_OPTIONS: p: Input should"),
    ("API_URL", f"ftp://flare:{PASSWORD}@host", SEND_A_DAY, "correct FLARE_API_URL"),
    ("API_URL", f"http://flare:{PASSWORD}@127.0.0.1:1", SEND_A_DAY, "//127.0.0.1:1/api/v1/"),
    ("DATA_DIR", "{folder}/text", SEND, "set FLARE_DATA_DIR to another folder"),
    ("DASH_WORKERS", "0", DASH, "FLARE_DASH_WORKERS: Input should be greater"),
    ("DASH_HOST", "no host", DASH, "FLARE_DASH_HOST=no host is no address of this machine"),
]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("no store " * 100)
    for name in [name for name in os.environ if name.startswith("FLARE_")]:
        monkeypatch.delenv(name)
    own = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/store.db",
        "DATA_DIR": str(tmp_path),
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "WEBHOOK_URL": "http://127.0.0.1:1/",
        "WEBHOOK_SECRET": "0123456789abcdef",
        "DASH_PORT": free_port(),
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    }
    for name, value in own.items():
        monkeypatch.setenv(f"FLARE_{name}", value)
    # A command of the API sets up its own logging; that of the tests must survive it.
    monkeypatch.setattr("logging.config.dictConfig", lambda _configuration: None)


def ended(
    command: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> str:
    """Return what a command that must refuse says."""
    package, *arguments = command.split()
    status = MAINS[package](arguments)
    said = capsys.readouterr().err + "".join(record.getMessage() for record in caplog.records)
    assert status > 0
    assert said.count("\n") <= 1
    assert "Traceback" not in said
    assert PASSWORD not in said
    return said


@pytest.mark.parametrize(("setting", "value", "command", "line"), WRONG)
def test_a_wrong_setting_ends_a_command_with_one_line(
    setting: str,
    value: str,
    command: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(f"FLARE_{setting}", value.replace("{folder}", str(tmp_path)))

    assert line in ended(command, capsys, caplog)


def test_a_server_that_refuses_the_account_is_not_waited_for(
    mariadb_engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE OR REPLACE USER nobody@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"
        )
    right = mariadb_engine.url
    refused = {
        right.set(password=PASSWORD): "correct user and password in FLARE_DATABASE_URL",
        right.set(database="absent"): "no database of the name in FLARE_DATABASE_URL",
        right.set(username="nobody", password=PASSWORD): "correct the name, or grant it the rights",
    }

    for address, line in refused.items():
        monkeypatch.setenv("FLARE_DATABASE_URL", address.render_as_string(hide_password=False))
        for command in ("database upgrade", CONSUME, DASH):
            assert line in ended(command, capsys, caplog)
            caplog.clear()
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql(f"GRANT SELECT ON {right.database}.* TO nobody@'127.0.0.1'")
    assert "lacks a right on a table; grant it" in ended(CONSUME, capsys, caplog)
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql("DROP USER nobody@'127.0.0.1'")


def test_a_host_that_is_not_this_machine_and_a_taken_port_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(InvalidInputError, match=rf"port {port} .* FLARE_API_PORT=9000"):
            require_address("127.0.0.1", port, service="API")
    require_address("127.0.0.1", port, service="API")
    with pytest.raises(InvalidInputError, match=r"FLARE_DASH_HOST=192\.0\.2\.1 is no address"):
        require_address("192.0.2.1", port, service="DASH")


def test_a_temporary_folder_without_a_right_to_write_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder in ("/proc", str(tmp_path / "absent")):
        monkeypatch.setenv("TMPDIR", folder)
        with pytest.raises(InvalidInputError, match=f"TMPDIR={folder} .*; set TMPDIR"):
            require_temporary_folder()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    require_temporary_folder()


def test_a_server_ends_at_once_where_it_cannot_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        monkeypatch.setenv("FLARE_API_PORT", port)

        done = subprocess.run(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} cannot be used (Address already in use)" in done.stderr
    assert "such as FLARE_API_PORT=" in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize(("package", "service"), [("app", "API"), ("app_dash", "DASH")])
def test_a_server_that_is_killed_leaves_no_worker_behind(
    package: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv(f"FLARE_{service}_PORT", port)
    address = f"http://127.0.0.1:{port}/health"

    with started(package, "serve", ready=address, environment=os.environ) as master:
        os.kill(master.pid, signal.SIGKILL)
        master.wait(10)
        deadline = time.monotonic() + 15
        while members(master.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        left = members(master.pid)

    assert left == []


def members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found
