"""A recipe as it is typed in its form: what it begins with, and the names to choose from."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from app_dash.lab.answers import Offers, Schemas
from app_dash.lab.client import Lab, dataset_path
from app_dash.lab.data_answers import Breakdown, FoundAnswer, FullDataset
from app_dash.lab.marks import queue_name
from app_dash.lab.recipe_form import Known
from app_dash.lab.recipe_values import differences, edited, root, shown
from solar.errors import InvalidInputError
from solar.toml import write_toml
from solar.windows import DAY

PARAMETERS = "parameters"


class Edits(BaseModel):
    """What was typed: the recipe that the form began with, its text, and edits of that.

    A new `key` begins the form anew; `seq` counts what the browser has sent since. `writes` says
    that the text is not the one in its field. A form that `follows` begins anew with the first
    data set that is ticked, until something is typed.
    """

    key: str = ""
    follows: bool = False
    origin: str = ""
    base: str = ""
    parameters: dict[str, Any] = {}
    edits: list[tuple[str, Any]] = []
    redraws: bool = True
    writes: bool = False
    seq: int = 0

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was typed yet."""
        return not self.edits and self.base == self.origin


@dataclass(frozen=True)
class Typed:
    """A recipe as it was typed; `values` are None where the text is no TOML."""

    document: str
    values: dict[str, Any] | None
    origin: dict[str, Any]
    parameters: dict[str, Any]

    @property
    def changed(self) -> dict[str, str]:
        """The places that differ from the recipe that the form began with, and what that has."""
        if self.values is None or not self.origin:
            return {}
        found = differences(self.origin, self.values)
        return {place: _had(value) for place, value in found.items()}


def _had(value: Any) -> str:
    if value is None:
        return "was left out before"
    return f"was {shown(value)[:60]} before"


def read_found(lab: Lab, dataset_id: str) -> tuple[FullDataset, FoundAnswer]:
    """Ask the API for a data set and what was found in it; raises what the API refuses."""
    path = dataset_path(dataset_id)
    return lab.one(FullDataset, path), lab.one(FoundAnswer, f"{path}/breakdown")


def starting_recipe(dataset: FullDataset | None, found: FoundAnswer | None) -> dict[str, Any]:
    """Return a recipe to begin with: a logistic regression on all features of a data set.

    Of its time three fifths are for training, a fifth each for validation and test. Windows are
    looked at whole, and events are those that the data set tells.
    """
    breakdown = (found.breakdown if found else None) or Breakdown()
    names = [one.name for one in breakdown.features]
    events = [one.event for one in breakdown.events if one.events + one.none]
    split: dict[str, Any] = {"kind": "chronological"}
    if breakdown.first_at and breakdown.last_at:
        length = breakdown.last_at - breakdown.first_at
        for key, share in (("validate_from", 0.6), ("test_from", 0.8)):
            split[key] = (breakdown.first_at + share * length).date()
    window: dict[str, Any] = {}
    if breakdown.steps > 1 and breakdown.cadence_hours:
        window = {"steps": breakdown.steps, "cadence_hours": breakdown.cadence_hours}
        reach = (breakdown.steps - 1) * breakdown.cadence_hours
        split["embargo_hours"] = math.ceil(reach + DAY.validity / timedelta(hours=1))
    return {
        "name": "new-model",
        "version": "1.0.0",
        "description": "",
        "seed": 1,
        "keywords": names,
        **({"events": events} if events else {}),
        "data": (dataset.layout if dataset else None) or {"layout": "sharp", "rows": ""},
        **({"window": window} if window else {}),
        "split": split,
        "estimator": {"kind": "logistic-regression"},
    }


def read_typed(schemas: Schemas, edits: Edits, kind: str) -> Typed:
    """Return the recipe and the parameters that were typed; raises InvalidInputError."""
    try:
        document, values = edits.base, _values(edits.base)
        if values is not None and any(at.lstrip("=")[:1] == "/" for at, _ in edits.edits):
            typed = [edit for edit in edits.edits if edit[0].lstrip("=")[:1] == "/"]
            values = edited(root(schemas.recipe), values, typed)
            document = write_toml(values)
        asked = [
            (at.replace(PARAMETERS, "", 1), value)
            for at, value in edits.edits
            if at.lstrip("=").startswith(PARAMETERS)
        ]
        node = root(schemas.parameters.get(kind, {}))
        parameters = edited(node, edits.parameters, asked)
        return Typed(document, values, _values(edits.origin) or {}, parameters)
    except RecursionError as error:
        raise InvalidInputError("tables in tables without end; no recipe needs them") from error


def _values(document: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(document)
    except (ValueError, RecursionError):
        # The check says where it cannot be read.
        return None


def known_names(
    schemas: Schemas,
    found: Sequence[tuple[FullDataset, FoundAnswer]],
    values: Mapping[str, Any],
) -> Known:
    """Return the names to choose from: of the data sets, else all that the program knows."""
    offers, one_of = schemas.offers, len(found) == 1
    files = [
        file.name if one_of else f"{dataset.name}/{file.name}"
        for dataset, _ in found
        for file in dataset.files
    ]
    measured = [
        feature.name for _, told in found if told.breakdown for feature in told.breakdown.features
    ]
    keywords = [name for name in measured or offers.keywords if name not in offers.history]
    inputs = [
        str(name) for key in ("keywords", "history") for name in values.get(key) or () if name
    ]
    names = {"keywords": keywords, "history": offers.history, "hidden_together": keywords}
    return Known(files, names | {"inputs": inputs, "rising": inputs}, _lacks(schemas))


def _lacks(schemas: Schemas) -> dict[str, str]:
    """Say of each kind of estimator and augmentation why no worker that is there makes it."""
    if not schemas.offers.workers:
        return {}
    estimators = root(schemas.recipe).options({})["estimator"].forms
    made = {
        one.removeprefix("estimator:") for one in schemas.offers.offers if one.startswith("est")
    }
    lacks = {one: "no worker offers it" for one in estimators if one not in (*made, "blend")}
    without_torch = dict.fromkeys(("gru", "timegan"), "no worker has torch")
    return lacks if "gru" in made else lacks | without_torch


def queue_choices(offers: Offers) -> dict[str, str]:
    """Return the queues, with the reason at those that no worker serves."""
    gpus = [queue for queue in offers.queues if queue.startswith("gpu")]
    reason = "" if offers.workers else ": no worker is there yet"
    named = {
        "cpu": f"processor{reason}",
        "gpu": "any graphics processor" + ("" if gpus else ": no GPU found"),
    }
    return named | {queue: f"{queue_name(queue)} of {queue.split('.')[1]}" for queue in gpus}
