"""The report of the ingest benchmark judges the median of the rounds."""

from __future__ import annotations

from bench.ingest_report import POINT, comparison, of_tree, verdicts
from bench.one_record import RIVAL, clients_load
from bench.results import Figures, Results, alternating


def test_an_aim_is_judged_by_the_median_of_the_ratios_of_its_rounds() -> None:
    results = Results()
    # Times the other design: 0.4, 0.6 and 2; the ratio of the medians would be 0.4.
    for rival, product in ((1_000, 400), (500, 300), (1_500, 3_000)):
        results.add(clients_load(2), RIVAL, Figures(rate=rival, errors=0))
        results.add(clients_load(2), POINT, Figures(rate=product, errors=0))

    rows = verdicts(results).splitlines()

    assert rows[2:] == [
        "| point model, 2 clients: times a row per request | ≥ 0.5 | 0.6 (0.4–2) | reached |",
        "| errors in all rounds | ≤ 0 | 0 | reached |",
    ]


def test_an_error_in_any_round_is_reported() -> None:
    results = Results()
    for errors in (0, 1, 0):
        results.add(clients_load(16), POINT, Figures(rate=1.0, errors=errors))

    assert "| errors in all rounds | ≤ 0 | 1 | missed |" in verdicts(results)


def test_two_working_trees_are_compared_round_by_round() -> None:
    results = Results()
    for before, after in ((100, 300), (200, 400)):
        results.add(clients_load(1), POINT, Figures(rate=after))
        results.add(clients_load(1), of_tree(POINT, "old"), Figures(rate=before))

    rows = comparison(results, ["new", "old"]).splitlines()

    assert rows[2:] == ["| 1 client | point model / point model of old | 2.5 (2–3) | – | – |"]


def test_each_round_begins_with_another_design() -> None:
    assert "".join(alternating("ABC", 3)) == "ABCBCACAB"
