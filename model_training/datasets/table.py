"""A declared table: any rows whose columns the recipe names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from model_training.choices.data import TableChoice
from model_training.datasets.dataset import Dataset, points
from model_training.datasets.files import (
    existing,
    numbers,
    outcomes,
    read_table,
    require,
    times,
    whole_numbers,
)
from model_training.datasets.joining import read_region_flares
from model_training.features import Floats


def load_table(choice: TableChoice, folder: Path) -> Dataset:
    """Read the declared columns; labels stand for the truth of the flare list."""
    file = choice.rows
    table = read_table(existing(folder, file))
    require(table, _columns(choice), file=file)
    region_id = whole_numbers(table, choice.region, file=file)
    t_rec = times(table, choice.time, file=file, scale=choice.time_scale)
    own = {event: outcomes(table, name, file=file) for event, name in choice.labels.items()}
    history: dict[str, Floats] = {}
    truth: dict[str, Floats] = {}
    before: dict[str, Floats] = {}
    if choice.flares is not None:
        flares = read_region_flares(folder, choice.flares, choice.harps)
        history = flares.history(region_id, t_rec)
        truth, before = flares.truth(region_id, t_rec), flares.before(region_id, t_rec)
    records, steps = points(_keywords(choice, table) | history, len(table))
    return Dataset(
        records=records,
        steps=steps,
        region_id=region_id,
        t_rec=t_rec,
        truth=truth | own,
        flared_before=before,
        fold=None if choice.fold is None else whole_numbers(table, choice.fold, file=file),
        units={item.name: item.unit for item in choice.keywords.values() if item.unit},
    )


def _columns(choice: TableChoice) -> list[str]:
    fold = [] if choice.fold is None else [choice.fold]
    return [choice.region, choice.time, *choice.keywords, *choice.labels.values(), *fold]


def _keywords(choice: TableChoice, table: pd.DataFrame) -> dict[str, Floats]:
    return {
        item.name: numbers(table, column, file=choice.rows)
        for column, item in choice.keywords.items()
    }
