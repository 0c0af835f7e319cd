"""What every test may ask for: the shared data folder, and the stores it runs against."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import mariadb_server
import pytest
import sqlalchemy as sa
from hypothesis import settings

from database.engine import create_engine, writing
from database.migrations import upgrade
from database.schema.tables import metadata
from database.settings import DatabaseSettings

# A loaded machine may need longer for one example than the default deadline allows.
settings.register_profile("flarewatch", deadline=None)
settings.load_profile("flarewatch")

# No test takes the power away, so that none has to wait for the disk at each commit.
os.environ.setdefault("FLARE_SQLITE_SYNCHRONOUS", "normal")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    long = parser.getgroup("flarewatch", "how long the tests without an end go on")
    long.addoption("--thorough", action="store_true", help="with the tests of that mark")
    long.addoption("--chaos-rounds", type=int, default=1, help="rounds of faults to play")
    long.addoption("--chaos-seed", type=int, default=1, help="the seed of the first of them")
    long.addoption("--fuzz-requests", type=int, default=400, help="requests that nobody means")
    long.addoption("--fuzz-seed", type=int, default=1, help="what they are drawn from")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)
    if config.getoption("--thorough"):
        return
    is_left_out = {item: item.get_closest_marker("thorough") is not None for item in items}
    config.hook.pytest_deselected(items=[item for item in items if is_left_out[item]])
    items[:] = [item for item in items if not is_left_out[item]]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def mariadb_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database; FLARE_TEST_DATABASE_URL points at a server of one's own."""
    given = os.environ.get("FLARE_TEST_DATABASE_URL")
    if given:
        yield _own_database(given)
        return
    if not mariadb_server.is_installed():
        pytest.fail(mariadb_server.INSTALL_HINT)
    with mariadb_server.private_server(tmp_path_factory.mktemp("mariadb")) as address:
        server = sa.create_engine(address)
        with server.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE flarewatch CHARACTER SET utf8mb4")
        server.dispose()
        yield address + "flarewatch"


def _own_database(address: str) -> str:
    """Give each worker of a parallel run a database of its own on the server it shares."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker:
        return address
    url = sa.make_url(address)
    own = url.set(database=f"{url.database}_{worker}")
    server = sa.create_engine(url)
    with server.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE DATABASE IF NOT EXISTS {own.database} CHARACTER SET utf8mb4"
        )
    server.dispose()
    return own.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def mariadb_engine(mariadb_address: str) -> Iterator[sa.Engine]:
    yield from upgraded(mariadb_address)


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    yield from upgraded(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/flarewatch.db")


def upgraded(address: str) -> Iterator[sa.Engine]:
    engine = create_engine(DatabaseSettings(database_url=address))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def open_store() -> Iterator[Callable[[str], sa.Engine]]:
    """Open stores by their address; what they hold open is closed when the test ends."""
    engines: list[sa.Engine] = []

    def open_one(address: str) -> sa.Engine:
        engines.append(create_engine(DatabaseSettings(database_url=address)))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine_sqlite(sqlite_engine: sa.Engine) -> sa.Engine:
    empty(sqlite_engine)
    return sqlite_engine


@pytest.fixture(params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    store: sa.Engine = request.getfixturevalue(f"{request.param}_engine")
    empty(store)
    return store


WITH_ROWS = sa.union_all(
    *(
        sa.select(sa.literal(name)).where(sa.exists().select_from(table))
        for name, table in metadata.tables.items()
    )
)


def empty(store: sa.Engine) -> None:
    with writing(store) as connection:
        for name in connection.scalars(WITH_ROWS).all():
            connection.execute(metadata.tables[name].delete())
