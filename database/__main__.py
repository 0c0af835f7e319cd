"""The command line of the store: ``flarewatch database COMMAND``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from database.engine import as_domain_error, create_engine, reading, transact
from database.flares.assignment import reassign
from database.flares.importing import import_flares
from database.flares.xray_files import import_xray
from database.migrations import upgrade
from database.regions.harps import import_harp_map
from database.settings import DatabaseSettings
from database.upkeep.commands import describe
from database.users import SCOPES, add_user, list_users, remove_user
from database.verification.skill import refresh
from database.waiting import wait_for_store
from solar.errors import FlarewatchError, InvalidInputError
from solar.flares import FluxScale

Command = Callable[[sa.Engine, argparse.Namespace], str]

# What a shell says of a program that SIGTERM ended.
STOPPED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 refused, 2 misspelt, 143 told to stop."""
    given = parser().parse_args(arguments)
    try:
        sys.stdout.write(_run(given) + "\n")
    except FlarewatchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except DBAPIError as error:
        sys.stderr.write(f"error: {as_domain_error(error)}\n")
        return 1
    return 0


def _run(given: argparse.Namespace) -> str:
    settings = DatabaseSettings()
    given.retention = settings.retention
    engine = create_engine(settings)
    try:
        if given.needs_store:
            wait_for_store(engine, patience_seconds=given.wait)
        told: str = given.command(engine, given)
        return told
    finally:
        engine.dispose()


def parser() -> argparse.ArgumentParser:
    """Describe every command and its arguments."""
    top = argparse.ArgumentParser(
        prog="flarewatch database",
        description="Look after the store that FLARE_DATABASE_URL names"
        " (without it: SQLite in var/flarewatch.db).",
    )
    top.add_argument(
        "--wait", type=float, default=30.0, metavar="SECONDS",
        help="how long a store that does not answer is waited for (30)",
    )  # fmt: skip
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        sub.set_defaults(command=command, needs_store=True)
        return sub

    add("upgrade", _upgrade, "create the tables, or bring them up to date")
    flares = add("import-flares", _import_flares, "read a flare list, mend it, say what was mended")
    flares.add_argument(
        "file", type=Path, help="Parquet or CSV: start, peak, end, goes_class, noaa_ar"
    )
    flares.add_argument(
        "--flux-scale",
        choices=[scale.value for scale in FluxScale],
        help="scale of the classes; needed when the list names no satellites",
    )
    harps = add("import-harps", _import_harps, "read the list of HARPs and their NOAA regions")
    harps.add_argument("file", type=Path, help="JSOC's all_harps_with_noaa_ars.txt")
    xray = add("import-xray", _import_xray, "read GOES X-ray flux, minute by minute")
    xray.add_argument("file", type=Path, help="Parquet or CSV: minute_at, flux_w_m2")
    xray.add_argument("--satellite", help="such as G16; needed when the file does not tell")
    _describe_users(add("users", _users, "add, list or remove the holders of API keys"))
    describe(add)
    return top


def _describe_users(users: argparse.ArgumentParser) -> None:
    actions = users.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a key and show it, this once")
    add.add_argument("name")
    add.add_argument("--scopes", required=True, help=f"comma-separated: {', '.join(SCOPES)}")
    actions.add_parser("list", help="list the names and scopes")
    actions.add_parser("remove", help="take a key back").add_argument("name")


def _upgrade(engine: sa.Engine, _given: argparse.Namespace) -> str:
    return f"the store has schema {upgrade(engine)}"


def _import_flares(engine: sa.Engine, given: argparse.Namespace) -> str:
    scale = FluxScale(given.flux_scale) if given.flux_scale else None
    now = datetime.now(UTC)
    report = transact(engine, lambda c: import_flares(c, given.file, flux_scale=scale, now=now))
    return f"{report}\n{_verified(engine)}"


def _import_harps(engine: sa.Engine, given: argparse.Namespace) -> str:
    try:
        lines = given.file.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise InvalidInputError(
            f"{given.file} cannot be read as a HARP map: {reason}; give JSOC's"
            " all_harps_with_noaa_ars.txt"
        ) from error
    added, moved = transact(engine, lambda c: (import_harp_map(c, lines), reassign(c)))
    return f"{added} pairs added; {moved} flares moved to another region\n{_verified(engine)}"


def _import_xray(engine: sa.Engine, given: argparse.Namespace) -> str:
    return str(import_xray(engine, given.file, satellite=given.satellite))


def _verified(engine: sa.Engine) -> str:
    return f"verification recomputed for {refresh(engine)} days"


def _users(engine: sa.Engine, given: argparse.Namespace) -> str:
    if given.action == "add":
        scopes, now = given.scopes.split(","), datetime.now(UTC)
        key = transact(engine, lambda c: add_user(c, given.name, scopes=scopes, now=now))
        return f"{key}\n(the key of {given.name}; it is not stored and cannot be shown again)"
    if given.action == "remove":
        transact(engine, lambda c: remove_user(c, given.name))
        return f"the key of {given.name} is no longer valid"
    with reading(engine) as connection:
        found = list_users(connection)
    return "\n".join(f"{u.name}\t{','.join(u.scopes)}" for u in found) or "no users yet"


if __name__ == "__main__":
    # What is half done is rolled back and cleared away on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    sys.exit(main())
