"""The files that the Lab's rows name: copied by their hash, checked, and purged when none does."""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.fs
import sqlalchemy as sa

from database.engine import reading, transact
from database.lab.file_store import FileStore
from database.lab.uploads import CONSUMED
from database.maintenance.retention import KEEP, prune, read_ages
from database.schema.lab_tables import attempts, datasets, log_chunks, outputs, runs, uploads
from database.schema.tables import models
from database.settings import FileSettings
from solar.errors import InvalidInputError, NotFoundError

_SHOWN = 3
# A file is in the store before a row names it.
_UNNAMED_FOR = timedelta(hours=24)
_TRASH = "trash_"
# What the store has written, whole or in part; others may keep files of theirs beside it.
_OURS = re.compile(r"[0-9a-f]{64}(\.\d+\.part)?")
_log = logging.getLogger(__name__)


def named_files(connection: sa.Connection, *, with_trash: bool = False) -> set[str]:
    """Return the hashes of the files of all models, data sets and runs.

    With those of data sets and runs in the trash, or without.
    """
    lists = sa.select(datasets.c.files)
    made = sa.select(outputs.c.sha256).join(runs, runs.c.run_id == outputs.c.run_id)
    if not with_trash:
        lists = lists.where(datasets.c.deleted_at.is_(None))
        made = made.where(runs.c.deleted_at.is_(None))
    brought = connection.execute(lists).scalars()
    files = {file["sha256"] for files in brought for file in json.loads(files)}
    kept = connection.scalars(sa.select(models.c.files).where(models.c.files.is_not(None)))
    of_models = {sha256 for names in kept for sha256 in json.loads(names).values()}
    return files | of_models | set(connection.execute(made).scalars())


def copy_files(named: Collection[str], source: FileStore, target: FileStore) -> str:
    """Copy the files that `target` lacks, and say how many these were.

    Raises
    ------
    InvalidInputError
        When `source` lacks some, or has others under their names; the rest is copied.
    StoreFullError
        When `target` takes no more.
    """
    lacking = [sha256 for sha256 in named if not target.has(sha256)]
    copied = _each(lacking, lambda sha256: target.write(sha256, source.pieces(sha256)), "copied")
    return f"{copied}; {len(named) - len(lacking)} were there already"


def check_files(named: Collection[str], store: FileStore) -> str:
    """Read all files and compare each with its hash; raises InvalidInputError as `copy_files`."""
    return _each(named, store.check, "are whole")


def _each(named: Collection[str], work: Callable[[str], int], done: str) -> str:
    files = size = 0
    faults = []
    for sha256 in sorted(named):
        try:
            size += work(sha256)
            files += 1
        except (InvalidInputError, NotFoundError) as error:
            # One file that is lost holds up none of the others.
            faults.append(f"{sha256}: {error}")
    told = f"{files} files {done}, {size:,} bytes"
    if faults:
        shown = "; ".join(faults[:_SHOWN]) + ("; …" if len(faults) > _SHOWN else "")
        raise InvalidInputError(f"{told}; {len(faults)} are lost: {shown}")
    return told


@dataclass(frozen=True)
class Purged:
    """How many rows of the trash, and how many files with so many bytes, were deleted."""

    rows: dict[str, int]
    files: int
    bytes: int

    def __str__(self) -> str:
        rows = ", ".join(f"{n} {name}" for name, n in self.rows.items())
        return f"deleted {rows}; {self.files} files with {self.bytes:,} bytes"


def purge(engine: sa.Engine, address: str, retention: str, *, now: datetime) -> Purged:
    """Delete trash as old as `retention` says, and files that nothing has named for 24 h.

    Parameters
    ----------
    address : of the files
    retention : the value of the setting FLARE_RETENTION

    Raises
    ------
    InvalidInputError
        When the address cannot be opened.
    """
    ages = {
        name: age if name.startswith(_TRASH) else KEEP for name, age in read_ages(retention).items()
    }
    pruned = prune(engine, ages, now=now)
    transact(engine, _delete_what_belongs_to_no_run)
    files = list(_old_files(address, before=now - _UNNAMED_FOR))
    with reading(engine, seconds=None) as connection:
        named = named_files(connection, with_trash=True) | _sent(connection)
    unnamed = [(system, file) for system, file in files if file.base_name not in named]
    for system, file in unnamed:
        system.delete_file(file.path)
    rows = {one.name.removeprefix(_TRASH): one.rows for one in pruned}
    purged = Purged(rows, len(unnamed), sum(file.size for _, file in unnamed))
    _log.info("%s", purged)
    return purged


def _delete_what_belongs_to_no_run(connection: sa.Connection) -> None:
    for table in (attempts, log_chunks, outputs):
        connection.execute(table.delete().where(table.c.run_id.not_in(sa.select(runs.c.run_id))))


def _old_files(
    address: str, *, before: datetime
) -> Iterator[tuple[pa.fs.FileSystem, pa.fs.FileInfo]]:
    try:
        system, folder = pa.fs.FileSystem.from_uri(address)
        listed = system.get_file_info(
            pa.fs.FileSelector(folder, allow_not_found=True, recursive=True)
        )
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise InvalidInputError(f"FLARE_LAB_STORE cannot be opened: {error}") from error
    for file in listed:
        is_ours = file.type == pa.fs.FileType.File and _OURS.fullmatch(file.base_name)
        if is_ours and file.mtime < before:
            yield system, file


def _sent(connection: sa.Connection) -> set[str]:
    is_open = sa.and_(uploads.c.state != CONSUMED, uploads.c.sha256.is_not(None))
    return set(connection.execute(sa.select(uploads.c.sha256).where(is_open)).scalars())


def add_arguments(lab: argparse.ArgumentParser) -> None:
    """Describe the actions on the Lab."""
    actions = lab.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, text in (
        ("backup-store", "copy the files that a folder lacks into it"),
        ("restore-store", "bring files back from such a folder, after a restore"),
    ):
        actions.add_parser(action, help=text).add_argument("folder", type=Path)
    actions.add_parser("verify-store", help="read all files and compare them with their hashes")
    actions.add_parser("purge", help="delete old trash, and files that nothing names")


def run(engine: sa.Engine, options: argparse.Namespace) -> str:
    """Run one of the actions and return what to print."""
    settings = FileSettings()
    if options.action == "purge":
        address = settings.lab_store_address
        return str(purge(engine, address, options.retention, now=datetime.now(UTC)))
    store = FileStore(settings)
    with reading(engine, seconds=None) as connection:
        named = named_files(connection)
    if options.action == "verify-store":
        return check_files(named, store)
    if options.action == "restore-store":
        _refuse_nothing(named, options.folder)
    folder = FileSettings(lab_store=options.folder.absolute().as_uri())
    places = (store, FileStore(folder))
    source, target = places if options.action == "backup-store" else places[::-1]
    return copy_files(named, source, target)


def _refuse_nothing(named: set[str], folder: Path) -> None:
    if not named:
        raise InvalidInputError("the store names no files; run `database restore FILE` before")
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}; name one of `backup-store`")
