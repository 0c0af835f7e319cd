"""The tables of the Lab: data sets, recipes, experiments, runs, and workers, which execute runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, long_text, medium_binary, table
from solar.identifiers import LENGTH

LONGEST_NAME, LONGEST_OWNER, LONGEST_FILE_NAME = 80, 80, 200
_STATE = 9


def _id(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, identifier(LENGTH), **options)


def _owner() -> sa.Column[str]:
    return sa.Column(
        "owner", sa.String(LONGEST_OWNER), nullable=False, comment="a person_id, or who"
    )


def _visibility() -> sa.Column[str]:
    return sa.Column("visibility", identifier(7), nullable=False, comment="private or shared")


uploads = table(
    "uploads",
    _id("upload_id", primary_key=True),
    _owner(),
    sa.Column("name", sa.String(LONGEST_FILE_NAME), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("sha256", identifier(64)),
    sa.Column("state", identifier(_STATE), nullable=False, comment="receiving, complete, consumed"),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Index("uploads_by_owner", "owner", "upload_id"),
)

# The content of a data set never changes; what is made from it is a child.
datasets = table(
    "datasets",
    _id("dataset_id", primary_key=True),
    _owner(),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    _visibility(),
    sa.Column("state", identifier(_STATE), nullable=False, comment="checking, ready, refused …"),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("licence", sa.String(200), nullable=False),
    sa.Column("files", long_text(), nullable=False, comment="JSON: name, sha256, bytes of each"),
    sa.Column("layout", long_text(), comment="JSON: how it is read, the data table of a recipe"),
    sa.Column(
        "question", long_text(), comment="JSON: what it asks, with the answers to choose from"
    ),
    sa.Column("answer", sa.String(200)),
    sa.Column("breakdown", long_text(), comment="JSON"),
    sa.Column("reason", sa.String(500), comment="why it was refused, and the way out"),
    _id("parent"),
    _id("made_by_run"),
    sa.Column("rows", sa.BigInteger, quote=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("datasets_by_owner", "owner", "dataset_id"),
)

# Never changed: a changed recipe is a new row that names its parent.
recipes = table(
    "recipes",
    _id("recipe_id", primary_key=True),
    _owner(),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    _visibility(),
    sa.Column("document", long_text(), nullable=False, comment="TOML"),
    sa.Column("schema_version", sa.Integer, nullable=False),
    _id("parent"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("recipes_by_owner", "owner", "recipe_id"),
)

experiments = table(
    "experiments",
    _id("experiment_id", primary_key=True),
    _owner(),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("tags", sa.String(500), nullable=False, comment="JSON"),
    _visibility(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("archived_at", UtcDateTime),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("experiments_by_owner", "owner", "experiment_id"),
)

runs = table(
    "runs",
    _id("run_id", primary_key=True),
    _id("experiment_id", nullable=False),
    _owner(),
    sa.Column("kind", identifier(16), nullable=False, comment="describe, train, evaluate …"),
    sa.Column("number", sa.Integer, nullable=False, comment="in its experiment, from 1"),
    _visibility(),
    _id("recipe_id"),
    sa.Column("dataset_ids", sa.String(500), nullable=False, comment="JSON"),
    sa.Column("parameters", long_text(), nullable=False, comment="JSON"),
    sa.Column("fingerprint", identifier(64), nullable=False, index=True),
    sa.Column("needs", sa.String(200), nullable=False, comment="JSON: what a worker must offer"),
    sa.Column("queue", identifier(80), nullable=False, comment="cpu, gpu or gpu.HOST.NUMBER"),
    sa.Column("state", identifier(_STATE), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, comment="counts how often it was published"),
    _id("worker_id"),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("published_at", UtcDateTime),
    sa.Column("stop_asked_at", UtcDateTime),
    sa.Column("stop_asked_by", sa.String(LONGEST_OWNER)),
    sa.Column("restarts_at", UtcDateTime, comment="when a lost run is queued again by itself"),
    sa.Column("time_limit_s", sa.Integer, nullable=False),
    sa.Column("progress", sa.Double, comment="0 to 1"),
    sa.Column("doing", sa.String(200), comment="the step that it is at"),
    sa.Column("eta_s", sa.Double),
    sa.Column("headline", sa.String(2000), comment="JSON: BSS of each event with its interval"),
    sa.Column("reason", sa.String(2000), comment="why it waits, failed or was lost"),
    sa.Column("tags", sa.String(500), nullable=False, comment="JSON"),
    sa.Column("note", sa.String(2000), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("queued_at", UtcDateTime),
    sa.Column("started_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("start_key", identifier(64), comment="Idempotency-Key of its creation"),
    sa.Index("runs_by_owner", "owner", "queued_at"),
    sa.Index("runs_by_state", "state", "queued_at"),
    sa.Index("runs_by_number", "experiment_id", "number", unique=True),
    sa.Index("runs_by_start_key", "owner", "start_key", unique=True),
)

attempts = table(
    "attempts",
    _id("run_id", primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    _id("worker_id", nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    _id("claim_token", nullable=False, comment="tells the job from a second one of its message"),
    sa.Column("code_version", identifier(64), nullable=False),
    sa.Column("libraries", long_text(), nullable=False, comment="JSON"),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("outcome", identifier(16)),
    sa.Column("reason", sa.String(2000)),
    sa.Column("cpu_s", sa.Double),
    sa.Column("peak_rss", sa.BigInteger, comment="bytes"),
    sa.Column("rss", sa.BigInteger, comment="bytes at the last report"),
    sa.Column("log_bytes", sa.BigInteger, nullable=False),
    sa.Column("event_bytes", sa.BigInteger, nullable=False),
)

log_chunks = table(
    "log_chunks",
    _id("run_id", primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stream", identifier(6), primary_key=True, comment="log or events"),
    sa.Column("from_byte", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("data", medium_binary(), nullable=False),
)

outputs = table(
    "outputs",
    _id("run_id", primary_key=True),
    sa.Column("name", identifier(LONGEST_FILE_NAME), primary_key=True),
    sa.Column("kind", identifier(16), nullable=False, comment="model, report, checkpoint …"),
    sa.Column("sha256", identifier(64), nullable=False, index=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

workers = table(
    "workers",
    _id("worker_id", primary_key=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("code_version", identifier(64), nullable=False),
    sa.Column("offers", long_text(), nullable=False, comment="JSON: kinds and estimators"),
    sa.Column("queue", identifier(80), nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("free", sa.Integer, nullable=False, comment="slots free at its last report"),
    sa.Column("state", identifier(_STATE), nullable=False, comment="ready or draining"),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False, index=True),
)

# What each host says of itself every ten seconds, kept for a day.
machine_samples = table(
    "machine_samples",
    sa.Column("host", sa.String(255), primary_key=True),
    sa.Column("at", UtcDateTime, primary_key=True),
    sa.Column("stretch", sa.BigInteger, nullable=False, comment="number of its 4 minutes"),
    sa.Column("cpu", sa.Double, nullable=False, comment="share of all cores in use"),
    sa.Column("memory_used", sa.BigInteger, nullable=False),
    sa.Column("disk_used", sa.BigInteger, nullable=False),
    sa.Column("gpu", sa.Double, comment="mean share of its GPUs in use"),
    sa.Column("facts", long_text(), nullable=False, comment="JSON: sizes, load and each GPU"),
    sa.Index("machine_samples_by_time", "at"),
    sa.Index("machine_samples_by_stretch", "host", "stretch"),
)
