from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from solar.consistency import consistent
from solar.flares import EVENTS, TARGETS, Event, event
from solar.windows import WINDOWS

Floats = NDArray[np.float64]

NAMES = [target.name for target in TARGETS]


def logit(p: Floats) -> Floats:
    return np.log(p) - np.log1p(-p)


def violations(rows: Floats, targets: Sequence[Event]) -> int:
    """Count broken inequalities one by one, as the contract writes them."""
    column = {(one.peak_flux_w_m2, one.window.name): rows[:, at] for at, one in enumerate(targets)}
    nothing = np.full(len(rows), np.nan)

    def of(flux: float, window: str) -> Floats:
        return column.get((flux, window), nothing)

    fluxes = [one.peak_flux_w_m2 for one in EVENTS]
    broken = sum(
        int((of(rare, window.name) > of(frequent, window.name)).sum())
        for window in WINDOWS
        for at, frequent in enumerate(fluxes)
        for rare in fluxes[at + 1 :]
    )
    nested = ["6h", "12h", "24h", "48h"]
    for flux in fluxes:
        for at, short in enumerate(nested):
            broken += sum(int((of(flux, short) > of(flux, one)).sum()) for one in nested[at + 1 :])
        broken += int((of(flux, "d2") > of(flux, "48h")).sum())
        bound = np.minimum(1.0, of(flux, "24h") + of(flux, "d2"))
        broken += int((of(flux, "48h") > bound).sum())
    return broken


