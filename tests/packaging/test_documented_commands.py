"""What README and docs tell a reader to type: it can be pasted, it is understood, and it works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mariadb_server
import pytest
import sqlalchemy as sa
import yaml
from processes import free_port, serving

import app.__main__
import app_dash.__main__
import data_sender.options
import database.__main__
import model_training.__main__
import solar.status.__main__
from flarewatch import PARTS, TRAINING

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "custom/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
# What a Debian has, what the README has the reader install, and what the environment brings.
PROGRAMS = {
    ".",
    "cp",
    "cd",
    "curl",
    "docker",
    "export",
    "flarewatch",
    "for",
    "git",
    "kill",
    "make",
    "mkdir",
    "python",
    "sudo",
    "tar",
    "until",
}
# Commands that this file does not run, and why.
ELSEWHERE = {
    r"docs/(api|own-models|training)\.md": "their pages have tests of their own",
    r"docs/data\.md .*(curl|tar|describe|partition1|march)": "fetches from other people's servers",
    r"send (jsoc|swpc)": "asks JSOC and SWPC; tests/data_sender runs it against their likes",
    r"--via kafka|api consume|KAFKA": "needs a broker; tests/app/stream runs it",
    r" (docker|sudo|git|make|cp|mkdir|\.) ": "of the machine; goals and services are tested here",
    r"flarewatch (train|datasets|evaluate|disk) |--recipe ": "tests/model_training runs it",
    r"bench soak": "lasts 20 minutes",
}
# What stands for the reader's own files and server; a store that is restored into must be empty.
NEW = "FLARE_DATABASE_URL=sqlite:///new.db flarewatch database"
OWN = {
    r"mysql\+mysqlconnector://user:password@host/flarewatch": "$STORE",
    r"import-flares (FILE|\S+\.csv)": "import-flares list.csv",
    r"import-harps \S+": "import-harps map.txt",
    r"import-xray \S+": "import-xray xray.csv",
    r"replay (FILE|hourly_2014\.parquet)": "replay records.csv",
    r"(flarewatch database) restore": f"{NEW} upgrade && {NEW} restore",
    r"flarewatch dash serve": "dash_until_ready",
    r"& done": '& pids="$pids $!"; done; wait $pids',
    r"; wait$": "",
}
DOCUMENTED = "http://127.0.0.1:8000"
START = """
set -e
dash_until_ready() {
    flarewatch dash serve & page=$!
    until curl --silent --fail "http://127.0.0.1:$FLARE_DASH_PORT/ready"; do sleep 0.2; done
    kill $page; wait $page
}
trap 'status=$?; set +e; kill $(jobs -p) 2>/dev/null; wait; exit $status' EXIT
"""


def commands(page: Path) -> list[str]:
    """Return the commands in the shell blocks of a page, each with all of its lines."""
    found, begun = [], ""
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            begun += re.sub(r"\s+# .*", "", line) + "\n"
            if begun.endswith("\\\n") or begun.count("'") % 2:
                continue
            if text := begun.replace("\\\n", " ").strip():
                found.append(text)
            begun = ""
    return found


COMMANDS = [(page, text) for page in PAGES for text in commands(page)]
OURS = [
    (page, words)
    for page, text in COMMANDS
    for words in re.findall(r"\bflarewatch (?!&&)[^&|;]*", text)
    if not re.match(r"flarewatch +(&&|$)", words)
]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_command_begins_with_a_program_that_the_reader_has() -> None:
    unknown = [
        text for _, text in COMMANDS if text.split()[0].split("=")[0] not in PROGRAMS | {"ID"}
    ]

    assert len(COMMANDS) > 60
    assert unknown == []


@pytest.mark.parametrize(("page", "text"), OURS, ids=lambda one: str(one)[-60:])
def test_a_documented_command_is_understood(page: Path, text: str) -> None:
    _, command, *arguments = shlex.split(text.replace("$(", "("))
    readers = {
        "api": app.__main__.parser().parse_args,
        "dash": app_dash.__main__.parser().parse_args,
        "send": data_sender.options.parse_arguments,
        "database": database.__main__.parser().parse_args,
        "status": solar.status.__main__.parser().parse_args,
    }

    if command in TRAINING:
        model_training.__main__.parser(command).parse_args([command, *arguments])
    elif command not in ("--version", "--help"):
        readers[command](arguments)


def test_every_command_in_a_sentence_exists() -> None:
    named = [
        word for page in PAGES for word in re.findall(r"`flarewatch ([a-z]+)", page.read_text())
    ]

    assert len(named) > 30
    assert set(named) <= {*PARTS, *TRAINING}


def test_every_goal_of_make_and_every_service_of_compose_exists() -> None:
    goals = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    for _, text in COMMANDS:
        if made := re.match(r"make ([a-z]+)", text):
            assert made[1] in goals
        for service in re.findall(r"--scale (\w+)=|compose logs (\w+)|compose build (\w+)", text):
            assert "".join(service) in services
        if ran := re.search(r"compose run .*? (\w+) +flarewatch ", text):
            assert ran[1] in services


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay down the reader's own files."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "list.csv").write_text(
        "start,peak,end,goes_class,noaa_ar,satellite\n"
        "2014-03-29 17:35,2014-03-29 17:48,2014-03-29 17:54,X1.0,12017,G15\n"
    )
    (folder / "map.txt").write_text(" HARPNUM   NOAA_ARS\n   3894  12017\n")
    (folder / "xray.csv").write_text(
        "minute_at,flux_w_m2,satellite\n2014-03-29T17:48:00Z,1.0e-4,G15\n"
    )
    keywords = "USFLUX,TOTUSJH,R_VALUE\n"
    rows = [
        f"3894,12017,2014-03-29T{hour:02}:00:00Z,1.28e22,1224,4.{hour:02}\n" for hour in range(24)
    ]
    (folder / "records.csv").write_text("HARPNUM,NOAA_AR,T_REC," + keywords + "".join(rows))
    return folder


@pytest.fixture(scope="module")
def environment(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give a server of one's own, since tables that are divided stay so."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("FLARE_")}
    folder = tmp_path_factory.mktemp("server")
    with mariadb_server.private_server(folder, *mariadb_server.WITHOUT_SYNC) as address:
        server = sa.create_engine(address)
        with server.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE flarewatch CHARACTER SET utf8mb4")
        server.dispose()
        api = free_port()
        yield plain | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STORE": f"{address}flarewatch",
            "FLARE_DATA_DIR": str(desk),
            "FLARE_API_PORT": api,
            "FLARE_DASH_PORT": free_port(),
            "FLARE_API_URL": f"http://127.0.0.1:{api}",
        }


def runnable(page: Path) -> list[str]:
    found = []
    for text in commands(page):
        if not any(re.search(pattern, f"{name(page)} {text} ") for pattern in ELSEWHERE):
            for pattern, own in OWN.items():
                text = re.sub(pattern, lambda match, own=own: match.expand(own), text)
            found.append(text)
    return found


def paste(script: list[str], desk: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", START + "\n".join(script).replace(DOCUMENTED, environment["FLARE_API_URL"])],
        cwd=desk,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_commands_of_the_readme_work_one_after_the_other(
    desk: Path, environment: dict[str, str]
) -> None:
    script = runnable(ROOT / "README.md")

    paste(script, desk, environment)

    assert len(script) > 8
    assert "replay" in "".join(script)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_commands_of_the_other_pages_work_one_after_the_other(
    desk: Path, environment: dict[str, str]
) -> None:
    # A simulation on one page leaves a store that has forecast the present to the next pages.
    script = [
        text.replace("send replay ", "send replay --clock wall ")
        for page in PAGES[1:]
        for text in runnable(page)
    ]
    environment = {**environment, "FLARE_DATABASE_URL": environment["STORE"]}
    paste(["flarewatch database upgrade"], desk, environment)

    ready = f"{environment['FLARE_API_URL']}/ready"
    with serving("app", "serve", ready=ready, environment=environment):
        paste(script, desk, environment)

    assert len(script) > 15
