from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
import sqlalchemy as sa

from app.services import refuse_old_schema
from database.backup.restoration import restore, verify
from database.backup.snapshot import backup
from database.engine import create_engine
from database.migrations import head, upgrade
from database.schema.tables import metadata, predictions
from database.settings import DatabaseSettings
from solar.errors import InvalidInputError, StoreUnavailableError

FIRST = datetime(2014, 3, 1, tzinfo=UTC)


class Broken(Exception):
    """What stops a restore in the middle."""


def fill(engine: sa.Engine, n: int) -> None:
    rows = [
        {"region_id": place % 3, "t_rec": FIRST + timedelta(minutes=12 * place), "model_id": "a@1",
         "m1": 0.5, "rung": "full", "revision": 1, "issued_at": FIRST}
        for place in range(n)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(predictions.insert(), rows)


def contents(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(sa.select(table)))
            for table in metadata.sorted_tables
        }


def new_store(path: Path) -> sa.Engine:
    engine = create_engine(DatabaseSettings(database_url=f"sqlite:///{path}"))
    upgrade(engine)
    return engine


def break_at_the_piece(engine: sa.Engine, number: int) -> None:
    begun = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO predictions"):
            begun.append(statement)
            if len(begun) == number:
                sa.event.remove(engine, "before_cursor_execute", count)
                raise Broken


@pytest.mark.parametrize("rows_per_page", [7, 30, 31])
def test_pages_of_any_size_hold_every_row_once(
    engine: sa.Engine, tmp_path: Path, rows_per_page: int
) -> None:
    fill(engine, 30)

    backup(engine, tmp_path / "b.zip", rows_per_page=rows_per_page)
    target = new_store(tmp_path / "b.db")
    restore(target, tmp_path / "b.zip")

    assert contents(target) == contents(engine)
    target.dispose()


def test_a_broken_restore_is_not_served_from_and_goes_on_where_it_stopped(
    engine_sqlite: sa.Engine, mariadb_engine: sa.Engine, tmp_path: Path
) -> None:
    with mariadb_engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    fill(engine_sqlite, 50)
    backup(engine_sqlite, tmp_path / "b.zip", rows_per_page=10)
    backup(engine_sqlite, tmp_path / "other.zip", rows_per_page=10)

    break_at_the_piece(mariadb_engine, 4)
    with pytest.raises(Broken):
        restore(mariadb_engine, tmp_path / "b.zip")
    came = len(contents(mariadb_engine)["predictions"])
    with pytest.raises(StoreUnavailableError, match="run the same"):
        refuse_old_schema(mariadb_engine)
    with pytest.raises(InvalidInputError, match="holds a part of the backup of"):
        restore(mariadb_engine, tmp_path / "other.zip")
    restore(mariadb_engine, tmp_path / "b.zip")

    assert came == 30
    assert contents(mariadb_engine) == contents(engine_sqlite)
    refuse_old_schema(mariadb_engine)