def random_rows(n: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    odds = rng.normal(-3, 2.5, (n, 1)) + rng.normal(0, rng.choice([0.1, 1, 4], (n, 1)), (n, 24))
    rows = 1 / (1 + np.exp(-odds))
    rows[rng.random(rows.shape) < 0.02] = 0.0
    rows[rng.random(rows.shape) < 0.02] = 1.0
    return rows


def nearest_by_optimiser(row: Floats, targets: Sequence[Event]) -> float:
    """Return the least sum of squared differences in log-odds that SLSQP finds."""
    start = logit(row)
    at = {one.name: place for place, one in enumerate(targets)}
    lower: list[tuple[int, int]] = [
        (at[f"{rare}{w}"], at[f"{often}{w}"])
        for often, rare in combinations(("C1.0", "M1.0", "M5.0", "X1.0"), 2)
        for w in ("", "/6h", "/12h", "/48h", "/d2", "/d3")
        if f"{rare}{w}" in at and f"{often}{w}" in at
    ]
    sums = []
    for name in ("C1.0", "M1.0", "M5.0", "X1.0"):
        pairs = (("/6h", "/12h"), ("/12h", ""), ("", "/48h"), ("/d2", "/48h"))
        lower += [
            (at[name + a], at[name + b]) for a, b in pairs if name + a in at and name + b in at
        ]
        triple = [name, f"{name}/d2", f"{name}/48h"]
        sums += [[at[one] for one in triple]] if all(one in at for one in triple) else []
    constraints = [{"type": "ineq", "fun": lambda x, a=a, b=b: x[b] - x[a]} for a, b in lower] + [
        {
            "type": "ineq",
            "fun": lambda x, t=t: np.log(
                min((1 / (1 + np.exp(-x[t[:2]]))).sum() * (1 + np.exp(-x[t[2]])), 1e3)
            ),
        }
        for t in sums
    ]
    found = minimize(
        lambda x: ((x - start) ** 2).sum(),
        logit(consistent(row[None], targets))[0],
        jac=lambda x: 2 * (x - start),
        constraints=constraints,
        options={"maxiter": 500, "ftol": 1e-10},
    )
    return float(found.fun)


def test_nothing_contradicts_anything_in_ten_thousand_random_rows() -> None:
    rows = random_rows(10_000, seed=1)

    repaired = consistent(rows, TARGETS)

    assert violations(rows, TARGETS) > 100_000
    assert violations(repaired, TARGETS) == 0
    assert ((repaired >= 0) & (repaired <= 1)).all()


def test_what_is_consistent_comes_back_bit_for_bit() -> None:
    once = consistent(random_rows(2_000, seed=2), TARGETS)

    assert consistent(once, TARGETS).tobytes() == once.tobytes()


def test_zero_and_one_survive_where_they_contradict_nothing() -> None:
    row = np.zeros((1, len(TARGETS)))
    row[0, [NAMES.index(name) for name in ("C1.0/48h", "C1.0/d2")]] = 1.0

    assert (consistent(row, TARGETS) == row).all()


def test_two_events_meet_in_the_middle_of_their_log_odds() -> None:
    """Odds of 1/4 and 1 for the frequent and the rare event: both become 1/2, p = 1/3."""
    row = np.array([[0.2, 0.5]])

    assert consistent(row, [event("C1.0"), event("M1.0")]) == pytest.approx(1 / 3)


def test_a_row_is_moved_alike_alone_and_among_others() -> None:
    rows = random_rows(50, seed=9)

    alone = np.vstack([consistent(row[None], TARGETS) for row in rows])

    assert alone.tobytes() == np.ascontiguousarray(consistent(rows, TARGETS)).tobytes()


def test_the_order_of_the_columns_does_not_matter() -> None:
    rows = random_rows(50, seed=3)
    order = np.random.default_rng(0).permutation(len(TARGETS))

    moved = consistent(rows[:, order], [TARGETS[at] for at in order])

    assert moved == pytest.approx(consistent(rows, TARGETS)[:, order], abs=1e-9)


def test_forty_eight_hours_are_at_most_the_first_and_the_second_day_together() -> None:
    """The nearest by brute force on a fine net of 24 h and d2, with 48 h on their sum."""
    targets = [event("M1.0"), event("M1.0/d2"), event("M1.0/48h")]
    row = np.array([[0.1, 0.05, 0.4]])
    day, second = np.meshgrid(np.linspace(0.1, 0.4, 601), np.linspace(0.05, 0.4, 701))
    points = np.stack([day, second, np.minimum(day + second, 0.4)])
    distance = ((logit(points) - logit(row[0])[:, None, None]) ** 2).sum(axis=0)
    nearest = points[:, *np.unravel_index(distance.argmin(), distance.shape)]

    repaired = consistent(row, targets)

    assert violations(repaired, targets) == 0
    assert repaired[0] == pytest.approx(nearest, abs=1e-3)


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0])
def test_no_consistent_row_is_nearer(spread: float) -> None:
    rng = np.random.default_rng(5)
    rows = 1 / (1 + np.exp(-rng.normal(-3, spread, (6, len(TARGETS)))))

    repaired = consistent(rows, TARGETS)

    distances = ((logit(repaired) - logit(rows)) ** 2).sum(axis=1)
    least = [nearest_by_optimiser(row, TARGETS) for row in rows]
    assert distances.tolist() == pytest.approx(least, rel=0.01, abs=0.005)


def test_what_is_unknown_constrains_nothing_and_stays_unknown() -> None:
    rows = random_rows(200, seed=5)
    unknown = np.random.default_rng(6).random(rows.shape) < 0.3
    rows[unknown] = np.nan

    repaired = consistent(rows, TARGETS)

    assert (np.isnan(repaired) == unknown).all()
    assert violations(repaired, TARGETS) == 0
    assert np.array_equal(consistent(repaired, TARGETS), repaired, equal_nan=True)
    alone = np.full((1, len(TARGETS)), np.nan)
    alone[0, NAMES.index("X1.0/d3")] = 0.9
    assert np.array_equal(consistent(alone, TARGETS), alone, equal_nan=True)


def test_day_three_obeys_the_order_of_the_classes_alone() -> None:
    row = np.full((1, len(TARGETS)), 0.1)
    row[0, [NAMES.index(f"{one.name}/d3") for one in EVENTS]] = (0.9, 0.8, 0.7, 0.6)

    assert (consistent(row, TARGETS) == row).all()


def test_no_rows_are_no_rows() -> None:
    assert consistent(np.empty((0, len(TARGETS))), TARGETS).shape == (0, len(TARGETS))
