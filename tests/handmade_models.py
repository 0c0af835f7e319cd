"""Models made by hand: a weighted sum over a window, through a sigmoid, easily done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.artifact import MANIFEST
from model_training.artefact.calibration import Calibration
from model_training.artefact.graph import Graph, to_bytes
from model_training.artefact.manifest import GRAPH, EventModel, Feature, Manifest
from model_training.features import unit
from solar.flares import EVENTS, LEADS, Event
from solar.sharp import BY_NAME
from solar.windows import DAY

CADENCE_SECONDS = 720
# M1.0+ has the odds of C1.0+ divided by e squared.
RARER = -2.0
# The odds of the other windows beside those of 24 h, as logarithms; whatever the sum, all
# windows are consistent: 6h <= 12h <= 24h <= 48h and max(24h, d2) <= 48h <= 24h + d2.
ALL_WINDOWS = {"6h": -1.5, "12h": -0.8, "48h": 0.6, "d2": -0.1, "d3": -0.2}


@dataclass(frozen=True)
class HandmadeModel:
    """p(C1.0+) is the sigmoid of the (L, f) weights times a window, what is missing counting 0.

    With `windows`, such as `ALL_WINDOWS`, it forecasts all four classes in 24 h and in these.
    """

    name: str
    features: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: float = 0.0
    windows: Mapping[str, float] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Event, ...]:
        """What it forecasts, in the order of its output."""
        if not self.windows:
            return EVENTS[:2]
        return (*EVENTS, *(lead for lead in LEADS if lead.window.name in self.windows))

    @property
    def model_id(self) -> str:
        return f"{self.name}@1.0.0"

    def probability(self, window: NDArray[np.float64], target: Event = EVENTS[0]) -> float:
        total = float(np.nansum(self.weights * window) + self.bias + self._shift(target))
        return 1 / (1 + float(np.exp(-total)))

    def _shift(self, target: Event) -> float:
        rarity = [event.goes_class for event in EVENTS].index(target.goes_class)
        return rarity * RARER + self.windows.get(target.window.name, 0.0)

    def write(self, models: Path, **changes: Any) -> Path:
        folder = models / f"{self.name}-1.0.0"
        folder.mkdir(parents=True)
        graph = self.graph()
        (folder / GRAPH).write_bytes(graph)
        manifest = self.manifest({GRAPH: hashlib.sha256(graph).hexdigest()}, **changes)
        (folder / MANIFEST).write_text(manifest.model_dump_json())
        return folder

    def graph(self) -> bytes:
        steps, features = self.weights.shape
        graph = Graph(steps=steps, features=features)
        missing = graph.node("IsNaN", graph.windows)
        filled = graph.node("Where", missing, graph.constant(np.float32(0)), graph.windows)
        flat = graph.node("Reshape", filled, graph.constant([-1, steps * features]))
        total = graph.node("MatMul", flat, graph.constant(self.weights.reshape(-1, 1)))
        totals = [self.bias + self._shift(target) for target in self.targets]
        shifts = [graph.constant(np.float32(shift)) for shift in totals]
        columns = [graph.node("Sigmoid", graph.node("Add", total, shift)) for shift in shifts]
        return to_bytes(graph.finish(columns))

    def manifest(self, files: dict[str, str], **changes: Any) -> Manifest:
        fields: dict[str, Any] = {
            "name": self.name,
            "version": "1.0.0",
            "made_by": "elsewhere",
            "description": "made by hand",
            "estimator": "handmade",
            "horizon_hours": 24,
            "window_length": len(self.weights),
            "cadence_seconds": CADENCE_SECONDS,
            "events": self._events(of_day=True),
            "targets": self._events(of_day=False),
            "features": tuple(_feature(name) for name in self.features),
            "files": files,
        }  # fmt: skip
        if {"reference", "disk"} & set(changes):
            fields["scored_graph"] = files[GRAPH]
        if self.windows:
            fields["format"] = 2
        return Manifest(**(fields | changes))

    def _events(self, *, of_day: bool) -> tuple[EventModel, ...]:
        return tuple(
            _event(place, target.name)
            for place, target in enumerate(self.targets)
            if (target.window == DAY) is of_day
        )


def _event(column: int, name: str) -> EventModel:
    return EventModel(
        name=name,
        column=column,
        calibration=Calibration(kind="identity"),
        threshold=0.5,
        basis="fitted",
    )


def _feature(name: str) -> Feature:
    is_history = name.startswith(("FLARE", "HOURS", "DISK"))
    known = unit(name) if name in BY_NAME or is_history else "1"
    return Feature(name=name, unit=known, kind="history" if is_history else "keyword")


def line_up(models: Path, live: HandmadeModel, *shadows: HandmadeModel, **changes: Any) -> Path:
    """Write models and say which one is live and which forecast in its shadow."""
    for model in (live, *shadows):
        model.write(models, **changes)
    stages = {"live": live.model_id, "shadow": [shadow.model_id for shadow in shadows]}
    (models / "live.json").write_text(json.dumps(stages))
    return models
