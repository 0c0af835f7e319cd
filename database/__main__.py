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

from database.backup.restoration import restore, verify
from database.backup.snapshot import backup
from database.driver_errors import as_domain_error
from database.engine import create_engine, reading, transact, wait_for_store
from database.flares.assignment import reassign
from database.flares.flare_files import import_flares
from database.harps import import_harp_map
from database.lab import stored_files
from database.lab.example import import_example
from database.lab.file_store import FileStore
from database.maintenance.partitions import PARTITIONED, list_partitions, partition
from database.maintenance.retention import prune, read_ages
from database.migrations import upgrade
from database.nowcast.detection import detect_stored, import_xray
from database.people import commands as people_commands
from database.settings import DatabaseSettings, FileSettings
from database.verification.rollup import refresh
from solar.errors import FlarewatchError, InvalidInputError
from solar.flares import FluxScale

Command = Callable[[sa.Engine, argparse.Namespace], str]
AddCommand = Callable[[str, Command, str], argparse.ArgumentParser]

# The exit status that a shell reports for a program ended by SIGTERM.
STOPPED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 refused, 2 misspelt, 143 told to stop."""
    options = parser().parse_args(arguments)
    try:
        sys.stdout.write(_run(options) + "\n")
    except FlarewatchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except DBAPIError as error:
        sys.stderr.write(f"error: {as_domain_error(error)}\n")
        return 1
    return 0


def _run(options: argparse.Namespace) -> str:
    settings = DatabaseSettings()
    options.retention = settings.retention
    engine = create_engine(settings)
    try:
        if options.needs_store:
            wait_for_store(engine, patience_seconds=options.wait)
        message: str = options.command(engine, options)
        return message
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
        "--wait",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how long to wait for a store that does not answer (30)",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        sub.set_defaults(command=command, needs_store=True)
        return sub

    upgrader = add("upgrade", _upgrade, "create the tables, or bring them up to date")
    upgrader.add_argument(
        "--invite-admin", action="store_true", help="print a link for the first person, if needed"
    )
    upgrader.add_argument(
        "--example", type=Path, metavar="FILE", help="show this example in the Lab, demo_lab.zip"
    )
    _add_imports(add)
    users = add("users", people_commands.run, "people who sign in, and API keys")
    people_commands.add_arguments(users)
    lab = add("lab", stored_files.run, "the Lab's trash, and its files, which a backup leaves out")
    stored_files.add_arguments(lab)
    _add_backups(add)
    _add_maintenance(add)
    return top


def _add_imports(add: AddCommand) -> None:
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
    add("detect-flares", _detect_flares, "see the flares in the X-ray flux of earlier versions")


def _add_backups(add: AddCommand) -> None:
    writer = add("backup", _backup, "write the whole store into one file")
    writer.add_argument("file", type=Path, help="the .zip to write")
    reader = add("restore", _restore, "fill an empty store from a backup, whatever its database")
    reader.add_argument("file", type=Path, help="the .zip to read")
    checker = add("verify", _verify, "read a backup from end to end and check its sums")
    checker.add_argument("file", type=Path, help="the .zip to read")
    checker.set_defaults(needs_store=False)


def _add_maintenance(add: AddCommand) -> None:
    pruner = add("prune", _prune, "delete what is older than FLARE_RETENTION keeps")
    pruner.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    pruner.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="NAME=AGE",
        help="another age this time, such as observations=24m, rejections=1y, notices=keep",
    )
    divider = add("partition", _partition, "divide the tables of records by month (MySQL, MariaDB)")
    divider.add_argument("--list", action="store_true", help="only show how they are divided")


def _upgrade(engine: sa.Engine, options: argparse.Namespace) -> str:
    lines = [f"the store has schema {upgrade(engine)}"]
    if options.invite_admin:
        lines.append(people_commands.invite_first_admin(engine))
    if options.example:
        lines.append(import_example(engine, FileStore(FileSettings()), options.example))
    return "\n".join(filter(None, lines))


def _import_flares(engine: sa.Engine, options: argparse.Namespace) -> str:
    scale = FluxScale(options.flux_scale) if options.flux_scale else None
    now = datetime.now(UTC)
    report = transact(engine, lambda c: import_flares(c, options.file, flux_scale=scale, now=now))
    return f"{report}\n{_refresh_verification(engine)}"


def _import_harps(engine: sa.Engine, options: argparse.Namespace) -> str:
    try:
        lines = options.file.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise InvalidInputError(
            f"{options.file} cannot be read as a HARP map: {reason}; give JSOC's"
            " all_harps_with_noaa_ars.txt"
        ) from error
    added, moved = transact(engine, lambda c: (import_harp_map(c, lines), reassign(c)))
    counts = f"{added} pairs added; {moved} flares moved to another region"
    return f"{counts}\n{_refresh_verification(engine)}"


def _import_xray(engine: sa.Engine, options: argparse.Namespace) -> str:
    return str(import_xray(engine, options.file, satellite=options.satellite))


def _detect_flares(engine: sa.Engine, _: argparse.Namespace) -> str:
    return f"{detect_stored(engine)} flares added or changed"


def _refresh_verification(engine: sa.Engine) -> str:
    return f"verification recomputed for {refresh(engine)} days"


def _backup(engine: sa.Engine, options: argparse.Namespace) -> str:
    return f"{backup(engine, options.file)} rows written to {options.file}"


def _restore(engine: sa.Engine, options: argparse.Namespace) -> str:
    upgrade(engine)
    return f"{restore(engine, options.file)} rows restored from {options.file}"


def _verify(_engine: sa.Engine, options: argparse.Namespace) -> str:
    info = verify(options.file)
    return (
        f"{options.file} is intact: {info.rows} rows in {len(info.tables)} tables,"
        f" schema {info.revision}, made at {info.made_at}"
    )


def _prune(engine: sa.Engine, options: argparse.Namespace) -> str:
    ages = read_ages(",".join([options.retention, *options.table]))
    results = prune(engine, ages, now=datetime.now(UTC), is_dry_run=options.dry_run)
    verb = "would be deleted" if options.dry_run else "were deleted"
    return "\n".join(f"{result} {verb}" for result in results) or "every table is kept"


def _partition(engine: sa.Engine, options: argparse.Namespace) -> str:
    if options.list:
        return _partition_list(engine)
    added = partition(engine, now=datetime.now(UTC))
    return "\n".join(f"{name}: {months} months added" for name, months in added.items())


def _partition_list(engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite":
        return "SQLite has no partitions"
    lines = []
    with reading(engine) as connection:
        for table in PARTITIONED:
            partitions = list_partitions(connection, table)
            lines += [f"{table.name}\t{one.name}\tabout {one.rows} rows" for one in partitions]
            lines += [] if partitions else [f"{table.name}\tnot divided"]
    return "\n".join(lines)


if __name__ == "__main__":
    # Leaving by an exception rolls back and clears away what is half done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    sys.exit(main())
