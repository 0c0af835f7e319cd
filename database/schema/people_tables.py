"""The tables of people: who they are, how they sign in, what they did and what they said."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, long_text, table
from solar.identifiers import LENGTH

LONGEST_NAME, LONGEST_SUBJECT = 64, 255


def _id(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, identifier(LENGTH), **options)


# Nobody is ever deleted: one who has gone is in the state "left", and the door stays locked.
people = table(
    "people",
    _id("person_id", primary_key=True),
    sa.Column("name", identifier(LONGEST_NAME), nullable=False, unique=True),
    sa.Column("display_name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("email", sa.String(254)),
    sa.Column("subject", identifier(LONGEST_SUBJECT), unique=True, comment="name at the proxy"),
    sa.Column("roles", identifier(64), nullable=False),
    sa.Column("state", identifier(8), nullable=False, comment="active, locked or left"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime),
)

# On MySQL it lies in a database of its own, which the account of the dashboard cannot read. So it
# is not among the tables of the store (docs/decisions/0026).
credentials = sa.Table(
    "credentials",
    sa.MetaData(),
    _id("person_id", primary_key=True),
    sa.Column("password_hash", identifier(255), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

sessions = table(
    "sessions",
    sa.Column("token_sha256", identifier(64), primary_key=True),
    _id("person_id", nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("agent", sa.String(255), nullable=False),
)

# A revoked key stays, as a person does.
api_keys = table(
    "api_keys",
    sa.Column("key_sha256", identifier(64), primary_key=True),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False, index=True),
    _id("person_id", index=True),
    sa.Column("scopes", identifier(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)

invitations = table(
    "invitations",
    sa.Column("token_sha256", identifier(64), primary_key=True),
    _id("person_id", nullable=False, index=True),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("used_at", UtcDateTime),
)

login_failures = table(
    "login_failures",
    _id("failure_id", primary_key=True),
    sa.Column("bucket", identifier(64), nullable=False, comment="a name or an address"),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Index("login_failures_by_bucket", "bucket", "at"),
)

audit = table(
    "audit",
    _id("audit_id", primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    _id("person_id"),
    sa.Column("actor", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("via", identifier(8), nullable=False, comment="session, key, local, cli or system"),
    sa.Column("action", identifier(32), nullable=False),
    sa.Column("object_kind", identifier(32), nullable=False),
    sa.Column("object_id", sa.String(128), nullable=False),
    sa.Column("value_before", long_text()),
    sa.Column("value_after", long_text()),
    sa.Column("request_id", identifier(64)),
    sa.Index("audit_by_time", "at", "audit_id"),
    sa.Index("audit_by_object", "object_kind", "object_id", "audit_id"),
)

announcements = table(
    "announcements",
    _id("announcement_id", primary_key=True),
    sa.Column("severity", identifier(8), nullable=False, comment="info, warning or urgent"),
    sa.Column("text", sa.String(500), nullable=False),
    sa.Column("from_at", UtcDateTime, nullable=False),
    sa.Column("until_at", UtcDateTime, nullable=False, index=True),
    sa.Column("author", sa.String(LONGEST_NAME), nullable=False),
)

feedback = table(
    "feedback",
    _id("feedback_id", primary_key=True),
    _id("person_id", index=True),
    sa.Column("author", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("kind", identifier(8), nullable=False, comment="feedback or bug"),
    sa.Column("score", sa.Integer),
    sa.Column("text", long_text(), nullable=False),
    sa.Column("page", sa.String(500), nullable=False),
    sa.Column("version", identifier(32), nullable=False),
    sa.Column("state", identifier(8), nullable=False, comment="open or answered"),
    sa.Column("answer", long_text()),
    sa.Column("answered_by", sa.String(LONGEST_NAME)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("answered_at", UtcDateTime),
)
