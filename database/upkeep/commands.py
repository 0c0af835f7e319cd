"""The upkeep of a store: what its commands for backup, retention and partitions do and say."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from database.backup.restoration import restore, verify
from database.backup.snapshot import backup
from database.engine import reading
from database.migrations import upgrade
from database.retention.policy import read_ages
from database.retention.pruning import prune
from database.upkeep.partitions import PARTITIONED, list_partitions, partition

Add = Callable[[str, Callable[[sa.Engine, argparse.Namespace], str], str], argparse.ArgumentParser]


def describe(add: Add) -> None:
    """Add the commands to a command line."""
    out = add("backup", _backup, "write the whole store into one file")
    out.add_argument("file", type=Path, help="the .zip to write")
    back = add("restore", _restore, "fill an empty store from a backup, whatever its database")
    back.add_argument("file", type=Path, help="the .zip to read")
    checked = add("verify", _verify, "read a backup from end to end and check its sums")
    checked.add_argument("file", type=Path, help="the .zip to read")
    checked.set_defaults(needs_store=False)
    old = add("prune", _prune, "let go what is older than FLARE_RETENTION keeps")
    old.add_argument("--dry-run", action="store_true", help="only say what would go")
    old.add_argument(
        "--table", action="append", default=[], metavar="NAME=AGE",
        help="another age this time, such as observations=24m, rejections=1y, notices=keep",
    )  # fmt: skip
    parts = add("partition", _partition, "divide the tables of records by month (MySQL, MariaDB)")
    parts.add_argument("--list", action="store_true", help="only show how they are divided")


def _backup(engine: sa.Engine, given: argparse.Namespace) -> str:
    return f"{backup(engine, given.file)} rows written to {given.file}"


def _restore(engine: sa.Engine, given: argparse.Namespace) -> str:
    upgrade(engine)
    return f"{restore(engine, given.file)} rows restored from {given.file}"


def _verify(_engine: sa.Engine, given: argparse.Namespace) -> str:
    about = verify(given.file)
    return (
        f"{given.file} is intact: {about.rows} rows in {len(about.tables)} tables,"
        f" schema {about.revision}, made at {about.made_at}"
    )


def _prune(engine: sa.Engine, given: argparse.Namespace) -> str:
    ages = read_ages(",".join([given.retention, *given.table]))
    done = prune(engine, ages, now=datetime.now(UTC), is_dry_run=given.dry_run)
    verb = "would be let go" if given.dry_run else "were let go"
    return "\n".join(f"{pruned} {verb}" for pruned in done) or "every table is kept"


def _partition(engine: sa.Engine, given: argparse.Namespace) -> str:
    if given.list:
        return _listed(engine)
    added = partition(engine, now=datetime.now(UTC))
    return "\n".join(f"{name}: {months} months added" for name, months in added.items())


def _listed(engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite":
        return "SQLite has no partitions"
    lines = []
    with reading(engine) as connection:
        for table in PARTITIONED:
            known = list_partitions(connection, table)
            lines += [f"{table.name}\t{one.name}\tabout {one.rows} rows" for one in known]
            lines += [] if known else [f"{table.name}\tnot divided"]
    return "\n".join(lines)
