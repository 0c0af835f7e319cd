"""The Lab: data sets, recipes, experiments, runs with their log and outputs, and workers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
INDEXES: tuple[tuple[str, str, list[str], bool], ...] = (
    ("ix_uploads_expires_at", "uploads", ["expires_at"], False),
    ("uploads_by_owner", "uploads", ["owner", "upload_id"], False),
    ("datasets_by_owner", "datasets", ["owner", "dataset_id"], False),
    ("recipes_by_owner", "recipes", ["owner", "recipe_id"], False),
    ("experiments_by_owner", "experiments", ["owner", "experiment_id"], False),
    ("ix_runs_fingerprint", "runs", ["fingerprint"], False),
    ("runs_by_owner", "runs", ["owner", "queued_at"], False),
    ("runs_by_state", "runs", ["state", "queued_at"], False),
    ("runs_by_number", "runs", ["experiment_id", "number"], True),
    ("runs_by_start_key", "runs", ["owner", "start_key"], True),
    ("ix_outputs_sha256", "outputs", ["sha256"], False),
    ("ix_workers_last_seen_at", "workers", ["last_seen_at"], False),
)
NEW = (
    "uploads",
    "datasets",
    "recipes",
    "experiments",
    "runs",
    "attempts",
    "log_chunks",
    "outputs",
    "workers",
)


def upgrade() -> None:
    _create_what_runs_use()
    _create_runs()
    for name, table, columns, is_unique in INDEXES:
        # MySQL has no CREATE INDEX IF NOT EXISTS.
        if name not in {known["name"] for known in sa.inspect(op.get_bind()).get_indexes(table)}:
            op.create_index(name, table, columns, unique=is_unique)


def downgrade() -> None:
    for name in NEW:
        op.drop_table(name)


def _create_what_runs_use() -> None:
    _create(
        "uploads",
        _id("upload_id", primary_key=True),
        _owner(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("sha256", _identifier(64)),
        sa.Column("state", _identifier(9), nullable=False, comment="receiving, complete, consumed"),
        sa.Column("expires_at", _moment(), nullable=False),
    )
    _create(
        "datasets",
        _id("dataset_id", primary_key=True),
        _owner(),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _visibility(),
        sa.Column("state", _identifier(9), nullable=False, comment="checking, ready, refused …"),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("licence", sa.String(200), nullable=False),
        sa.Column(
            "files", _long_text(), nullable=False, comment="JSON: name, sha256, bytes of each"
        ),
        sa.Column(
            "layout", _long_text(), comment="JSON: how it is read, the data table of a recipe"
        ),
        sa.Column(
            "question", _long_text(), comment="JSON: what it asks, with the answers to choose from"
        ),
        sa.Column("answer", sa.String(200)),
        sa.Column("breakdown", _long_text(), comment="JSON"),
        sa.Column("reason", sa.String(500), comment="why it was refused, and the way out"),
        _id("parent"),
        _id("made_by_run"),
        sa.Column("rows", sa.BigInteger(), quote=True),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("deleted_at", _moment()),
    )
    _create(
        "recipes",
        _id("recipe_id", primary_key=True),
        _owner(),
        sa.Column("name", sa.String(80), nullable=False),
        _visibility(),
        sa.Column("document", _long_text(), nullable=False, comment="TOML"),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        _id("parent"),
        sa.Column("created_at", _moment(), nullable=False),
    )
    _create(
        "experiments",
        _id("experiment_id", primary_key=True),
        _owner(),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("tags", sa.String(500), nullable=False, comment="JSON"),
        _visibility(),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("archived_at", _moment()),
        sa.Column("deleted_at", _moment()),
    )


def _create_runs() -> None:
    _create(
        "runs",
        _id("run_id", primary_key=True),
        _id("experiment_id", nullable=False),
        _owner(),
        sa.Column("kind", _identifier(16), nullable=False, comment="describe, train, evaluate …"),
        sa.Column("number", sa.Integer(), nullable=False, comment="in its experiment, from 1"),
        _visibility(),
        _id("recipe_id"),
        sa.Column("dataset_ids", sa.String(500), nullable=False, comment="JSON"),
        sa.Column("parameters", _long_text(), nullable=False, comment="JSON"),
        sa.Column("fingerprint", _identifier(64), nullable=False),
        sa.Column(
            "needs", sa.String(200), nullable=False, comment="JSON: what a worker must offer"
        ),
        sa.Column("queue", _identifier(80), nullable=False, comment="cpu, gpu or gpu.HOST.NUMBER"),
        sa.Column("state", _identifier(9), nullable=False),
        sa.Column(
            "attempt", sa.Integer(), nullable=False, comment="counts how often it was published"
        ),
        _id("worker_id"),
        sa.Column("lease_until", _moment()),
        sa.Column("published_at", _moment()),
        sa.Column("stop_asked_at", _moment()),
        sa.Column("stop_asked_by", sa.String(80)),
        sa.Column("restarts_at", _moment(), comment="when a lost run is queued again by itself"),
        sa.Column("time_limit_s", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Double(), comment="0 to 1"),
        sa.Column("doing", sa.String(200), comment="the step that it is at"),
        sa.Column("eta_s", sa.Double()),
        sa.Column("headline", sa.String(2000), comment="JSON: BSS of each event with its interval"),
        sa.Column("reason", sa.String(2000), comment="why it waits, failed or was lost"),
        sa.Column("tags", sa.String(500), nullable=False, comment="JSON"),
        sa.Column("note", sa.String(2000), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("queued_at", _moment()),
        sa.Column("started_at", _moment()),
        sa.Column("ended_at", _moment()),
        sa.Column("deleted_at", _moment()),
        sa.Column("start_key", _identifier(64), comment="Idempotency-Key of its creation"),
    )
    _create(
        "attempts",
        _id("run_id", primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True, autoincrement=False),
        _id("worker_id", nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        _id(
            "claim_token", nullable=False, comment="tells the job from a second one of its message"
        ),
        sa.Column("code_version", _identifier(64), nullable=False),
        sa.Column("libraries", _long_text(), nullable=False, comment="JSON"),
        sa.Column("began_at", _moment(), nullable=False),
        sa.Column("ended_at", _moment()),
        sa.Column("outcome", _identifier(16)),
        sa.Column("reason", sa.String(2000)),
        sa.Column("cpu_s", sa.Double()),
        sa.Column("peak_rss", sa.BigInteger(), comment="bytes"),
        sa.Column("rss", sa.BigInteger(), comment="bytes at the last report"),
        sa.Column("log_bytes", sa.BigInteger(), nullable=False),
        sa.Column("event_bytes", sa.BigInteger(), nullable=False),
    )
    _create(
        "log_chunks",
        _id("run_id", primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("stream", _identifier(6), primary_key=True, comment="log or events"),
        sa.Column("from_byte", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("data", _piece(), nullable=False),
    )
    _create(
        "outputs",
        _id("run_id", primary_key=True),
        sa.Column("name", _identifier(200), primary_key=True),
        sa.Column("kind", _identifier(16), nullable=False, comment="model, report, checkpoint …"),
        sa.Column("sha256", _identifier(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
    )
    _create(
        "workers",
        _id("worker_id", primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("code_version", _identifier(64), nullable=False),
        sa.Column("offers", _long_text(), nullable=False, comment="JSON: kinds and estimators"),
        sa.Column("queue", _identifier(80), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False, comment="slots free at its last report"),
        sa.Column("state", _identifier(9), nullable=False, comment="ready or draining"),
        sa.Column("began_at", _moment(), nullable=False),
        sa.Column("last_seen_at", _moment(), nullable=False),
    )


def _create(name: str, *columns: sa.Column[Any]) -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    op.create_table(name, *columns, if_not_exists=True, **OPTIONS)


def _id(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, _identifier(26), **options)


def _owner() -> sa.Column[str]:
    return sa.Column("owner", sa.String(80), nullable=False, comment="a person_id, or who")


def _visibility() -> sa.Column[str]:
    return sa.Column("visibility", _identifier(7), nullable=False, comment="private or shared")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _piece() -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
