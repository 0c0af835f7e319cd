"""The published MOSWOC and SWPC forecasts of 2014-2016 scored again, to every printed digit.

Murray et al. 2017, doi 10.1002/2016SW001579; data CC BY 4.0. The expected numbers and the protocol
(issue nearest after 00 UT, days that both centres issued, events by peak time) are the handbook's.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from exact_scores import auc, best_tss, block_interval, murphy

from solar import binned
from solar.binned import resampled_scores
from solar.bootstrap import draw, interval
from solar.contingency import Contingency
from solar.flares import peak_flux
from solar.histogram import snapped, stack_cases
from solar.probability import brier, brier_skill
from solar.reliability import reliability
from solar.skill import summary

DAY = np.timedelta64(1, "D")
CLASSES = {"M+": (1e-5, np.inf), "Monly": (1e-5, 1e-4), "X+": (1e-4, np.inf)}
ENTRIES = [
    f"{centre}|{event}|day{lead}"
    for centre in ("MOSWOC_issued", "SWPC")
    for event in CLASSES
    for lead in (1, 2, 3)
]
# Their names for ours.
SCORES = {
    "POD": "recall", "POFD": "pofd", "FAR": "far", "ACC": "accuracy", "BIAS": "bias", "TSS": "tss",
    "HSS1": "hss1", "HSS2": "hss2", "ETS": "gs", "CSI": "csi", "APSS": "appss",
}  # fmt: skip


@dataclass(frozen=True)
class Flares:
    """Start and peak (n,) datetime64[m] and peak flux (n,) [W m-2]."""

    start_at: np.ndarray
    peak_at: np.ndarray
    flux: np.ndarray

    def occurred(self, days, event, *, by="peak_at"):
        low, high = CLASSES[event]
        at = getattr(self, by)[(self.flux >= low) & (self.flux < high)]
        return np.isin(days, at.astype("datetime64[D]")).astype(float)


@dataclass(frozen=True)
class Golden:
    """The expected numbers, the common days, and each centre's forecasts (days, 6): M1-3, X1-3."""

    expected: dict
    days: np.ndarray
    forecasts: dict
    flares: Flares
    handbook: Path

    def case(self, entry):
        """Return probabilities and outcomes of an entry such as ``SWPC|X+|day2``."""
        centre, event, lead = entry.split("|")
        column = int(lead[-1]) - 1
        p = self.forecasts[centre][:, column + (3 if event == "X+" else 0)]
        return p, self.flares.occurred(self.days + column * DAY, event)


def first_issues(path, *, leads):
    """Map each day to the first row issued before 03 UT."""
    issues = {}
    for line in path.read_text().splitlines():
        fields = line.split()
        if len(fields) > 5 and int(fields[3]) < 3:
            percent = np.array(fields[5:], float)
            wanted = np.r_[percent[:3], percent[leads : leads + 3]] / 100
            issues.setdefault(np.datetime64("-".join(fields[:3])), wanted)
    return issues


def read_flares(path):
    rows = [line.split() for line in path.read_text().splitlines() if len(line.split()) > 6]
    day = np.array(["-".join(row[:3]) for row in rows], "datetime64[m]")
    start, peak = (
        day + np.array([int(row[k][:2]) * 60 + int(row[k][2:]) for row in rows], "timedelta64[m]")
        for k in (3, 4)
    )
    peak = np.where(peak < start, peak + DAY, peak)
    return Flares(start, peak, np.array([peak_flux(row[6]) for row in rows]))


@pytest.fixture(scope="module")
def golden(shared_data):
    handbook = shared_data.parent / "handbook"
    folder = shared_data / "moswoc_swpc_forecasts_ccby_mit"
    for needed in (handbook, folder):
        if not needed.is_dir():
            pytest.skip(f"the published forecasts are not at {needed}")
    moswoc = first_issues(folder / "IFF_fcast.txt", leads=4)
    swpc = first_issues(folder / "SWPC_fcast.txt", leads=3)
    days = sorted(moswoc.keys() & swpc.keys())
    return Golden(
        expected=json.loads((handbook / "verification_golden.json").read_text()),
        days=np.array(days),
        forecasts={
            centre: np.array([issues[day] for day in days])
            for centre, issues in (("MOSWOC_issued", moswoc), ("SWPC", swpc))
        },
        flares=read_flares(folder / "MX_list.txt"),
        handbook=handbook,
    )


