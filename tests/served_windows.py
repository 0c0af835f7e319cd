"""A model of windows behind the API: its records, how they may arrive, and what it must say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import CADENCE_SECONDS, HandmadeModel

from solar.time import isoformat

Row = Callable[..., dict[str, Any]]


MakeApp = Callable[..., Flask]


Rows = list[dict[str, Any]]


Batches = Callable[[Rows], Iterator[Rows]]


URL = "/api/v1/observations"


START = datetime(2014, 3, 1, 23, 24, tzinfo=UTC)


CADENCE = timedelta(seconds=CADENCE_SECONDS)


STEPS = 5


FEATURES = ("R_VALUE", "MEANALP")


# Every step and feature weighs differently, so that no two may change places unseen.
WEIGHTS = np.arange(1, 2 * STEPS + 1).reshape(STEPS, 2) / 20


WINDOW = HandmadeModel("window", FEATURES, WEIGHTS, bias=-5.0)


POINT = HandmadeModel("point", FEATURES, WEIGHTS[-1:], bias=-2.0)


TWELVE = range(12)


def records(row: Row, *, steps: Sequence[int] = TWELVE, harpnum: int = 3721) -> Rows:
    """Records of a region at some steps of the cadence, with keywords that all differ."""
    rng = np.random.default_rng(harpnum)
    values = rng.uniform(0, 5, (max(steps) + 1, 2))
    return [
        row(
            harpnum=harpnum,
            noaa_ars=[],
            t_rec=isoformat(START + step * CADENCE),
            keywords=dict(zip(FEATURES, values[step].tolist(), strict=True)),
        )
        for step in steps
    ]


def send(client: FlaskClient, rows: Rows) -> dict[str, Any]:
    response = client.post(URL, json={"observations": rows})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def forecasts(client: FlaskClient, model: HandmadeModel, query: str = "") -> Rows:
    found: Rows = client.get(
        f"/api/v1/predictions?model={model.model_id.replace('@', '%40')}&{query}"
    ).get_json()["items"]
    return found


def expected(rows: Rows) -> dict[tuple[int, str], float]:
    """Look every step of every window up by its time, one after the other."""
    by_key = {(row["harpnum"], row["t_rec"]): row["keywords"] for row in rows}
    answer = {}
    for harpnum, label in by_key:
        t = datetime.fromisoformat(label)
        labels = [isoformat(t - back * CADENCE) for back in reversed(range(STEPS))]
        steps = [by_key.get((harpnum, label), {}) for label in labels]
        window = np.array([[step.get(name) for name in FEATURES] for step in steps], float)
        if np.isnan(window).mean() <= 0.5:
            answer[harpnum, label] = WINDOW.probability(window)
    return answer


def stored(client: FlaskClient) -> dict[tuple[int, str], float]:
    return {
        (item["region"], item["t_rec"]): item["raw"]["C1.0"]
        for item in forecasts(client, WINDOW)
        if item["raw"]["C1.0"] is not None
    }


def at_once(rows: Rows) -> Iterator[Rows]:
    yield rows


def one_by_one(rows: Rows) -> Iterator[Rows]:
    for row in rows:
        yield [row]


def shuffled(rows: Rows) -> Iterator[Rows]:
    for row in random.Random(4).sample(rows, len(rows)):
        yield [row]


def backwards_by_five(rows: Rows) -> Iterator[Rows]:
    turned = sorted(rows, key=lambda row: str(row["t_rec"]), reverse=True)
    for start in range(0, len(turned), 5):
        yield turned[start : start + 5]
