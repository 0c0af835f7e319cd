from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mariadb_server
import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.exc import DBAPIError

from database.engine import create_engine, writing
from database.migrations import upgrade
from database.people.credentials import set_password, stored_password
from database.people.people import add_person, list_people
from database.people.principal import COMMAND_LINE
from database.settings import DatabaseSettings
from solar.stream import DEAD_TOPIC, OBSERVATIONS_TOPIC, PREDICTIONS_TOPIC
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ACCOUNTS = ROOT / "database" / "accounts.sh"
ANY = "p@ss:w/o#rd $HOME ${x} `id` \"'\\'\\\\ %s & ü"
PASSWORDS = {
    "MYSQL_ROOT_PASSWORD": ANY.replace("'", "").replace("\\", ""),
    "MIGRATOR_PASSWORD": "m" + ANY,
    "WRITER_PASSWORD": "'); DROP USER reader; -- ",
    "READER_PASSWORD": "-n\\",
}
BUILT = sorted(name for name, service in SERVICES.items() if "build" in service)


def test_the_services_are_the_products_rooms() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}

    assert always == {"mysql", "migrations", "app", "app_dash", "data_sender"}


def test_the_stream_is_a_profile_of_its_own_with_a_broker_that_keeps_what_it_holds() -> None:
    stream = {name for name, service in SERVICES.items() if "kafka" in service.get("profiles", ())}

    assert stream == {"kafka", "topics", "consumer", "kafka_sender"}
    assert SERVICES["consumer"]["command"] == ["python", "-m", "app", "consume"]
    assert SERVICES["kafka"]["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert SERVICES["kafka"]["volumes"] == ["stream:/var/lib/kafka/data"]
    for name in ("consumer", "kafka_sender"):
        waits_for = SERVICES[name]["depends_on"]
        assert waits_for["topics"]["condition"] == "service_completed_successfully"
        assert "container_name" not in SERVICES[name]


def test_the_live_sources_keep_their_position_under_a_name_of_their_own() -> None:
    live = {name for name, service in SERVICES.items() if "live" in service.get("profiles", ())}

    assert live == {"jsoc_sender", "swpc_sender"}
    for source in ("jsoc", "swpc"):
        command = SERVICES[f"{source}_sender"]["command"]
        assert command[2:] == ["data_sender", source, "--sender", source]


def test_the_topics_are_those_that_the_services_use() -> None:
    topics = SERVICES["topics"]
    made = set(re.findall(r"make \"\$\$(\w+)\" \d+", topics["command"][-1]))

    assert {name: topics["environment"][name] for name in made} == {
        f"FLARE_KAFKA_{name}": f"${{FLARE_KAFKA_{name}:-{topic}}}"
        for name, topic in (
            ("OBSERVATIONS", OBSERVATIONS_TOPIC),
            ("DEAD", DEAD_TOPIC),
            ("PREDICTIONS", PREDICTIONS_TOPIC),
        )
    }


def test_every_service_waits_for_the_store_through_the_one_before_it() -> None:
    conditions = {name: SERVICES[name].get("depends_on", {}) for name in SERVICES}

    assert conditions["migrations"]["mysql"]["condition"] == "service_healthy"
    assert conditions["app"]["migrations"]["condition"] == "service_completed_successfully"
    assert conditions["data_sender"]["app"]["condition"] == "service_healthy"
    assert conditions["app_dash"]["app"]["condition"] == "service_healthy"


def test_senders_can_be_scaled_because_nothing_binds_them_to_one_name_or_port() -> None:
    assert not {"container_name", "ports", "hostname"} & set(SERVICES["data_sender"])


def test_no_password_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    assert not re.search(r"\$\{\w*(PASSWORD|KEY):-", text)


@pytest.mark.parametrize("name", BUILT)
def test_an_image_is_pinned_hashed_and_runs_without_root(name: str) -> None:
    lines = (ROOT / SERVICES[name]["build"]["dockerfile"]).read_text().splitlines()

    assert re.fullmatch(r"FROM python:3\.11-slim-bookworm", lines[1])
    assert any("--require-hashes" in line for line in lines)
    assert lines.index("USER 10001") < next(
        i for i, line in enumerate(lines) if line.startswith("CMD")
    )
    for package in re.findall(r"^COPY (\w+) \w+$", "\n".join(lines), re.MULTILINE):
        assert (ROOT / package).is_dir()


@pytest.mark.parametrize("name", ["app", "app_dash"])
def test_a_server_image_reports_its_health(name: str) -> None:
    assert "HEALTHCHECK" in (ROOT / SERVICES[name]["build"]["dockerfile"]).read_text()


def test_every_container_file_system_is_read_only_and_unprivileged() -> None:
    for name in BUILT:
        assert SERVICES[name]["read_only"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]


@pytest.fixture(scope="module")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A server as it is at MySQL's first start: the folder of a client, and the address."""
    folder = tmp_path_factory.mktemp("mysql")
    mariadb_server.install(folder)
    port = free_port()
    client = folder / "bin" / "mysql"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\nexec mariadb --socket={folder}/s "$@"\n')
    client.chmod(0o755)
    with mariadb_server.running(folder, port=port):
        # MySQL has no account without a name; here it would catch every log-in from 127.0.0.1.
        statements = (
            "DELETE FROM mysql.global_priv WHERE User = ''; FLUSH PRIVILEGES;"
            " CREATE DATABASE flarewatch;"
            " ALTER USER root@localhost IDENTIFIED BY '{}';"
        )
        statements = statements.format(PASSWORDS["MYSQL_ROOT_PASSWORD"])
        subprocess.run([client, "--user=root"], check=True, text=True, input=statements)
        yield client.parent, f"127.0.0.1:{port}/flarewatch"


def run_accounts(*command: str, client: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    path = f"{client}:{os.environ['PATH']}"
    environment = {**PASSWORDS, **changed, "PATH": path}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [
        [str(ACCOUNTS)],
        # As the image does where the executable bit is lost.
        ["bash", "-eo", "pipefail", "-c", '. ./database/accounts.sh; echo "go on$UNSET"'],
    ],
    ids=["executed", "sourced"],
)
def test_the_accounts_have_any_password_and_no_more_rights_than_they_need(
    mysql: tuple[Path, str], command: list[str]
) -> None:
    client, place = mysql

    ran = run_accounts(*command, client=client)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == ("go on\n" if "bash" in command else "")
    for account, right in (("migrator", "CREATE"), ("writer", "INSERT"), ("reader", "SELECT")):
        engine = account_engine(place, account)
        with engine.begin() as connection:
            grants = connection.scalars(sa.text("SHOW GRANTS")).all()
            connection.execute(sa.text("SELECT 1"))
        engine.dispose()
        (granted,) = [grant for grant in grants if "`flarewatch`" in grant]
        assert right in granted or "ALL PRIVILEGES" in granted
        assert ("CREATE" in granted or "ALL" in granted) == (account == "migrator")
    drop_accounts(client)


def test_the_account_of_the_dashboard_reads_people_but_no_passwords(
    mysql: tuple[Path, str],
) -> None:
    client, place = mysql
    run_accounts(str(ACCOUNTS), client=client)
    migrator, writer, reader = (account_engine(place, n) for n in ("migrator", "writer", "reader"))
    with ExitStack() as stack:
        stack.callback(drop_accounts, client)
        for engine in (migrator, writer, reader):
            stack.callback(engine.dispose)
        upgrade(migrator)
        now = datetime.now(UTC)
        with writing(writer) as connection:
            mei = add_person(connection, COMMAND_LINE, "mei", roles=["admin"], now=now)
            set_password(connection, mei.person_id, "a hash", now=now)
            assert stored_password(connection, mei.person_id) == "a hash"

        with reader.connect() as connection:
            assert list_people(connection) == [mei]
            tables = connection.scalars(sa.text("SELECT table_name FROM information_schema.tables"))
            assert "credentials" not in tables.all()
            with pytest.raises(DBAPIError, match="SELECT command denied"):
                stored_password(connection, mei.person_id)


def account_engine(place: str, account: str) -> sa.Engine:
    url = f"mysql+mysqlconnector://{account}@{place}"
    password = PASSWORDS[f"{account.upper()}_PASSWORD"]
    return create_engine(DatabaseSettings(database_url=url, database_password=password))


def drop_accounts(client: Path) -> None:
    statement = "DROP USER migrator, writer, reader"
    root = {"MYSQL_PWD": PASSWORDS["MYSQL_ROOT_PASSWORD"]}
    done = run_accounts("mysql", "--user=root", "--execute", statement, client=client, **root)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("WRITER_PASSWORD", "two\nlines", "WRITER_PASSWORD holds a line break"),
        ("READER_PASSWORD", "", "READER_PASSWORD is empty"),
        ("MYSQL_ROOT_PASSWORD", "it's", "MYSQL_ROOT_PASSWORD holds '"),
        ("MYSQL_ROOT_PASSWORD", "a\\b", "MYSQL_ROOT_PASSWORD holds '"),
    ],
)
def test_a_password_that_cannot_work_is_refused_before_mysql_starts(
    tmp_path: Path, name: str, password: str, reason: str
) -> None:
    started = tmp_path / "docker-entrypoint.sh"
    started.write_text('#!/bin/sh\necho "started $*"\n')
    started.chmod(0o755)
    script = "/docker-entrypoint-initdb.d/accounts.sh"
    entry = [part.replace(script, str(ACCOUNTS)) for part in SERVICES["mysql"]["entrypoint"]]
    entry = [part.replace("$$", "$") for part in entry] + SERVICES["mysql"]["command"][:1]

    refused = run_accounts(*entry, client=tmp_path, **{name: password})

    assert refused.returncode == 1
    assert refused.stderr.startswith(reason)
    assert len(refused.stderr.splitlines()) == 1
    assert run_accounts(*entry, client=tmp_path).stdout.startswith("started --innodb")


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="git keeps the mode, and this is no checkout"
)
def test_the_accounts_script_can_be_executed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-s", ACCOUNTS], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ACCOUNTS.stat().st_mode & stat.S_IXOTH
    assert listed.stdout.startswith("100755 ")