def printed(value, digits):
    """Equal to the digits printed; a tie such as -0.4375 may have been rounded either way."""
    return pytest.approx(value, rel=0, abs=0.5 * 10.0**-digits + 1e-9)


def own_climatology_skill(p, o):
    return brier_skill(p, o, reference=o.mean())


@pytest.mark.parametrize("entry", ENTRIES)
def test_scores_of_the_published_forecasts(golden, entry) -> None:
    expected, (p, o) = golden.expected[entry], golden.case(entry)
    terms, best = murphy(p, o), best_tss(p, o)

    assert (len(p), o.sum()) == (expected["n"], expected["events"])
    assert o.mean() == printed(expected["base"], 4)
    assert brier(p, o) == printed(expected["BS"], 4)
    assert own_climatology_skill(p, o) == printed(expected["BSS"], 3)
    assert terms.reliability == printed(expected["rel"], 4)
    assert terms.resolution == printed(expected["res"], 4)
    assert terms.uncertainty == printed(expected["unc"], 4)
    assert auc(p, o) == printed(expected["AUC"], 3)
    assert best == (printed(expected["TSSmax"], 3), expected["thr"])
    assert p.mean() == printed(expected["mean_p"], 3)
    assert p.std() == printed(expected["sharpness_sd"], 3)


