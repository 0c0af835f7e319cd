"""The metadata of the store, and the options that every table shares."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """Declare a table with the engine and character set that all of them have."""
    return sa.Table(name, metadata, *items, **_MYSQL)


def region_id(*, primary_key: bool = False) -> sa.Column[int]:
    """Declare the number of a region.

    A HARPNUM when there is one; a region known by its NOAA number alone stands under -NOAA_AR.
    """
    return sa.Column("region_id", sa.BigInteger, primary_key=primary_key, autoincrement=False)
