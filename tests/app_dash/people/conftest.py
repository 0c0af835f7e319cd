"""What the tests of people share: an office with an admin and an operator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from office import Office, serving_api


@pytest.fixture(scope="session")
def people_api(sqlite_engine: sa.Engine) -> Iterator[str]:
    """The address of the API on the store of the tests."""
    with serving_api(sqlite_engine) as address:
        yield address


@pytest.fixture
def office(engine_sqlite: sa.Engine, people_api: str) -> Office:
    made = Office(engine_sqlite, people_api)
    made.add("mei", "admin", display_name="Mei Tanaka")
    made.add("ana", "operator", display_name="Ana Ruiz")
    return made
