"""A file that promises or unpacks to more than is sensible is refused before it is read."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from words import Captured, complaint, said

from model_training.analysis.unknown_data import describe_unknown
from model_training.data.declared import read_arrays
from model_training.data.files import read_table, to_utc, whole_numbers
from model_training.data.limits import Limits, refuse_oversized
from model_training.journal import StoppedError
from model_training.limited import ProcessLimits
from solar.errors import InvalidInputError

Write = Callable[[Path], Path]


def promising_table(folder: Path) -> Path:
    """Write 200 rows of which the footer says that they are 10^12."""
    path = folder / "rows.parquet"
    pd.DataFrame({"x": np.arange(200.0)}).to_parquet(path)
    content = path.read_bytes()
    size = int.from_bytes(content[-8:-4], "little")
    # The field num_rows in the compact encoding of Thrift: twice the number, seven bits a byte.
    footer = content[-8 - size : -8].replace(b"\x16\x90\x03", b"\x16" + varint(2 * 10**12), 1)
    path.write_bytes(
        content[: -8 - size] + footer + len(footer).to_bytes(4, "little") + content[-4:]
    )
    return path


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + varint(rest)


def header(*shape: int) -> bytes:
    file = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def archive(*members: tuple[str, bytes]) -> Write:
    def write(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "data.npz", "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members:
                file.writestr(name, content)
        return folder / "data.npz"

    return write


def text(content: bytes, name: str) -> Write:
    def write(folder: Path) -> Path:
        packed = gzip.compress(content, 1) if name.endswith(".gz") else content
        (folder / name).write_bytes(packed)
        return folder / name

    return write


WHOLE = header(2) + bytes(16)
HOSTILE: list[tuple[Write, str]] = [
    (promising_table, "promises 1,000,000,000,000 rows of 1 columns, 7,450.6 GiB in memory"),
    (archive(("a.npy", header(10**6, 10**6))), "'a.npy' of shape 1000000 x 1000000, 7,450.6 GiB"),
    (archive(("a.npy", header(10**400))), "in memory, and at most"),
    (archive(("a.npy", header(10**6))), "of shape 1000000 and holds 0 bytes of it"),
    (archive(("a.npy", header(-5))), "copy the file again"),
    (archive(*((f"{n}.npy", WHOLE) for n in range(1001))), "has 1,001 members, and at most 1,000"),
    (archive(("../a.npy", WHOLE)), "'../a.npy', which leads out of its folder"),
    (archive(("/etc/a.npy", WHOLE)), "leads out of its folder"),
    (archive(("..\\a.npy", WHOLE)), "leads out of its folder"),
    (archive(("a.npz", WHOLE)), "has an archive in it, 'a.npz'"),
    (archive(("a.npy", bytes(65 * 2**20))), "unpacks to more than 200 times its size"),
    (archive(("a.npy", b"\x93NUMPY\x03\x00" + bytes(99))), "is an array of format (3, 0)"),
    (archive(("a.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 2**16)), "cannot be read"),
    (text(b"1" * 2**21, "rows.csv"), "has a line longer than 1,048,576 bytes"),
    (text(b"1" * 2**21, "rows.tsv.gz"), "has a line longer than 1,048,576 bytes"),
    (text(b"1\n" * (33 * 2**20), "rows.csv.gz"), "unpacks to more than 200 times its size"),
    (text(gzip.compress(b"1,2\n")[:-3], "rows.csv"), "cannot be read"),
]


@pytest.mark.parametrize(("write", "told"), HOSTILE)
def test_a_hostile_file_is_refused_by_the_reader_in_one_line(
    tmp_path: Path, write: Write, told: str
) -> None:
    path = write(tmp_path)
    read = read_arrays if path.suffix == ".npz" else read_table

    with pytest.raises(InvalidInputError) as refused:
        read(path)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 700


def test_the_limits_can_be_set_lower_than_those_of_ones_own_files(tmp_path: Path) -> None:
    pd.DataFrame({"x": np.arange(200.0)}).to_parquet(tmp_path / "rows.parquet")
    path = text(b"1\n" * 2**20, "rows.csv.gz")(tmp_path)
    small = Limits(unpacked_bytes=1000)

    with pytest.raises(InvalidInputError, match="promises 200 rows of 1 columns"):
        refuse_oversized(tmp_path / "rows.parquet", small)
    with pytest.raises(InvalidInputError, match=r"rows\.csv\.gz unpacks, 0\.0 GiB in memory"):
        refuse_oversized(path, small)
    with pytest.raises(InvalidInputError, match="has 1 columns, and at most 0 are read"):
        refuse_oversized(tmp_path / "rows.parquet", Limits(columns=0))
    refuse_oversized(path)


def test_a_file_that_keeps_its_reader_busy_is_stopped(tmp_path: Path, world: Path) -> None:
    busy = ProcessLimits(cpu_seconds=1)
    content = "x,y\n" + "1.25,2.5\n" * 10_000_000
    path = text(content.encode(), "rows.csv")(tmp_path)

    told = describe_unknown(path, limits=busy)

    assert told["reason"] == "rows.csv computes for more than 1 s; cut it into smaller files"


def test_a_reader_is_ended_with_the_run_that_waits_for_it(tmp_path: Path) -> None:
    path = text(b"x,y\n" + b"1.25,2.5\n" * 1_000_000, "rows.csv")(tmp_path)
    # Servers and browsers of other tests are children of this process too.
    others = set(psutil.Process().children())
    children: list[psutil.Process] = []

    def stop_once_it_reads() -> None:
        children.extend(set(psutil.Process().children()) - others)
        if children:
            raise StoppedError("enough")

    with pytest.raises(StoppedError):
        describe_unknown(path, between=stop_once_it_reads)

    # One that has ended may not yet have been waited for.
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_describe_tries_a_file_that_is_not_trusted_in_a_limited_process(
    world: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert "1920 cases" in said(capsys, "datasets", "describe", world / "rows.parquet", "--limited")
    assert "no table and no arrays among no file" in complaint(
        capsys, "datasets", "describe", tmp_path, "--limited"
    )
    assert "--limited reads a file or folder of data" in complaint(
        capsys, "datasets", "describe", tmp_path / "none", "--limited"
    )


@pytest.mark.parametrize("value", [1e300, 2.0**60, -np.inf, np.nan, 1.5])
def test_a_region_that_is_no_number_of_one_is_named_with_its_row(value: float) -> None:
    table = pd.DataFrame({"region": [11158, value]})

    with pytest.raises(InvalidInputError, match=r"none beyond 2\^53; row 2 holds"):
        whole_numbers(table, "region", file="rows.csv")


@pytest.mark.parametrize("year", ["-9999", "0001", "9999", "290000"])
def test_a_time_beyond_reason_is_refused(year: str) -> None:
    at = np.array([f"{year}-01-01T00:00:00"], "datetime64[us]")

    with pytest.raises(InvalidInputError, match="times lie between 1800 and 2200"):
        to_utc(at, where="rows.csv: time", scale="TAI")


def damaged(rng: np.random.Generator, whole: bytes) -> bytes:
    """Cut, overwrite or lengthen content, often near its end, where Parquet and zip say most."""
    kind, place = rng.integers(3), int(rng.integers(len(whole)))
    if kind == 0:
        return whole[:place]
    if kind == 1:
        return whole[:place] + rng.bytes(int(rng.integers(1, 99))) + whole[place:]
    content = bytearray(whole)
    first = max(len(whole) - 2000, 0) if rng.random() < 0.5 else 0
    for _ in range(4):
        content[rng.integers(first, len(whole))] = rng.integers(256)
    return bytes(content)


def write_samples(folder: Path) -> list[Path]:
    table = pd.DataFrame({"t_rec": ["2014-03-29T16:00:00Z"] * 50, "x": np.arange(50.0)})
    table.to_parquet(folder / "a.parquet")
    table.to_csv(folder / "a.csv", index=False)
    table.to_csv(folder / "a.tsv.gz", sep="\t", index=False)
    np.savez(folder / "a.npz", x=np.arange(50.0), label=np.zeros(50))
    np.savez_compressed(folder / "b.npz", x=np.arange(50.0))
    return sorted(folder.iterdir())


def test_damaged_files_are_read_or_refused_and_nothing_else_happens(tmp_path: Path) -> None:
    rng = np.random.default_rng(16)
    for path in write_samples(tmp_path):
        whole = path.read_bytes()
        read: Callable[[Path], Any] = read_arrays if path.suffix == ".npz" else read_table
        for _ in range(40):
            path.write_bytes(damaged(rng, whole))
            try:
                read(path)
            except InvalidInputError:
                continue


def test_a_file_under_the_name_of_another_kind_is_refused(tmp_path: Path) -> None:
    for path in write_samples(tmp_path):
        for suffix in {".parquet", ".npz", ".csv.gz"} - {path.suffix}:
            other = tmp_path / f"other{suffix}"
            other.write_bytes(path.read_bytes())
            if path.name + suffix != "a.tsv.gz.csv.gz":
                with pytest.raises(InvalidInputError, match=f"other{suffix} cannot be read"):
                    (read_arrays if suffix == ".npz" else read_table)(other)
