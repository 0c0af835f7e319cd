"""A private MariaDB server on a socket of its own, for tests and benchmarks."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

# Debian puts the server where an ordinary account's PATH does not look.
SEARCH_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
INSTALL_HINT = "MariaDB is missing; install it with: apt-get install mariadb-server"
# What nobody kills needs no disk: with these options the server never waits for it.
WITHOUT_SYNC = (
    "--debug-no-sync",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
)


def is_installed() -> bool:
    """Tell whether the server's programs are on this machine."""
    return all(shutil.which(p, path=SEARCH_PATH) for p in ("mariadbd", "mariadb-install-db"))


@contextmanager
def private_server(folder: Path, *options: str) -> Iterator[str]:
    """Start a server in `folder` and give its address without a database name."""
    install(folder)
    with running(folder, *options, port=free_port()) as address:
        yield address


def install(folder: Path, *, within: Sequence[str] = ()) -> None:
    """Write the files of an empty server into `folder`; `within` is a command that runs it."""
    # Servers that begin clear the folder of temporary tables, so that each has its own.
    _run("mariadb-install-db", f"--datadir={folder}/data", f"--tmpdir={folder}", "--skip-test-db",
         "--user=root", "--auth-root-authentication-method=normal", within=within)  # fmt: skip


@contextmanager
def running(folder: Path, *options: str, port: int) -> Iterator[str]:
    """Run the server whose files are in `folder`, and give its address like `private_server`."""
    server = start(folder, *options, port=port)
    try:
        yield address_of(port)
    finally:
        server.terminate()
        server.wait(30)


def start(
    folder: Path, *options: str, port: int, within: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start the server whose files are in `folder` and wait until it answers."""
    with (folder / "log").open("a") as log:
        server = subprocess.Popen(
            [*within, _program("mariadbd"), "--no-defaults", "--user=root",
             f"--datadir={folder}/data", f"--tmpdir={folder}",
             f"--socket={folder}/s", f"--port={port}", "--bind-address=127.0.0.1",
             f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=1",
             "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M",
             "--character-set-server=utf8mb4", *options],
            stderr=log,
        )  # fmt: skip
    try:
        _wait_for(port, server)
        _run("mariadb", f"--socket={folder}/s", "--user=root", "--execute",
             "CREATE USER IF NOT EXISTS flare@'127.0.0.1' IDENTIFIED BY 'flare';"
             "GRANT ALL ON *.* TO flare@'127.0.0.1' WITH GRANT OPTION;")  # fmt: skip
    except (RuntimeError, subprocess.CalledProcessError):
        server.kill()
        server.wait()
        raise
    return server


def address_of(port: int) -> str:
    """Return the address of the server at a port, without a database name."""
    return f"mysql+mysqlconnector://flare:flare@127.0.0.1:{port}/"


def _program(name: str) -> str:
    found = shutil.which(name, path=SEARCH_PATH)
    if not found:
        raise RuntimeError(INSTALL_HINT)
    return found


def _run(name: str, *arguments: str, within: Sequence[str] = ()) -> None:
    subprocess.run(
        [*within, _program(name), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError("the private MariaDB server stopped while starting")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the private MariaDB server does not answer after 30 s")
