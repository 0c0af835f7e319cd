from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import onnxruntime
import pytest
import sqlalchemy as sa

from database.__main__ import main
from database.engine import reading, writing
from database.lab.datasets import DatasetFilter, list_datasets
from database.lab.example import import_example
from database.lab.file_store import FileStore
from database.lab.outputs import list_outputs
from database.lab.run_lists import RunFilter, list_runs
from database.lab.streams import read_stream
from database.people.principal import LAB_READ, LOCAL, Principal
from database.schema.lab_tables import datasets, outputs
from database.settings import FileSettings
from demo import EXAMPLE
from solar.errors import InvalidInputError

READER = Principal("reader", LOCAL, frozenset({LAB_READ}))


def store_in(folder: Path) -> FileStore:
    return FileStore(FileSettings(data_dir=folder, lab_store=""))


def all_rows(engine: sa.Engine, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    with reading(engine) as connection:
        return list(connection.execute(sa.select(table)))


def test_the_example_is_there_once_however_often_it_is_taken_in(
    engine: sa.Engine, tmp_path: Path
) -> None:
    store = store_in(tmp_path)

    said = [import_example(engine, store, EXAMPLE) for _ in range(2)]

    assert said == [
        "3 data sets and 3 runs are in the Lab",
        "the Lab has the example of demo_lab.zip already",
    ]
    with reading(engine) as connection:
        sets = list_datasets(connection, READER, DatasetFilter(), limit=9)
        runs = list_runs(connection, READER, RunFilter(), limit=9)
        made = [one for run in runs for one in list_outputs(connection, run.run_id)]
        logs = [read_stream(connection, run.run_id, 1, "log", from_byte=0) for run in runs]
    assert {one.state for one in sets} == {"ready"}
    assert {one.layout["layout"] for one in sets if one.layout} == {"sharp", "windows", "swan-sf"}
    assert all(one.breakdown for one in all_rows(engine, datasets))
    assert [run.state for run in runs] == ["succeeded"] * 3
    assert all({"C1.0", "M1.0"} == set(run.headline or {}) for run in runs)
    assert all(b"scor" in log.data for log in logs)
    for file in (*made, *(file for one in sets for file in one.files)):
        assert store.check(file.sha256) == file.bytes


def test_what_the_example_has_trained_is_a_model(engine_sqlite: sa.Engine, tmp_path: Path) -> None:
    store = store_in(tmp_path)
    import_example(engine_sqlite, store, EXAMPLE)
    with reading(engine_sqlite) as connection:
        runs = list_runs(connection, READER, RunFilter(), limit=9)
        made = [one for run in runs for one in list_outputs(connection, run.run_id)]

    graphs = [store.read(one.sha256) for one in made if one.name.endswith(".onnx")]

    assert [len(onnxruntime.InferenceSession(graph).get_outputs()) > 0 for graph in graphs] == (
        [True] * 3
    )


@pytest.mark.parametrize("content", [None, b"PK", "rows", "column", "bytes"])
def test_what_is_no_example_leaves_nothing_behind(
    engine_sqlite: sa.Engine, tmp_path: Path, content: bytes | str | None
) -> None:
    path = tmp_path / "example.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with zipfile.ZipFile(EXAMPLE) as good, zipfile.ZipFile(path, "w") as bad:
            rows = good.read("rows.json")
            changed = {"rows": b"{}", "column": rows.replace(b'"licence"', b'"rights"')}
            bad.writestr("rows.json", changed.get(content, rows))
            for name in good.namelist()[1:]:
                bad.writestr(name, b"other")

    with pytest.raises(InvalidInputError, match=r"cannot be read|is no example|has the hash"):
        import_example(engine_sqlite, store_in(tmp_path), path)

    assert all_rows(engine_sqlite, datasets) == []
    assert list(tmp_path.rglob("*.part")) == []


@pytest.fixture
def lab(
    engine_sqlite: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[FileStore, list[str]]:
    """A Lab that the commands of this test look after, with the hashes of its files."""
    monkeypatch.setenv("FLARE_DATABASE_URL", str(engine_sqlite.url))
    monkeypatch.setenv("FLARE_DATA_DIR", str(tmp_path))
    store = store_in(tmp_path)
    import_example(engine_sqlite, store, EXAMPLE)
    names = [path.name for path in (tmp_path / "lab/files").rglob("*") if path.is_file()]
    return store, sorted(names)


def test_files_are_backed_up_once_and_come_back(
    lab: tuple[FileStore, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, named = lab
    kept = str(tmp_path / "a folder")

    main(["lab", "backup-store", kept])
    main(["lab", "backup-store", kept])
    for sha256 in named[:2]:
        store.delete(sha256)
    statuses = [
        main(["lab", action, *of])
        for action, *of in (("verify-store",), ("restore-store", kept), ("verify-store",))
    ]

    n, printed = len(named), capsys.readouterr()
    lines = printed.out.splitlines()
    assert statuses == [1, 0, 0]
    assert lines[0].startswith(f"{n} files copied, ")
    assert lines[0].endswith("; 0 were there already")
    assert lines[1] == f"0 files copied, 0 bytes; {n} were there already"
    assert lines[2].endswith(f"; {n - 2} were there already")
    assert lines[3].startswith(f"{n} files are whole")
    assert f"2 are lost: {named[0]}: the file is no longer in the store" in printed.err
    assert hashlib.sha256(store.read(named[0])).hexdigest() == named[0]


def test_a_changed_file_of_a_backup_is_refused_and_the_others_come_back(
    lab: tuple[FileStore, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, named = lab
    kept = tmp_path / "kept"
    main(["lab", "backup-store", str(kept)])
    for sha256 in named[:2]:
        store.delete(sha256)
    (kept / named[0][:2] / named[0]).write_bytes(b"other")

    status = main(["lab", "restore-store", str(kept)])

    assert status == 1
    assert f"1 are lost: {named[0]}: the content has the hash d9298a10d1b0" in (
        capsys.readouterr().err
    )
    assert [store.has(sha256) for sha256 in named[:2]] == [False, True]
    assert list(tmp_path.rglob("*.part")) == []


def test_files_are_brought_back_for_rows_that_are_there(
    lab: tuple[FileStore, list[str]],
    engine_sqlite: sa.Engine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    statuses = [main(["lab", "restore-store", str(tmp_path / "none")])]
    with writing(engine_sqlite) as connection:
        for table in (datasets, outputs):
            connection.execute(table.delete())
    statuses += [main(["lab", "restore-store", str(tmp_path)])]

    first, second = capsys.readouterr().err.splitlines()
    assert statuses == [1, 1]
    assert first == f"error: there is no folder {tmp_path}/none; name one of `backup-store`"
    assert second == "error: the store names no files; run `database restore FILE` before"
