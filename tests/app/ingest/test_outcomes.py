from __future__ import annotations

from app.contract.problems import Fault, Rejection
from app.ingest.outcomes import UNKNOWN, WHOLE, causes_of_request, causes_of_rows


def rejection(index: int, *faults: tuple[str, str]) -> Rejection:
    return Rejection(index, tuple(Fault(*fault) for fault in faults))


def test_rows_with_one_fault_and_other_values_are_one_cause() -> None:
    rows = [
        rejection(
            i, (f"observations[{i}].keywords.TOTUSJH", f"{i}e9 G is outside 0 to 1e+06 G; check")
        )
        for i in range(3)
    ]

    (cause,) = causes_of_rows(rows, "s1")

    assert (cause.path, cause.reason, cause.n) == (
        "keywords.TOTUSJH", "~ G is outside ~ to ~ G; check", 3,
    )  # fmt: skip
    assert cause.example == "observations[2].keywords.TOTUSJH: 2e9 G is outside 0 to 1e+06 G; check"


def test_a_row_counts_once_whatever_is_wrong_with_it() -> None:
    causes = causes_of_rows([rejection(0, ("observations[0].t_rec", "a"), ("harpnum", "b"))], "s1")

    assert [(cause.path, cause.n) for cause in causes] == [("t_rec", 1)]


def test_a_name_that_a_sender_made_up_makes_no_cause_of_its_own() -> None:
    rows = [
        rejection(i, (f"observations[{i}].keywords.X{i}", f"'X{i}' is not a known keyword"))
        for i in range(50)
    ]

    (cause,) = causes_of_rows(rows, "s1")

    assert (cause.path, cause.reason, cause.n) == (UNKNOWN, "~ is not a known keyword", 50)


def test_a_request_refused_whole_is_one_case() -> None:
    broken = causes_of_request("the body is not JSON: unexpected at line 1, column 5", (), "s1")
    empty = causes_of_request("the body has no rows", [Fault("observations", "is empty")], "s1")

    assert [(cause.path, cause.n) for cause in broken + empty] == [(WHOLE, 1), ("observations", 1)]
    assert broken[0].reason == "the body is not JSON: unexpected at line ~ column ~"


def test_an_example_of_any_text_fits_its_column() -> None:
    (cause,) = causes_of_request("\ud800" + "ü" * 999, (), "s1")

    assert len(cause.example) == 255
    assert cause.reason.isascii()
    cause.example.encode()
