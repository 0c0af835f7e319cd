"""The commands ``flarewatch database lab …``: the files of the Lab, saved, checked, purged."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from database.engine import reading
from database.lab.file_store import FileStore
from database.lab.stored_files import check_files, copy_files, named_files, purge
from database.settings import FileSettings
from solar.errors import InvalidInputError


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
