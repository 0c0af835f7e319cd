"""The column types that SQLite and MySQL store alike, and the options that every table shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from solar.errors import InvalidInputError

_METADATA = sa.MetaData()
_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


class UtcDateTime(sa.TypeDecorator[datetime]):
    """DATETIME(6) in UTC; refuses naive values, because a dropped zone is never noticed."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise InvalidInputError(f"{value.isoformat()} names no time zone; store UTC")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime | str | None, dialect: sa.Dialect
    ) -> datetime | None:
        # MariaDB returns the text of a time that a statement was given.
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        return None if value is None else value.replace(tzinfo=UTC)


def identifier(length: int) -> sa.types.TypeEngine[str]:
    """Return the type of a short name that compares by its bytes.

    Under MySQL's default collation 'a' and 'A' would collide in a key.
    """
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def medium_binary() -> sa.types.TypeEngine[bytes]:
    """Return the type of bytes up to 16 MB, beyond MySQL's 64 kB."""
    return sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def long_text() -> sa.types.TypeEngine[str]:
    """Return the type of a text beyond MySQL's 64 kB."""
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """Declare a table with the engine and character set that every table has."""
    return sa.Table(name, _METADATA, *items, **_MYSQL)


def region_id(*, primary_key: bool = False) -> sa.Column[int]:
    """Declare the number of a region.

    A HARPNUM where there is one; a region known only by its NOAA number has -NOAA_AR.
    """
    return sa.Column("region_id", sa.BigInteger, primary_key=primary_key, autoincrement=False)