def test_mysql_is_healthy_only_when_it_answers_over_the_network() -> None:
    command = SERVICES["mysql"]["healthcheck"]["test"][1]

    assert '"$$READER_PASSWORD"' in command
    assert "--protocol=tcp --host=127.0.0.1" in command


def compose_config(folder: Path, example: str) -> dict[str, Any]:
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed; apt-get install docker-compose")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    (folder / ".env").write_text(example)
    shown = subprocess.run(
        ["docker-compose", "--profile", "kafka", "--profile", "live", "config"],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    services: dict[str, Any] = yaml.safe_load(shown.stdout.replace("$$", "$"))["services"]
    return services


def test_the_example_with_its_needed_values_is_all_that_compose_asks_for(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    for name, value in (
        ("MYSQL_ROOT_PASSWORD", "'r#o$ot'"),
        ("MIGRATOR_PASSWORD", "a@b/c'd%e"),
        ("WRITER_PASSWORD", "'a@b#c$d /e'"),
        ("READER_PASSWORD", "plain"),
        ("FLARE_API_KEY", "a-key-of-sixteen-characters"),
        ("FLARE_SECRET_KEY", "long"),
        ("FLARE_API_PORT", "9000"),
        ("FLARE_KAFKA_OPTIONS", """{"sasl.username": "me"}"""),
    ):
        example, count = re.subn(rf"^{name}=.*$", f"{name}={value}", example, flags=re.MULTILINE)
        assert count == 1

    services = compose_config(tmp_path, example)

    assert services["mysql"]["environment"]["MYSQL_ROOT_PASSWORD"] == "r#o$ot"
    assert services["migrations"]["environment"]["FLARE_DATABASE_PASSWORD"] == "a@b/c'd%e"
    app = services["app"]
    assert app["environment"]["FLARE_DATABASE_PASSWORD"] == "a@b#c$d /e"
    assert app["environment"]["FLARE_KAFKA_OPTIONS"] == """{"sasl.username": "me"}"""
    assert app["environment"]["FLARE_API_PORT"] == 8000
    assert app["ports"] == ["127.0.0.1:9000:8000/tcp"]
    shown = services["app_dash"]["environment"]
    assert shown["FLARE_PUBLIC_API_URL"] == "http://127.0.0.1:9000"


def test_the_accounts_script_has_no_fault_that_shellcheck_knows() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed; apt-get install shellcheck")

    assert subprocess.run(["shellcheck", ACCOUNTS], capture_output=True).stdout.decode() == ""
