"""The quality report of synthetic events: are they like real ones, of use, and no copies."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from model_training.augmentation.augmented import require_complete
from model_training.augmentation.timegan.judges import (
    ITERATIONS,
    discriminative_score,
    predictive_error,
)
from model_training.augmentation.timegan.nearest import Nearness, nearness
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.journal import Journal
from solar.contingency import Contingency
from solar.probability import brier_skill


@dataclass(frozen=True)
class Cases:
    """Real rows: windows (n, steps, features) without NaN, outcome (n,) 1 event or 0 none."""

    windows: Inputs
    outcome: Floats

    @property
    def events(self) -> Inputs:
        """The windows before an event."""
        events: Inputs = self.windows[self.outcome == 1]
        return events


@dataclass(frozen=True)
class Usefulness:
    """Scores, on held-out real rows, of a logistic regression of the last step of windows.

    `tss` at the event rate of the training rows as threshold, `bss` against the sample
    climatology of the held-out rows; None where undefined.
    """

    tss: float | None
    bss: float | None


@dataclass(frozen=True)
class Quality:
    """What can be said of synthetic events; a figure that cannot be computed is None.

    `discriminative_score`: 0 when a classifier cannot tell them from real ones, 0.5 when it
    always can. `predictive_error`: mean absolute error, in standard deviations of the training
    rows, of real held-out events one step ahead, learned from synthetic events; `..._of_real`
    learned from real ones. `trained_on_synthetic`: see `Usefulness`; the non-events are real
    and the prior is that of the training rows. `nearness`: see `Nearness`.
    """

    n_synthetic: int
    n_events: int
    n_held_out_events: int
    discriminative_score: float | None
    predictive_error: float | None
    predictive_error_of_real: float | None
    trained_on_synthetic: Usefulness | None
    trained_on_real: Usefulness | None
    nearness: Nearness | None

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON holds it."""
        return asdict(self)


def assess(
    synthetic: Inputs, *, training: Cases, held_out: Cases, seed: int, journal: Journal,
    iterations: int = ITERATIONS,
) -> Quality:  # fmt: skip
    """Judge synthetic events (n, steps, features) that were learned from those in `training`.

    `held_out` rows are of other regions and times; `iterations` is the patience of the judges.
    """
    for windows in (synthetic, training.windows, held_out.windows):
        require_complete(windows)
    synthetic, training, held_out = _standardised(synthetic, training, held_out)
    learned, unseen = training.events, held_out.events

    def error(name: str, windows: Inputs) -> float | None:
        part = journal.within(name)
        return predictive_error(
            windows, real=unseen, seed=seed, journal=part, iterations=iterations
        )

    return Quality(
        n_synthetic=len(synthetic),
        n_events=len(learned),
        n_held_out_events=len(unseen),
        discriminative_score=discriminative_score(
            learned, synthetic, seed=seed, journal=journal.within("discriminative"),
            iterations=iterations,
        ),
        predictive_error=error("predictive", synthetic),
        predictive_error_of_real=error("predictive-real", learned),
        trained_on_synthetic=_usefulness(synthetic, training, held_out),
        trained_on_real=_usefulness(learned, training, held_out),
        nearness=nearness(synthetic, training=learned, held_out=unseen),
    )  # fmt: skip


def _standardised(
    synthetic: Inputs, training: Cases, held_out: Cases
) -> tuple[Inputs, Cases, Cases]:
    mean = training.windows.mean(axis=(0, 1), dtype=float).astype(np.float32)
    deviation = training.windows.std(axis=(0, 1), dtype=float).astype(np.float32)
    deviation[deviation == 0] = 1

    def scaled(windows: Inputs) -> Inputs:
        return np.asarray((windows - mean) / deviation, np.float32)

    return (
        scaled(synthetic),
        Cases(scaled(training.windows), training.outcome),
        Cases(scaled(held_out.windows), held_out.outcome),
    )


def _usefulness(events: Inputs, training: Cases, held_out: Cases) -> Usefulness | None:
    others = training.windows[training.outcome != 1]
    n_real = len(training.events)
    if not (n_real and len(events) and len(others) and len(held_out.outcome)):
        return None
    # However many events were made, together they weigh what the real ones do.
    weight = np.repeat([n_real / len(events), 1.0], [len(events), len(others)])
    learner = LogisticRegression(max_iter=1000).fit(
        np.concatenate([events, others])[:, -1].astype(float),
        np.repeat([1, 0], [len(events), len(others)]),
        sample_weight=weight,
    )
    probability = learner.predict_proba(held_out.windows[:, -1].astype(float))[:, 1]
    says_yes = probability >= training.outcome.mean()
    observed = held_out.outcome
    return Usefulness(
        tss=Contingency.from_forecasts(observed == 1, says_yes).tss,
        bss=brier_skill(probability, observed, reference=observed.mean()),
    )