@pytest.mark.parametrize("threshold", ["at0.5", "at_thr"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_contingency_scores_of_the_published_forecasts(golden, entry, threshold) -> None:
    expected, (p, o) = golden.expected[entry], golden.case(entry)
    level = 0.5 if threshold == "at0.5" else expected["thr"]

    of_cases = Contingency.from_forecasts(o, p >= level)
    of_histogram = binned.contingency(stack_cases(p, o, day=np.zeros(len(p), int)).total(), level)

    assert snapped(level) == level
    assert of_histogram == of_cases
    scores = of_cases.scores()
    for name, value in expected[threshold].items():
        assert scores[SCORES[name]] == printed(value, 3), name


def test_intervals_of_the_published_forecasts(golden) -> None:
    # One generator runs through all entries, as it did when the numbers were made; with it even
    # the X-class intervals, which rest on 16 events, come out alike.
    rng = np.random.default_rng(0)
    for entry in ENTRIES:
        expected, pair = golden.expected[entry], golden.case(entry)
        for name, statistic, block_days in (
            ("BSS_ci_block27", own_climatology_skill, 27),
            ("BSS_ci_iid", own_climatology_skill, 1),
            ("AUC_ci", auc, 27),
        ):
            bounds = block_interval(pair, statistic, block_days=block_days, rng=rng)
            assert [bounds.low, bounds.high] == pytest.approx(expected[name], abs=0.02), name


def test_intervals_from_day_histograms(golden) -> None:
    # Whole percents lie on bin edges, so that histograms lose nothing here.
    for entry in ENTRIES:
        p, o = golden.case(entry)
        stacked = stack_cases(p, o, day=np.arange(len(p)))
        draws = draw(len(p), row_days=1, rng=np.random.default_rng(1))

        drawn = resampled_scores(stacked, threshold=0.5, draws=draws)["auc"]
        direct = block_interval((p, o), auc, block_days=27, rng=np.random.default_rng(1))

        bounds = interval(drawn)
        assert (bounds.low, bounds.high) == pytest.approx((direct.low, direct.high), abs=1e-6)


def test_the_summary_of_the_published_forecasts(golden) -> None:
    p, o = golden.case("MOSWOC_issued|M+|day1")
    expected = golden.expected["MOSWOC_issued|M+|day1"]

    stacked = stack_cases(p, o, day=np.arange(len(p)))
    result = summary(stacked, threshold=0.5, rng=np.random.default_rng(0))

    assert result.contingency == Contingency(106, 102, 76, 578)
    assert result.block_days == 27
    bss, area = result.scores["bss"], result.scores["auc"]
    assert bss.value == printed(expected["BSS"], 3)
    assert [bss.low, bss.high] == pytest.approx(expected["BSS_ci_block27"], abs=0.02)
    assert area.value == printed(expected["AUC"], 3)
    assert [area.low, area.high] == pytest.approx(expected["AUC_ci"], abs=0.02)


@pytest.mark.parametrize("days", [27, 120])
def test_trailing_climatology(golden, days) -> None:
    expected = golden.expected[f"trailing{days}d|M+|day1"]
    every = np.arange("2014-01-01", "2016-07-17", dtype="datetime64[D]")
    event = golden.flares.occurred(every, "M+")
    # The rate of up to `days` days before each day, known from the 14th day on.
    rate = np.array([np.mean(event[max(0, k - days) : k]) if k >= 14 else np.nan
                     for k in range(len(every))])  # fmt: skip
    scored = np.isin(every, golden.days) & ~np.isnan(rate)
    p, o = rate[scored], event[scored]

    assert len(p) == expected["n"]
    assert own_climatology_skill(p, o) == printed(expected["BSS"], 3)
    assert auc(p, o) == printed(expected["AUC"], 3)
    assert best_tss(p, o)[0] == printed(expected["TSSmax"], 3)


def test_persistence(golden) -> None:
    expected = golden.expected["persistence|M+|day1"]
    days = golden.days[golden.days > np.datetime64("2014-01-01")]
    before, o = (golden.flares.occurred(at, "M+") for at in (days - DAY, days))
    given_event, given_none = o[before == 1].mean(), o[before == 0].mean()

    table = Contingency.from_forecasts(o, before == 1)

    assert table.n == expected["n"]
    assert table.tss == printed(expected["TSS"], 3)
    assert given_event == printed(expected["p_event_given_prev"], 3)
    assert given_none == printed(expected["p_event_given_none"], 3)
    p = np.where(before == 1, given_event, given_none)
    assert own_climatology_skill(p, o) == printed(expected["BSS_cond"], 3)


@pytest.mark.parametrize("centre", ["MOSWOC_issued", "SWPC"])
def test_a_threshold_chosen_on_the_first_half_is_carried_to_the_second(golden, centre) -> None:
    expected = golden.expected[f"{centre}|threshold_transfer"]
    p, o = golden.case(f"{centre}|M+|day1")
    half = len(p) // 2
    (first_p, first_o), (second_p, second_o) = (p[:half], o[:half]), (p[half:], o[half:])

    best = best_tss(first_p, first_o)
    transferred = Contingency.from_forecasts(second_o, second_p >= best[1])

    assert best == (printed(expected["TSS_first"], 3), expected["thr_first_half"])
    assert transferred.tss == printed(expected["TSS_second_with_that_thr"], 3)
    assert best_tss(second_p, second_o)[0] == printed(expected["TSS_second_cheating"], 3)
    assert first_o.mean() == printed(expected["base_first"], 3)
    assert second_o.mean() == printed(expected["base_second"], 3)
    assert own_climatology_skill(second_p, second_o) == printed(expected["BSS_second_raw"], 3)


@pytest.mark.parametrize("centre", ["MOSWOC_issued", "SWPC"])
def test_an_isotonic_map_of_the_first_half_is_carried_to_the_second(golden, centre) -> None:
    isotonic = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is for training only")
    expected = golden.expected[f"{centre}|threshold_transfer"]["BSS_second_isotonic_from_first"]
    p, o = golden.case(f"{centre}|M+|day1")
    half = len(p) // 2

    fitted = isotonic.IsotonicRegression(out_of_bounds="clip", y_min=0.01, y_max=0.99)
    calibrated = fitted.fit(p[:half], o[:half]).predict(p[half:])

    assert own_climatology_skill(calibrated, o[half:]) == printed(expected, 3)


def test_counting_by_start_instead_of_peak_changes_few_days(golden) -> None:
    by_peak, by_start = (
        golden.flares.occurred(golden.days, "M+", by=time) for time in ("peak_at", "start_at")
    )

    assert (by_peak != by_start).sum() == golden.expected["label_diff_start_vs_peak_days"]


def test_the_reliability_table_of_the_published_forecasts(golden) -> None:
    path = golden.handbook / "golden_reliability_moswoc_M_day1.csv"
    p, o = golden.case("MOSWOC_issued|M+|day1")

    rows = [row for row in reliability(p, o, closed="right") if row.n]

    with path.open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(rows) == len(expected)
    for row, line in zip(rows, expected, strict=True):
        assert (row.n, row.events) == (int(line["n"]), float(line["k"]))
        for value, name in ((row.mean_forecast, "pbar"), (row.observed_frequency, "obs"),
                            (row.low, "lo"), (row.high, "hi")):  # fmt: skip
            assert value == printed(float(line[name]), 4)
