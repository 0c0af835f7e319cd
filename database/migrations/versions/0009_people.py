"""People, how they sign in, what they did and said; the users' keys become `api_keys`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError

from solar.errors import InvalidInputError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
INDEXES = (
    ("ix_sessions_person_id", "sessions", ["person_id"]),
    ("ix_sessions_expires_at", "sessions", ["expires_at"]),
    ("ix_api_keys_name", "api_keys", ["name"]),
    ("ix_api_keys_person_id", "api_keys", ["person_id"]),
    ("ix_invitations_person_id", "invitations", ["person_id"]),
    ("ix_invitations_expires_at", "invitations", ["expires_at"]),
    ("ix_login_failures_at", "login_failures", ["at"]),
    ("login_failures_by_bucket", "login_failures", ["bucket", "at"]),
    ("audit_by_time", "audit", ["at", "audit_id"]),
    ("audit_by_object", "audit", ["object_kind", "object_id", "audit_id"]),
    ("ix_announcements_until_at", "announcements", ["until_at"]),
    ("ix_feedback_person_id", "feedback", ["person_id"]),
)
NEW = (
    "people", "sessions", "api_keys", "invitations", "login_failures", "audit", "announcements",
    "feedback",
)  # fmt: skip


def upgrade() -> None:
    _create_credentials()
    _create_people()
    _create_audit()
    _create_messages()
    for index in INDEXES:
        _index(*index)
    _move_keys()


def _create_people() -> None:
    _create(
        "people",
        _id("person_id", primary_key=True),
        sa.Column("name", _identifier(64), nullable=False, unique=True),
        sa.Column("display_name", sa.String(64), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("subject", _identifier(255), unique=True, comment="name at the proxy"),
        sa.Column("roles", _identifier(64), nullable=False),
        sa.Column("state", _identifier(8), nullable=False, comment="active, locked or left"),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("last_seen_at", _moment()),
    )
    _create(
        "sessions",
        sa.Column("token_sha256", _identifier(64), primary_key=True),
        _id("person_id", nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("last_seen_at", _moment(), nullable=False),
        sa.Column("expires_at", _moment(), nullable=False),
        sa.Column("agent", sa.String(255), nullable=False),
    )
    _create(
        "api_keys",
        sa.Column("key_sha256", _identifier(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        _id("person_id"),
        sa.Column("scopes", _identifier(64), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("expires_at", _moment()),
        sa.Column("last_used_at", _moment()),
        sa.Column("revoked_at", _moment()),
    )
    _create(
        "invitations",
        sa.Column("token_sha256", _identifier(64), primary_key=True),
        _id("person_id", nullable=False),
        sa.Column("expires_at", _moment(), nullable=False),
        sa.Column("used_at", _moment()),
    )


def _create_audit() -> None:
    _create(
        "login_failures",
        _id("failure_id", primary_key=True),
        sa.Column("bucket", _identifier(64), nullable=False, comment="a name or an address"),
        sa.Column("at", _moment(), nullable=False),
    )
    _create(
        "audit",
        _id("audit_id", primary_key=True),
        sa.Column("at", _moment(), nullable=False),
        _id("person_id"),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column(
            "via", _identifier(8), nullable=False, comment="session, key, local, cli or system"
        ),
        sa.Column("action", _identifier(32), nullable=False),
        sa.Column("object_kind", _identifier(32), nullable=False),
        sa.Column("object_id", sa.String(128), nullable=False),
        sa.Column("value_before", _long_text()),
        sa.Column("value_after", _long_text()),
        sa.Column("request_id", _identifier(64)),
    )


def _create_messages() -> None:
    _create(
        "announcements",
        _id("announcement_id", primary_key=True),
        sa.Column("severity", _identifier(8), nullable=False, comment="info, warning or urgent"),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("from_at", _moment(), nullable=False),
        sa.Column("until_at", _moment(), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
    )
    _create(
        "feedback",
        _id("feedback_id", primary_key=True),
        _id("person_id"),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("kind", _identifier(8), nullable=False, comment="feedback or bug"),
        sa.Column("score", sa.Integer()),
        sa.Column("text", _long_text(), nullable=False),
        sa.Column("page", sa.String(500), nullable=False),
        sa.Column("version", _identifier(32), nullable=False),
        sa.Column("state", _identifier(8), nullable=False, comment="open or answered"),
        sa.Column("answer", _long_text()),
        sa.Column("answered_by", sa.String(64)),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("answered_at", _moment()),
    )


def _create_credentials() -> None:
    """Create the passwords' table, on MySQL in a database of its own.

    It comes first: an account without the right to do so leaves the store as it was.
    """
    connection = op.get_bind()
    columns = (
        _id("person_id", primary_key=True),
        sa.Column("password_hash", _identifier(255), nullable=False),
        sa.Column("changed_at", _moment(), nullable=False),
    )
    if connection.dialect.name == "sqlite":
        _create("credentials", *columns)
        return
    name = f"{connection.engine.url.database}_credentials"
    try:
        connection.exec_driver_sql(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")
        _create("credentials", *columns, schema=name)
    except DBAPIError as error:
        raise InvalidInputError(
            f"this account may not keep passwords in the database {name}, which the dashboard"
            " cannot read; let an administrator of the server run: CREATE DATABASE"
            f" `{name}`; GRANT ALL ON `{name}`.* TO 'migrator'@'%'; GRANT SELECT, INSERT, UPDATE,"
            f" DELETE ON `{name}`.* TO 'writer'@'%'; then run this again"
        ) from error


def _move_keys() -> None:
    connection = op.get_bind()
    if not sa.inspect(connection).has_table("users"):
        return
    # Those of an upgrade that was cut off have come already.
    connection.execute(
        sa.text(
            "INSERT INTO api_keys (key_sha256, name, scopes, created_at)"
            " SELECT key_sha256, name, scopes, created_at FROM users"
            " WHERE key_sha256 NOT IN (SELECT key_sha256 FROM api_keys)"
        )
    )
    op.drop_table("users")


def _index(name: str, table: str, columns: list[str]) -> None:
    # MySQL has no CREATE INDEX IF NOT EXISTS.
    if name not in {known["name"] for known in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def _create(name: str, *columns: sa.Column[Any], schema: str | None = None) -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    op.create_table(name, *columns, if_not_exists=True, schema=schema, **OPTIONS)


def _id(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, _identifier(26), **options)


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def downgrade() -> None:
    _create(
        "users",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("key_sha256", _identifier(64), nullable=False, unique=True),
        sa.Column("scopes", _identifier(64), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
    )
    op.execute(
        "INSERT INTO users (name, key_sha256, scopes, created_at)"
        " SELECT name, key_sha256, scopes, created_at FROM api_keys"
        " WHERE revoked_at IS NULL AND person_id IS NULL"
    )
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    schema = None if is_sqlite else f"{connection.engine.url.database}_credentials"
    op.drop_table("credentials", schema=schema)
    for name in NEW:
        op.drop_table(name)
