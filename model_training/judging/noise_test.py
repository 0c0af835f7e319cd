"""The noise test: whether a recipe finds skill in what cannot be known.

Its estimator is fitted once on inputs exchanged between cases, and once on outcomes exchanged
between regions. Skill on either comes from something that the inputs do not measure, such as which
records are missing, or from content that training and test share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.manifest import Exchanged, NoiseTrial, Score
from model_training.data.dataset import NO_RECORD, Dataset, parts_of_one
from model_training.data.split import Split
from model_training.features import Floats
from model_training.fitting.forecaster import fit_event, make_plan
from model_training.journal import Journal
from model_training.recipe.estimators import AnyEstimator, BlendConfig, Single, TimeGanConfig
from model_training.recipe.recipe import Recipe
from solar import binned
from solar.bootstrap import draw, interval
from solar.errors import InvalidInputError
from solar.histogram import stack_cases

# Cases of hundreds of events, and fewer than a fold of a large set has. What is missing may be a
# weak sign; content that training and test share is a strong one.
MOST_FITTED: dict[Exchanged, int] = {"inputs": 5_000, "outcomes": 2_000}
MOST_SCORED = 20_000
# The chance that one of the intervals of a run misses the skill that there is.
_MISSED = 0.05
_FEWEST_EVENTS = 10
# The tail of an interval at 99.4 %, that of a run of four events, holds six of these.
_RESAMPLES = 2000
_SEED = 27
# The place of the test among the parts of a run, and what it counts.
PART, TRIAL = "noise test", "trial"
_ADVICE: dict[Exchanged, str] = {
    "inputs": "which steps or values are missing tells the outcome, as where rows before a flare"
    ' were sampled at other times than quiet ones; set data.issue = "day-end", drop the inputs'
    " and steps that the events lack, or use rows that were not chosen by their outcome",
    "outcomes": "training and test share content; split by region and time, and look at what"
    " datasets describe says of overlap",
}


def run(recipe: Recipe, parts: Split, *, journal: Journal) -> tuple[NoiseTrial, ...]:
    """Fit on exchanged training cases and score the test cases, exchanged alike.

    Whole regions are drawn where there are more cases than `MOST_FITTED` and `MOST_SCORED`. Every
    draw follows from the seed of the recipe.

    Returns
    -------
    Two trials for each event that the recipe fits.
    """
    rng = np.random.default_rng(recipe.seed)
    train = some_regions(parts.train.take(parts.train.is_scored), MOST_FITTED["inputs"], rng=rng)
    test = some_regions(parts.test, MOST_SCORED, rng=rng)
    cases = only_used_records(parts_of_one([train, test]))
    exchanged: dict[Exchanged, Dataset | None] = {
        "inputs": exchange_inputs(cases, recipe.features, rng=rng),
        "outcomes": exchange_outcomes(cases, rng=rng),
    }
    events = make_plan(recipe, parts).fitted
    trial = partial(
        _trial, _without_generator(recipe), n_train=len(train), level=1 - _MISSED / 2 / len(events)
    )
    # The curves and checkpoints of these fits are of no use to the reader of the run.
    silent = Journal(stop=journal.stop)
    trials, told = [], journal.within(PART)
    steps = told.steps(TRIAL, len(exchanged) * len(events))
    # Seen at once: the first trial may take long.
    told.tell(TRIAL, step=0, of=len(exchanged) * len(events))
    for kind, changed in exchanged.items():
        for event in events:
            trials.append(trial(changed, event, kind=kind, journal=silent))
            _tell(trials[-1], told)
            steps.advance()
    return tuple(trials)


def gate(recipe: Recipe, trials: Sequence[NoiseTrial]) -> None:
    """Refuse a recipe with skill on noise.

    Raises
    ------
    InvalidInputError
        With the figures of every trial whose interval lies above 0.
    """
    failed = [trial for trial in trials if not trial.passed]
    if failed:
        figures = "; ".join(f"{trial.exchanged} exchanged, {sentence(trial)}" for trial in failed)
        advice = "; ".join(
            _ADVICE[kind] for kind in _ADVICE if kind in {t.exchanged for t in failed}
        )
        raise InvalidInputError(f"{recipe.name}: the noise test failed: {figures}; {advice}")


def sentence(trial: NoiseTrial) -> str:
    """Return the figures of a trial in words."""
    if trial.bss is None or trial.level is None:
        return f"{trial.event}+ not judged: {trial.note}"
    return (
        f"{trial.event}+ BSS {trial.bss.value:.4f} ({100 * trial.level:.4g} % interval"
        f" {trial.bss.low:.4f} … {trial.bss.high:.4f}) on {trial.n:,} cases with"
        f" {trial.n_events:,} events"
    )


def some_regions(cases: Dataset, most: int, *, rng: np.random.Generator) -> Dataset:
    """Draw whole regions until they have `most` cases; all where there are no more."""
    if len(cases) <= most:
        return cases
    _, code, count = np.unique(cases.region_id, return_inverse=True, return_counts=True)
    order = rng.permutation(len(count))
    before = np.cumsum(count[order]) - count[order]
    return cases.take(np.isin(code, order[before < most]))


def only_used_records(cases: Dataset) -> Dataset:
    """Leave out the records that no window of the cases holds."""
    used = np.unique(cases.steps[cases.steps != NO_RECORD])
    steps = np.where(cases.steps == NO_RECORD, NO_RECORD, np.searchsorted(used, cases.steps))
    return replace(
        cases, records={name: column[used] for name, column in cases.records.items()}, steps=steps
    )


def exchange_inputs(cases: Dataset, names: Sequence[str], *, rng: np.random.Generator) -> Dataset:
    """Exchange the known values of each input between records at random.

    Times, regions, windows and which values are missing stay. Each input is exchanged on its own,
    so that not even its relation to the others, or to what is missing, remains.
    """
    records = dict(cases.records)
    for name in names:
        column = np.array(records[name], float)
        known = np.flatnonzero(np.isfinite(column))
        column[known] = column[rng.permutation(known)]
        records[name] = column
    return replace(cases, records=records)


def exchange_outcomes(cases: Dataset, *, rng: np.random.Generator) -> Dataset | None:
    """Give every case the outcomes of a case of another region; None where one region has most.

    Regions stand in random order, each in the order of time, and their outcomes move on by at
    least the longest region. So a region has the sequence of another, or the end of one and the
    beginning of the next, and the outcomes of all events stay together.
    """
    _, code, count = np.unique(cases.region_id, return_inverse=True, return_counts=True)
    longest, n = int(count.max()), len(cases)
    if 2 * longest > n:
        return None
    order = np.lexsort((cases.t_rec, rng.permutation(len(count))[code]))
    taken = np.empty(n, np.int64)
    taken[order] = np.roll(order, rng.integers(longest, n - longest, endpoint=True))
    truth = {event: column[taken] for event, column in cases.truth.items()}
    by_bin = {event: column[taken] for event, column in cases.by_bin.items()}
    return replace(cases, truth=truth, by_bin=by_bin)


def _trial(
    recipe: Recipe,
    cases: Dataset | None,
    event: str,
    *,
    kind: Exchanged,
    n_train: int,
    level: float,
    journal: Journal,
) -> NoiseTrial:
    def not_judged(why: str, n: int = 0, n_events: int = 0) -> NoiseTrial:
        return NoiseTrial(exchanged=kind, event=event, n=n, n_events=n_events, note=why)

    if cases is None:
        return not_judged("one region has more than half of the cases")
    train, test = (_known(part, event) for part in _apart(cases, n_train))
    train = some_regions(train, MOST_FITTED[kind], rng=np.random.default_rng(recipe.seed))
    n, n_events = len(test), int(test.truth[event].sum())
    why = _too_few(train.truth[event], "training") or _too_few(test.truth[event], "the test")
    if why is not None:
        return not_judged(why, n, n_events)
    try:
        model = fit_event(recipe, train, event, journal=journal)
    except InvalidInputError as error:
        # The drawn cases may be too few for an option; a fault of the recipe ends the fits after.
        return not_judged(str(error), n, n_events)
    raw = model.predict(test.windows(recipe.features))
    bss = _brier_skill(raw, test.truth[event], day=test.t_rec, level=level)
    if bss is None:
        return not_judged("too few days for an interval", n, n_events)
    return NoiseTrial(exchanged=kind, event=event, n=n, n_events=n_events, bss=bss, level=level)


def _apart(cases: Dataset, n_train: int) -> tuple[Dataset, Dataset]:
    place = np.arange(len(cases))
    return cases.take(place < n_train), cases.take(place >= n_train)


def _known(cases: Dataset, event: str) -> Dataset:
    return cases.take(~np.isnan(cases.truth[event]))


def _too_few(outcome: Floats, where: str) -> str | None:
    n_events = int(outcome.sum())
    if _FEWEST_EVENTS <= n_events <= len(outcome) - _FEWEST_EVENTS:
        return None
    return f"{n_events} events in {len(outcome)} cases of {where}, at least {_FEWEST_EVENTS} needed"


def _brier_skill(
    raw: Floats, outcome: Floats, *, day: NDArray[np.datetime64], level: float
) -> Score | None:
    """Score (n,) probabilities against the base rate of the cases, with its block interval."""
    stacked = stack_cases(raw, outcome, day=day)
    rows = stacked.rows
    draws = draw(
        len(rows.n),
        row_days=stacked.row_days,
        rng=np.random.default_rng(_SEED),
        resamples=_RESAMPLES,
    )
    counted = (rows.n.sum(axis=1), rows.events.sum(axis=1), rows.sum_p2, rows.sum_po)
    sums = np.stack(counted, axis=1)
    bounds = interval(_skill(draws.double @ sums), level=level)
    if bounds is None:
        return None
    value, low, high = (
        round(float(number), 5) for number in (_skill(sums.sum(axis=0)), bounds.low, bounds.high)
    )
    return Score(value=value, low=low, high=high)


def _skill(sums: Floats) -> Floats:
    """Return the Brier skill (...) of sums (..., 4): cases, events, p² and p of the events."""
    climatology = binned.climatology_brier_of(sums[..., 1], sums[..., 0])
    return binned.brier_skill(binned.brier_of(sums), climatology)


def _without_generator(recipe: Recipe) -> Recipe:
    """Leave TimeGAN out: what it costs does not fall with the number of cases."""
    return recipe.model_copy(update={"estimator": _real_cases_only(recipe.estimator)})


def _real_cases_only(estimator: AnyEstimator) -> AnyEstimator:
    if isinstance(estimator, BlendConfig):
        return estimator.model_copy(
            update={"members": tuple(_one_real(member) for member in estimator.members)}
        )
    return _one_real(estimator)


def _one_real(member: Single) -> Single:
    is_generated = isinstance(member.augmentation, TimeGanConfig)
    return member.model_copy(update={"augmentation": None}) if is_generated else member


def _tell(trial: NoiseTrial, journal: Journal) -> None:
    figures = {} if trial.bss is None else {"bss": trial.bss.value, "low": trial.bss.low}
    journal.tell(trial.exchanged, flare=trial.event, note=trial.note, **figures)
