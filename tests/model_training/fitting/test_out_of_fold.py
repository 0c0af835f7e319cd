from __future__ import annotations

from typing import cast

import numpy as np

from model_training.artefact.calibration import Calibration
from model_training.artefact.manifest import EventModel
from model_training.data.dataset import Dataset
from model_training.fitting.forecaster import Forecaster
from model_training.fitting.out_of_fold import OutOfFold

NAN = np.nan


def pool(raw: list[list[float]], **truth: list[float]) -> OutOfFold:
    n = len(raw)
    names = ("M1.0", "X1.0")
    rows = Dataset(
        records={},
        steps=np.zeros((n, 1), np.int64),
        region_id=np.arange(n),
        t_rec=np.datetime64("2014-03-01", "us") + np.arange(n) * np.timedelta64(27, "D"),
        truth={name: np.array(truth[name[0]]) for name in names},
        flared_before={},
    )
    return OutOfFold(rows, np.array(raw), cast(Forecaster, None))


EVENTS = [
    EventModel(
        name=name, column=column, calibration=Calibration(kind="identity"), threshold=0.5,
        basis="fitted",
    )
    for column, name in enumerate(("M1.0", "X1.0"))
]  # fmt: skip


def test_no_event_of_the_pool_is_likelier_than_a_more_frequent_one() -> None:
    found = pool([[0.3, 0.5], [0.3, 0.1]], M=[0, 1], X=[0, 0]).calibrated(EVENTS)

    assert found["M1.0"].tolist() == [0.3, 0.3]
    assert found["X1.0"].tolist() == [0.3, 0.1]


def test_an_event_of_unknown_truth_is_not_forecast_and_bounds_nothing() -> None:
    found = pool([[0.3, 0.5], [0.3, 0.1]], M=[NAN, 1], X=[0, NAN]).calibrated(EVENTS)

    assert np.isnan(found["M1.0"]).tolist() == [True, False]
    assert found["X1.0"][0] == 0.5
    assert np.isnan(found["X1.0"][1])
