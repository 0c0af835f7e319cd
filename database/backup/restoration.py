"""The restoration: an empty store filled from an archive, piece by piece, and resumable."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from database.backup.archive import (
    BackupInfo,
    check_archive,
    open_archive,
    read_table,
    refuse_other_content,
    saved_tables,
    to_columns,
)
from database.engine import reading, transact
from database.migrations import head
from database.schema.columns import identifier
from database.upsert import upsert_columns
from solar.errors import FlarewatchError, InvalidInputError, StoreUnavailableError

# Exists during a restoration, with the number of row groups that each table has already. No part of
# the schema: a store in service does not have it.
unfinished_restore = sa.Table(
    "unfinished_restore",
    sa.MetaData(),
    sa.Column("table_name", identifier(64), primary_key=True),
    sa.Column("made_at", identifier(40), nullable=False),
    sa.Column("groups", sa.Integer, nullable=False),
    mysql_engine="InnoDB",
)


def verify(path: Path) -> BackupInfo:
    """Read an archive from end to end without touching any store; return its description."""
    with open_archive(path) as archive:
        return check_archive(archive)


def restore(engine: sa.Engine, path: Path) -> int:
    """Fill an empty store, or resume with the same archive; return the number of rows.

    Each piece is one transaction that also records the progress. Until the last, nothing serves
    from the store. An archive that turns out to be wrong leaves no row in it.

    Raises
    ------
    InvalidInputError
        When the store holds rows already, when the file is no backup or not intact, or when it
        was made with another schema.
    """
    with open_archive(path) as archive:
        info = check_archive(archive)
        _refuse_other_schema(info, path)
        refuse_other_content(archive, info)
        done = _begin(engine, info)
        try:
            for table in saved_tables():
                _fill(engine, archive, table, done[table.name])
            _compare(engine, info)
        except (StoreUnavailableError, InvalidInputError):
            # Not the fault of the archive; what others wrote must not go with it.
            raise
        except (FlarewatchError, pa.ArrowException, TypeError, ValueError) as error:
            _take_back(engine, archive)
            raise InvalidInputError(
                f"{path} does not fit the store: {error}; nothing of it was kept"
            ) from error
    unfinished_restore.drop(engine)
    return info.rows


def refuse_unfinished_restore(connection: sa.Connection) -> None:
    """Raise StoreUnavailableError for a store that is only partly restored."""
    if sa.inspect(connection).has_table(unfinished_restore.name):
        raise StoreUnavailableError(
            "a restore into this store was broken off; run the same"
            " `flarewatch database restore FILE` again, it goes on where it stopped"
        )


def _refuse_other_schema(info: BackupInfo, path: Path) -> None:
    if info.revision != head():
        raise InvalidInputError(
            f"{path} was made with schema {info.revision}, this version works with {head()};"
            " restore it with the version that made it, then upgrade"
        )


def _begin(engine: sa.Engine, info: BackupInfo) -> dict[str, int]:
    """Return the number of row groups that each table has already."""
    with reading(engine, seconds=None) as connection:
        is_begun = sa.inspect(connection).has_table(unfinished_restore.name)
        if not is_begun:
            _refuse_rows(connection)
    unfinished_restore.create(engine, checkfirst=True)
    return transact(engine, partial(_done_groups, info=info))


def _refuse_rows(connection: sa.Connection) -> None:
    for table in saved_tables():
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise InvalidInputError(
                f"the store is not empty ({table.name} has rows); restore into a new one"
            )


def _done_groups(connection: sa.Connection, info: BackupInfo) -> dict[str, int]:
    known = connection.execute(sa.select(unfinished_restore)).all()
    if any(row.made_at != info.made_at for row in known):
        raise InvalidInputError(
            f"the store holds a part of the backup of {known[0].made_at}, this one is of"
            f" {info.made_at}; go on with that one, or restore into a new store"
        )
    done = {table.name: 0 for table in saved_tables()} | {
        row.table_name: row.groups for row in known
    }
    if not known:
        rows = [{"table_name": name, "made_at": info.made_at, "groups": 0} for name in done]
        connection.execute(unfinished_restore.insert(), rows)
    return done


def _fill(engine: sa.Engine, archive: zipfile.ZipFile, table: sa.Table, done: int) -> None:
    file = read_table(archive, table.name)
    for group in range(done, file.num_row_groups):
        batches = file.read_row_group(group, use_threads=False).to_batches()
        transact(engine, partial(_write, table=table, batches=batches, groups=group + 1))


def _write(
    connection: sa.Connection, *, table: sa.Table, batches: list[pa.RecordBatch], groups: int
) -> None:
    names = [column.name for column in table.columns]
    for batch in batches:
        upsert_columns(connection, table, columns=to_columns(batch.select(names)))
    is_table = unfinished_restore.c.table_name == table.name
    connection.execute(unfinished_restore.update().where(is_table).values(groups=groups))


def _take_back(engine: sa.Engine, archive: zipfile.ZipFile) -> None:
    """Delete the rows of the archive from the store, and no row of anybody else."""
    with reading(engine) as connection:
        done = connection.execute(sa.select(unfinished_restore)).all()
    written = {row.table_name: row.groups for row in done}
    for table in reversed(saved_tables()):
        key = list(table.primary_key.columns)
        is_row = sa.and_(*(column == sa.bindparam(f"key_{column.name}") for column in key))
        file = read_table(archive, table.name)
        for group in range(written[table.name]):
            rows = file.read_row_group(group, [column.name for column in key]).to_pylist()
            keys = [{f"key_{name}": value for name, value in row.items()} for row in rows]
            transact(engine, partial(_delete, query=table.delete().where(is_row), keys=keys))
    unfinished_restore.drop(engine)


def _delete(connection: sa.Connection, *, query: sa.Delete, keys: list[dict[str, Any]]) -> None:
    if keys:
        connection.execute(query, keys)


def _compare(engine: sa.Engine, info: BackupInfo) -> None:
    with reading(engine, seconds=None) as connection:
        for table in saved_tables():
            counted = sa.select(sa.func.count()).select_from(table)
            stored, expected = connection.scalar(counted) or 0, info.tables[table.name].rows
            if stored < expected:
                raise ValueError(f"{table.name} holds rows twice")
            if stored > expected:
                raise InvalidInputError(
                    f"{table.name} has {stored} rows after the restore, the backup holds"
                    f" {expected}: somebody else wrote; restore into a new store"
                )
