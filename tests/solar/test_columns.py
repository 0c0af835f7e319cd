"""Columns: rows may be cut, chosen and put together again without a change."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.columns import Bools, Coded, Columns, Floats, Integers, Times, nullable


@dataclass(frozen=True)
class Inner(Columns):
    flag: Bools


@dataclass(frozen=True)
class Sample(Columns):
    number: Integers
    at: Times
    matrix: Floats
    name: Coded[str]
    inner: Inner
    named: dict[str, Floats]
    issuer: str = "nobody"


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    n = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return Sample(
        number=rng.integers(0, 9, n),
        at=rng.integers(0, 9, n).astype("datetime64[us]"),
        matrix=np.where(rng.random((n, 2)) < 0.3, np.nan, rng.random((n, 2))),
        name=Coded.of(draw(st.lists(st.sampled_from("abcd"), min_size=n, max_size=n))),
        inner=Inner(rng.random(n) < 0.5),
        named={"x": rng.random(n), "y": rng.random(n)},
        issuer=draw(st.sampled_from(["me", "you"])),
    )


def content(sample: Sample) -> dict[str, Any]:
    return {
        "n": len(sample), "number": sample.number.tolist(), "at": sample.at.tolist(),
        "matrix": nullable(sample.matrix), "name": sample.name.rows(),
        "inner": sample.inner.flag.tolist(), "issuer": sample.issuer,
        "named": {name: column.tolist() for name, column in sample.named.items()},
    }  # fmt: skip


@given(samples(), st.data())
def test_a_mask_takes_what_its_places_take(sample: Sample, data: st.DataObject) -> None:
    n = len(sample)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)

    taken = sample.take(mask)

    assert content(taken) == content(sample.take(np.flatnonzero(mask)))
    assert len(taken) == mask.sum()


@given(samples(), st.data())
def test_places_take_rows_in_their_order(sample: Sample, data: st.DataObject) -> None:
    places = data.draw(st.permutations(range(len(sample))))

    taken = content(sample.take(np.array(places, np.int64)))

    whole = content(sample)
    for name in ("number", "at", "matrix", "name", "inner"):
        assert taken[name] == [whole[name][place] for place in places]


@given(samples(), st.lists(st.integers(0, 12), max_size=3))
def test_the_pieces_of_a_cut_put_together_are_the_whole(sample: Sample, cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(sample)]
    pieces = [sample.take(slice(first, end)) for first, end in itertools.pairwise(ends)]

    whole = Sample.concatenate(pieces)

    assert content(whole) == content(sample)


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(IndexError):
        Inner(np.ones(3, bool)).take(np.ones(2, bool))


def test_coded_parts_with_other_values_keep_only_those_in_use() -> None:
    parts = [Coded.of(["a", "b", "c"]).take(slice(1, 3)), Coded.constant("b", 2)]

    whole = Coded.concatenate(parts)

    assert whole.rows() == ["b", "c", "b", "b"]
    assert whole.values == ("b", "c")


def test_a_function_is_asked_once_for_each_value_of_a_coded_column() -> None:
    asked: list[str] = []

    def length(name: str) -> int:
        asked.append(name)
        return len(name)

    assert Coded.of(["a", "bb", "a"]).map(length, np.int64).tolist() == [1, 2, 1]
    assert asked == ["a", "bb"]
    assert Coded.of([]).map(length, np.int64).tolist() == []


def test_what_is_missing_becomes_none() -> None:
    assert nullable(np.array([[1.0, np.nan], [np.nan, 2.0]])) == [[1.0, None], [None, 2.0]]
