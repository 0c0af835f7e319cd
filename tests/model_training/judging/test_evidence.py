from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model_training.judging.evidence import Evidence, read, write
from solar.errors import InvalidInputError

Make = Callable[..., Evidence]


def test_evidence_comes_back_as_it_was_written(make_evidence: Make, tmp_path: Path) -> None:
    late = np.full(240, 0.2)
    late[:50] = np.nan
    given = (
        make_evidence(part="validation", event="C1.0", entrants={}),
        make_evidence(entrants={"late": late}, thresholds={"late": 0.1}),
    )

    write(given, tmp_path / "evidence.parquet")
    found = read(tmp_path / "evidence.parquet")

    for one, other in zip(given, found, strict=True):
        assert (one.part, one.event, one.threshold, one.n_unknown, one.thresholds) == (
            other.part, other.event, other.threshold, other.n_unknown, other.thresholds,
        )  # fmt: skip
        for name in ("region_id", "t_rec", "outcome", "raw", "calibrated"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert list(one.entrants) == list(other.entrants)
    np.testing.assert_array_equal(found[1].entrants["late"], late)


def test_the_same_evidence_gives_the_same_bytes(make_evidence: Make, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write([make_evidence()], tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_file_has_a_row_per_entrant_and_case(make_evidence: Make, tmp_path: Path) -> None:
    write([make_evidence()], tmp_path / "evidence.parquet")

    rows = pq.read_table(tmp_path / "evidence.parquet")

    # 240 cases by the model, the model before calibration and two baselines.
    assert rows.num_rows == 240 * 4
    assert set(rows["entrant"].to_pylist()) == {
        "model", "model-uncalibrated", "climatology-365d", "persistence",
    }  # fmt: skip


def test_evidence_without_cases_is_kept(make_evidence: Make, tmp_path: Path) -> None:
    write([make_evidence(0)], tmp_path / "evidence.parquet")

    (found,) = read(tmp_path / "evidence.parquet")

    assert len(found) == 0
    assert list(found.entrants) == ["climatology-365d", "persistence"]


def test_a_run_without_evidence_is_read_as_none(tmp_path: Path) -> None:
    write([], tmp_path / "evidence.parquet")

    assert read(tmp_path / "evidence.parquet") == ()


def test_columns_of_different_length_are_refused(make_evidence: Make) -> None:
    with pytest.raises(InvalidInputError, match="persistence has 3 cases and region_id 240"):
        make_evidence(entrants={"persistence": np.zeros(3)})


def test_an_unknown_outcome_is_refused(make_evidence: Make) -> None:
    with pytest.raises(InvalidInputError, match="neither 0 nor 1"):
        make_evidence(outcome=np.full(240, np.nan))


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "rows.parquet")

    with pytest.raises(InvalidInputError, match="no evidence of a run"):
        read(tmp_path / "rows.parquet")


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("a,b")

    with pytest.raises(InvalidInputError, match="no evidence of a run"):
        read(tmp_path / "rows.parquet")
