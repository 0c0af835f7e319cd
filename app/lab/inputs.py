"""Inputs: the files that a run's job reads."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from database.lab.datasets import Dataset, read_datasets
from database.lab.outputs import CHECKPOINT, MODEL, Output, list_outputs
from database.lab.runs import Run
from database.schema.lab_tables import recipes


@dataclass(frozen=True)
class Inputs:
    """What a job reads: recipe, data sets, outputs of another run, and its own checkpoints."""

    recipe: str | None
    datasets: list[Dataset]
    outputs: list[Output]
    checkpoints: list[Output]

    @property
    def hashes(self) -> set[str]:
        """The content that the job may fetch."""
        files = {file.sha256 for dataset in self.datasets for file in dataset.files}
        return files | {output.sha256 for output in (*self.outputs, *self.checkpoints)}


def inputs_of(connection: sa.Connection, run: Run) -> Inputs:
    """Return what the job of a run reads."""
    document = sa.select(recipes.c.document).where(recipes.c.recipe_id == run.recipe_id)
    other = run.parameters.get("run_id")
    return Inputs(
        recipe=connection.execute(document).scalar() if run.recipe_id else None,
        datasets=read_datasets(connection, run.dataset_ids),
        outputs=list_outputs(connection, other, kind=MODEL) if other else [],
        checkpoints=list_outputs(connection, run.run_id, kind=CHECKPOINT),
    )
