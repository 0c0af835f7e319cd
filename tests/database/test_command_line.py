from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.__main__ import main
from database.backup.archive import saved_tables
from database.engine import create_engine, reading
from database.schema.tables import flares, metadata, xray_flux
from database.settings import DatabaseSettings

LIST = (
    "start,peak,end,goes_class,noaa_ar,satellite\n"
    "2014-03-01 23:56,2014-03-01 00:06,2014-03-01 00:15,M1.8,11990,G15\n"
)
MAP = " HARPNUM   NOAA_ARS\n   3784  11990\n"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/store.db"
    monkeypatch.setenv("FLARE_DATABASE_URL", url)
    return url


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "map.txt").write_text(MAP)
    return str(tmp_path / "list.csv"), str(tmp_path / "map.txt")


def count(address: str, table: sa.Table) -> int:
    engine = create_engine(DatabaseSettings(database_url=address))
    with reading(engine) as connection:
        n = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return int(n)


def test_a_store_is_made_and_filled_from_lists(
    address: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = [main(["upgrade"]), main(["import-flares", files[0]]),
                main(["import-harps", files[1]]), main(["import-flares", files[0]])]  # fmt: skip

    out = capsys.readouterr().out
    assert statuses == [0, 0, 0, 0]
    assert count(address, flares) == 1
    assert "1 rows read: 1 flares added, 0 revised, 0 unchanged" in out
    assert "peak was before start: moved to the next day" in out
    assert "complete from 2014-03-01T23:56:00Z to 2014-03-02T00:15:00Z" in out
    assert "1 pairs added; 1 flares moved to another region" in out


def test_x_ray_flux_is_read_from_a_file(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flux.csv"
    path.write_text("minute_at,flux_w_m2\n2014-03-29 17:48,1e-4\n2014-03-29 17:49,-99999\n")

    statuses = [main(["upgrade"]), main(["import-xray", str(path)]),
                main(["import-xray", str(path), "--satellite", "G15"])]  # fmt: skip

    output = capsys.readouterr()
    assert statuses == [0, 1, 0]
    assert "import it with --satellite" in output.err
    assert "2 minutes added, 0 revised, 0 already known; 1 of them without a usable" in output.out
    assert count(address, xray_flux) == 2


def test_a_refusal_is_one_line_and_status_1(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["upgrade"])

    status = main(["import-flares", str(tmp_path / "absent.parquet")])

    error = capsys.readouterr().err
    assert status == 1
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_a_store_without_tables_says_what_to_run(
    address: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import-flares", files[0]]) == 1
    assert "flarewatch database upgrade" in capsys.readouterr().err


def test_a_server_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLARE_DATABASE_URL", "mysql+mysqlconnector://a:secret@127.0.0.1:1/b")

    assert main(["--wait", "0", "upgrade"]) == 1

    error = capsys.readouterr().err
    assert "does not answer" in error
    assert "secret" not in error


@pytest.mark.parametrize("arguments", [[], ["dance"], ["users", "add"], ["import-flares"]])
def test_a_misspelt_command_shows_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)

    assert exit_.value.code == 2
    assert "usage: flarewatch database" in capsys.readouterr().err


def test_help_names_every_command() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "database", "--help"], capture_output=True, text=True, check=True
    )

    named = "upgrade import-flares import-harps users backup restore verify prune partition"
    for command in named.split():
        assert command in shown.stdout


def test_a_backup_fills_an_empty_store_with_the_same_rows(
    address: str,
    files: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, other = str(tmp_path / "b.zip"), f"sqlite:///{tmp_path}/other.db"
    for arguments in (["upgrade"], ["import-harps", files[1]], ["import-flares", files[0]]):
        main(arguments)

    saved = main(["backup", archive])
    refused = [main(["backup", archive]), main(["restore", archive])]
    monkeypatch.setenv("FLARE_DATABASE_URL", other)
    restored = main(["restore", archive])

    assert (saved, refused, restored) == (0, [1, 1], 0)
    for table in metadata.sorted_tables:
        assert count(other, table) == count(address, table)


def test_what_is_no_backup_is_refused(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")

    assert main(["restore", str(tmp_path / "x.zip")]) == 1
    assert "cannot be read as a backup" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("absent/b.zip", "cannot be written: No such file or directory; choose another folder"),
        ("list.csv/b.zip", "cannot be written: Not a directory; choose another folder"),
        (f"{'b' * 300}.zip", "cannot be written: File name too long; choose another folder"),
        ("/proc/b.zip", "/proc/b.zip cannot be written: "),
        (".", "exists already; choose another name"),
    ],
)
def test_a_backup_that_cannot_be_written_is_one_line(
    address: str,
    files: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    place: str,
    reason: str,
) -> None:
    main(["upgrade"])

    status = main(["backup", str(tmp_path / place)])

    error = capsys.readouterr().err
    assert status == 1
    assert reason in error
    assert error.count("\n") == 1
    assert list(tmp_path.rglob("*.partial")) == []


@pytest.mark.parametrize("command", ["verify", "restore", "import-flares", "import-harps"])
@pytest.mark.parametrize("place", ["absent.zip", ".", "list.csv/b.zip"])
def test_a_file_that_cannot_be_read_is_one_line(
    address: str,
    files: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    place: str,
) -> None:
    main(["upgrade"])

    status = main([command, str(tmp_path / place)])

    error = capsys.readouterr().err
    assert status == 1
    assert f"{tmp_path / place} cannot be read as " in error
    assert error.count("\n") == 1


def test_a_backup_is_checked_without_a_store(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = str(tmp_path / "b.zip")
    main(["upgrade"])
    main(["backup", archive])
    monkeypatch.setenv("FLARE_DATABASE_URL", "mysql+mysqlconnector://a:b@127.0.0.1:1/b")

    assert main(["verify", archive]) == 0
    assert f"{archive} is intact: 0 rows in {len(saved_tables())} tables" in capsys.readouterr().out


def test_a_dry_run_lists_what_would_be_deleted(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["upgrade"])
    monkeypatch.setenv("FLARE_RETENTION", "rejections=keep,notices=keep")

    statuses = [main(["prune", "--dry-run", "--table", "predictions=2y"]),
                main(["prune", "--table", "stars=2y"])]  # fmt: skip

    output = capsys.readouterr()
    assert statuses == [0, 1]
    assert "predictions: 0 rows before " in output.out
    assert "notices" not in output.out
    assert "no retention for 'stars'" in output.err


def test_a_store_in_a_file_has_no_partitions(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["upgrade"])

    assert [main(["partition", "--list"]), main(["partition"])] == [0, 1]
    assert "SQLite has no partitions" in capsys.readouterr().out
