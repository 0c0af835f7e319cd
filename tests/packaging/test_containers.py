from __future__ import annotations

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import mariadb_server
import pytest
import sqlalchemy as sa
import yaml

from database.engine import create_engine
from database.settings import DatabaseSettings
from flarewatch import PARTS
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
        url = f"mysql+mysqlconnector://{account}@{place}"
        password = PASSWORDS[f"{account.upper()}_PASSWORD"]
        engine = create_engine(DatabaseSettings(database_url=url, database_password=password))
        with engine.begin() as connection:
            grants = connection.scalars(sa.text("SHOW GRANTS")).all()
            connection.execute(sa.text("SELECT 1"))
        engine.dispose()
        (granted,) = [grant for grant in grants if "`flarewatch`" in grant]
        assert right in granted or "ALL PRIVILEGES" in granted
        assert ("CREATE" in granted or "ALL" in granted) == (account == "migrator")
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


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout of git")
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
        cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    services: dict[str, Any] = yaml.safe_load(shown.stdout.replace("$$", "$"))["services"]
    return services


def test_the_example_with_its_needed_values_is_all_that_compose_asks_for(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    for name, value in (
        ("MYSQL_ROOT_PASSWORD", "'r#o$ot'"), ("MIGRATOR_PASSWORD", "a@b/c'd%e"),
        ("WRITER_PASSWORD", "'a@b#c$d /e'"), ("READER_PASSWORD", "plain"),
        ("FLARE_API_KEY", "a-key-of-sixteen-characters"), ("FLARE_SECRET_KEY", "long"),
        ("FLARE_API_PORT", "9000"), ("FLARE_KAFKA_OPTIONS", """{"sasl.username": "me"}"""),
    ):  # fmt: skip
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


DOCKERFILES = sorted({SERVICES[name]["build"]["dockerfile"] for name in BUILT})


def steps(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile in their order, each with what it is given."""
    joined = (ROOT / dockerfile).read_text().replace("\\\n", "")
    return re.findall(r"^([A-Z]+) +(.+)$", joined, re.MULTILINE)


def copied(dockerfile: str) -> list[str]:
    return [value.split()[0] for word, value in steps(dockerfile) if word == "COPY"]


def installed(dockerfile: str, folder: Path) -> set[str]:
    """The distributions that the image installs, by the step that cuts them from the lock file."""
    shutil.copy(ROOT / "requirements.lock", folder)
    (cut,) = re.findall(r"sed .* > \w+\.lock", (ROOT / dockerfile).read_text())
    subprocess.run(["sh", "-c", cut], cwd=folder, check=True)
    text = (folder / cut.split()[-1]).read_text()
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


@cache
def imported(package: Path) -> set[str]:
    """The names at the root of all imports of a package, of those inside functions too."""
    found: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


distributions_by_root = cache(packages_distributions)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_holds_what_its_packages_import(dockerfile: str, tmp_path: Path) -> None:
    distributions = distributions_by_root()
    packages = {name for name in copied(dockerfile) if (ROOT / name).is_dir()}
    # The image of the API uses a part of it, which the test of its steps imports.
    roots = set().union(*(imported(ROOT / name) for name in packages - {"model_training"}))

    held = installed(dockerfile, tmp_path)

    for root in sorted(roots - packages):
        names = {name.lower().replace("_", "-") for name in distributions.get(root, [root])}
        assert names & held, f"{root} is imported but not in {dockerfile}"


def test_what_the_images_copy_is_all_that_docker_may_read() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert lines[0] == "*"
    assert allowed == {source for dockerfile in DOCKERFILES for source in copied(dockerfile)}


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_dockerfile_has_no_fault_that_hadolint_knows(dockerfile: str) -> None:
    program = Path(sys.executable).with_name("hadolint")

    shown = subprocess.run([program, "--no-color", ROOT / dockerfile], capture_output=True)

    assert shown.stdout.decode() == ""


def test_the_accounts_script_has_no_fault_that_shellcheck_knows() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed; apt-get install shellcheck")

    assert subprocess.run(["shellcheck", ACCOUNTS], capture_output=True).stdout.decode() == ""


# Imports all that a container runs; `env` is a script of alembic, and training stays outside.
IMPORT_ALL = """
import importlib, pkgutil, sys
names = ["model_training.commands.stages", "model_training.commands.plugins"]
names = names if "model_training" in sys.argv else []
for package in set(sys.argv[1:]) - {"model_training"}:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith((".env", ".__main__")):
            names.append(module.name)
for name in names:
    importlib.import_module(name)
print(len(names))
"""


class Unbuilt:
    """A folder in which the steps of a Dockerfile run as in its image, without an engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "srv"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
        for name in ("useradd", "chown"):
            (folder / "python" / "bin" / name).symlink_to("/bin/true")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            "PATH": f"{folder}/python/bin:/usr/bin:/bin", "HOME": str(folder),
            # Four images with the same packages: they are fetched once.
            "PIP_CACHE_DIR": str(folder.parent / "pip"), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }  # fmt: skip

    def take(self, word: str, value: str) -> None:
        """Do one step; those that say who runs it, and how it is seen from outside, are left."""
        if word == "RUN":
            command = value.replace("--no-cache-dir", "--no-compile")
            assert self.run("sh", "-c", command).returncode == 0
        elif word == "COPY":
            source, target = (self.inside(path) for path in value.split())
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, self.folder / target)
        elif word == "ENV":
            self.environment |= dict(self.inside(pair).split("=", 1) for pair in value.split())

    def inside(self, text: str) -> str:
        """Put the places of the image into this folder."""
        programs = f"{self.folder.parent}/python/bin"
        return text.replace("/srv/flarewatch", str(self.folder)).replace("/usr/local/bin", programs)

    def run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE
        )


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_steps_of_an_image_lead_to_a_program_that_starts(
    dockerfile: str, tmp_path: Path
) -> None:
    image = Unbuilt(tmp_path)

    for word, value in steps(dockerfile):
        image.take(word, value)

    packages = [name for name in copied(dockerfile) if (ROOT / name).is_dir()]
    assert image.run("python", "-c", IMPORT_ALL, *packages).returncode == 0
    (command,) = [json.loads(value) for word, value in steps(dockerfile) if word == "CMD"]
    assert image.run(*command, "--help").returncode == 0
    [name] = [name for name, (module, _) in PARTS.items() if module == command[2]]
    assert image.run("flarewatch", name, "--help").returncode == 0
    if "model_training" in packages:
        shutil.copytree(image.folder / "model_training" / "artifacts", image.folder / "models")
        promote = ["promote", "logistic-regression", "1.0.0", "--stage", "shadow"]
        promoted = image.run("python", "-m", "model_training", *promote, "--out", "models")
        assert b"shadow: gradient-boosting@1.0.0, logistic-regression@1.0.0" in promoted.stdout