@pytest.mark.parametrize("damage", ["truncated", "changed", "of another kind"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    engine_sqlite: sa.Engine, tmp_path: Path, damage: str
) -> None:
    fill(engine_sqlite, 500)
    path = tmp_path / "b.zip"
    backup(engine_sqlite, path)
    whole = path.read_bytes()
    place = whole.index(b"predictions.parquet") + 2_000
    path.write_bytes({
        "truncated": whole[:-100],
        "changed": whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
        "of another kind": b"SQLite format 3",
    }[damage])  # fmt: skip
    target = new_store(tmp_path / "target.db")
    before = contents(target)

    with pytest.raises(InvalidInputError, match="cannot be read as a backup"):
        verify(path)
    with pytest.raises(InvalidInputError, match="cannot be read as a backup"):
        restore(target, path)

    assert contents(target) == before
    refuse_old_schema(target)
    target.dispose()
    target.dispose()


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_a_backup_of_another_schema_names_both(engine_sqlite: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    backup(engine_sqlite, path)
    members = members_of(path)
    members["about.json"] = members["about.json"].replace(f'"{head()}"'.encode(), b'"0001"')
    write(path, members)

    with pytest.raises(InvalidInputError, match=f"schema 0001, this version works with {head()}"):
        restore(engine_sqlite, path)


def wrong_descriptions(right: bytes) -> list[bytes]:
    about: dict[str, Any] = json.loads(right)
    tables = about["tables"]
    changed: list[dict[str, Any]] = [
        {"revision": 8}, {"revision": "\x1b[31m"}, {"made_at": "x" * 5_000}, {"made_at": None},
        {"tables": [1]}, {"tables": {}}, {"tables": tables | {"../x": tables["predictions"]}},
        {"tables": tables | {"predictions": {"rows": "5", "sha256": "0" * 64}}},
        {"tables": tables | {"predictions": {"rows": -5, "sha256": "0" * 64}}},
        {"tables": tables | {"predictions": 5}},
    ]  # fmt: skip
    shapes = [b"", b"{", b"[]", b"3", b"null", b'"x"', b"[" * 500_000, b" " * 2**21 + right]
    return [*shapes, b'{"revision": "1"}', *(json.dumps(about | one).encode() for one in changed)]


def test_a_description_of_any_shape_is_refused_in_one_line_and_nothing_is_written(
    engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    fill(engine_sqlite, 30)
    path = tmp_path / "b.zip"
    backup(engine_sqlite, path)
    members = members_of(path)
    target = new_store(tmp_path / "target.db")
    before, files = contents(target), set(tmp_path.iterdir())

    for description in wrong_descriptions(members["about.json"]):
        write(path, members | {"about.json": description})
        with pytest.raises(InvalidInputError, match="cannot be read as a backup") as refused:
            restore(target, path)
        assert "\n" not in str(refused.value)
        assert "\x1b" not in str(refused.value)
    write(path, members, packing=zipfile.ZIP_DEFLATED)
    with pytest.raises(InvalidInputError, match="is packed"):
        restore(target, path)

    assert contents(target) == before
    assert set(tmp_path.iterdir()) == files
    refuse_old_schema(target)
    target.dispose()


def test_an_archive_that_does_not_fit_takes_its_first_rows_back(
    engine: sa.Engine, tmp_path: Path
) -> None:
    store, path = new_store(tmp_path / "store.db"), tmp_path / "b.zip"
    fill(store, 30)
    backup(store, path, rows_per_page=10)
    members = members_of(path)
    rows = pa_parquet.read_table(io.BytesIO(members["predictions.parquet"]))
    place = rows.schema.get_field_index("rung")
    wrongs = {
        "not the table's": rows.drop_columns(["m1"]),
        "refused": rows.set_column(place, "rung", pa.array(["full"] * 29 + [None], pa.string())),
        "holds rows twice": pa.concat_tables([rows, rows]),
    }

    for reason, wrong in wrongs.items():
        file = io.BytesIO()
        pa_parquet.write_table(wrong, file, row_group_size=10)
        about = json.loads(members["about.json"])
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        about["tables"]["predictions"] = {"rows": len(wrong), "sha256": digest}
        changed = {"predictions.parquet": file.getvalue(), "about.json": json.dumps(about).encode()}
        write(path, members | changed)
        with pytest.raises(InvalidInputError, match=reason):
            restore(engine, path)
        assert contents(engine)["predictions"] == []
        refuse_old_schema(engine)

    write(path, members)
    assert restore(engine, path) == 30
    store.dispose()


def test_a_backup_is_for_its_owner_alone(engine_sqlite: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    left = tmp_path / "b.zip.partial"
    left.touch(0o644)
    modes = []

    def note_mode(*_statement: object) -> None:
        modes.append(left.stat().st_mode & 0o777)

    sa.event.listen(engine_sqlite, "before_cursor_execute", note_mode)
    mask = os.umask(0)
    try:
        backup(engine_sqlite, path)
    finally:
        os.umask(mask)
        sa.event.remove(engine_sqlite, "before_cursor_execute", note_mode)

    assert set(modes) == {0o600}
    assert path.stat().st_mode & 0o777 == 0o600


def run(store: sa.Engine, path: Path, *, most_bytes: int | None = None) -> subprocess.Popen[bytes]:
    def limit() -> None:
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    address = store.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-m", "database", "backup", str(path)],
        env={**os.environ, "FLARE_DATABASE_URL": address},
        preexec_fn=limit, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    store = new_store(tmp_path / "store.db")
    fill(store, 10_000)
    (tmp_path / "out").mkdir()

    done = run(store, tmp_path / "out" / "b.zip", most_bytes=50_000)
    _, errors = done.communicate(timeout=60)

    assert done.returncode == 1
    assert errors.decode().count("\n") == 1
    assert "b.zip cannot be written: File too large" in errors.decode()
    assert list((tmp_path / "out").iterdir()) == []
    store.dispose()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_backup_that_is_stopped_leaves_nothing_under_its_name(
    tmp_path: Path, number: signal.Signals
) -> None:
    store = new_store(tmp_path / "store.db")
    fill(store, 20_000)
    path = tmp_path / "out" / "b.zip"
    path.parent.mkdir()

    process = run(store, path)
    while not any(path.parent.iterdir()):
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=10)

    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    left = [] if number == signal.SIGTERM else ["b.zip.partial"]
    assert [file.name for file in path.parent.iterdir()] == left
    assert backup(store, path) == 20_000
    store.dispose()
