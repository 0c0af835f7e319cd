from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sources.files.replay import Replay, ordered_file, read_pieces
from data_sender.sources.files.tables import read_rows

HOUR = np.timedelta64(1, "h")


def write(path: Path, hours: list[int], **columns: object) -> Path:
    rng = np.random.default_rng(len(hours))
    n = len(hours)
    table = {
        "T_REC": np.datetime64("2014-03-01", "us") + np.array(hours) * HOUR,
        "harpnum": rng.integers(1, 9, n),
        "noaa_ar": rng.integers(0, 3, n),
        "USFLUX": rng.uniform(1e21, 1e22, n),
    }
    pyarrow.parquet.write_table(pa.table({**table, **columns}), path, row_group_size=max(7, n // 4))
    return path


def content(rows: Rows) -> list[object]:
    return [rows.observations()[index] for index in range(len(rows))]


@pytest.mark.parametrize("size", [1, 2, 5, 1_000])
def test_the_pieces_of_a_file_are_the_whole_of_it_sorted(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.parquet", [0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 3, 9, 9, 10])

    found = list(read_pieces(path, rows=size))

    assert content(Rows.concatenate(found)) == content(read_rows(path).sorted())
    # No time is parted: what is read after a piece lies later.
    assert all(a.t_rec[-1] < b.t_rec[0] for a, b in itertools.pairwise(found))


def test_only_one_large_file_in_the_order_of_time_is_read_by_the_piece(tmp_path: Path) -> None:
    ordered = write(tmp_path / "a.parquet", [0, 1, 1, 2])
    back = write(tmp_path / "b.parquet", [0, 2, 1, 3])
    gap = np.array(["2014-03-01", "NaT", "2014-03-02", "2014-03-03"], "datetime64[us]")
    untimed = write(tmp_path / "c.parquet", [0] * 4, T_REC=gap)

    assert ordered_file([ordered], large=4) == ordered
    assert ordered_file([ordered], large=5) is None
    assert ordered_file([ordered, ordered], large=4) is None
    assert ordered_file([back], large=4) is None
    assert ordered_file([untimed], large=4) is None


def test_a_replay_by_the_piece_goes_on_where_one_of_the_whole_would(tmp_path: Path) -> None:
    n = 120_000
    path = write(tmp_path / "a.parquet", (np.arange(n) // 40).tolist())
    at_once, by_piece = Replay([path]), Replay([path], large=n)

    for passed in (0, 1, 50_001, n - 1):
        whole, parts = (
            Rows.concatenate([chunk.rows for chunk in replay.chunks(Position(passed))])
            for replay in (at_once, by_piece)
        )
        assert len(parts) == n - passed
        assert np.array_equal(parts.t_rec, whole.t_rec)
        assert np.array_equal(parts.keyword("USFLUX"), whole.keyword("USFLUX"))
    assert len(list(by_piece.chunks(Position(0)))) > 2
    assert list(by_piece.chunks(Position(n))) == []


def test_row_groups_that_end_days_before_the_beginning_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", list(range(0, 400, 5)))
    begin = np.datetime64("2014-03-01", "us") + 350 * HOUR

    found = Rows.concatenate(list(read_pieces(path, after=begin)))

    # Four row groups of 100 hours each; the fourth alone lies within a day of the beginning.
    whole = read_rows(path)
    assert content(found) == content(whole.take(slice(60, None)))
    assert (whole.t_rec[60:] > begin).sum() == (whole.t_rec > begin).sum()


def test_a_replay_that_begins_at_a_time_gives_everything_after_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", list(range(0, 400, 5)))
    begin = np.datetime64("2014-03-01", "us") + 350 * HOUR

    chunks = Replay([path], large=10).chunks(Position(0, begin))

    times = np.concatenate([chunk.rows.t_rec for chunk in chunks])
    assert len(times) == 20
    assert (times > begin).sum() == 9


def test_times_as_text_leave_no_row_group_out(tmp_path: Path) -> None:
    hours = list(range(0, 400, 5))
    texts = [f"{np.datetime64('2014-03-01', 's') + h * HOUR}Z" for h in hours]
    path = write(tmp_path / "a.parquet", hours, T_REC=texts)

    found = Rows.concatenate(list(read_pieces(path, after=np.datetime64("2030-01-01", "us"))))

    assert len(found) == len(hours)
