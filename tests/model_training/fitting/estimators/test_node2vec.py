from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import orjson
import pytest
from numpy.typing import NDArray
from sklearn.base import clone

from model_training.artefact.graph import Graph, run, to_bytes
from model_training.features import Floats
from model_training.fitting.estimators.node2vec import Node2VecEstimator
from model_training.fitting.networks.embedding import WALKERS
from model_training.journal import EVENTS, Journal, Stop, StoppedError
from model_training.recipe.estimators import EstimatorConfig, Node2VecConfig, Walker
from solar.errors import InvalidInputError

Windows = NDArray[np.float32]
STEPS, FEATURES = 5, 6


def cases(n: int, seed: int = 0) -> tuple[Windows, Floats]:
    """Return windows in which one feature rises and one falls where an event follows."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    windows = rng.normal(size=(n, STEPS, FEATURES))
    windows[:, :, 0] += 2 * y[:, None]
    windows[:, :, 1] -= 2 * y[:, None]
    return windows.astype(np.float32), y


def small(**options: Any) -> Node2VecEstimator:
    chosen = {"dimensions": 8, "walks": 5, "threshold": 0.4, "most_rows": 200} | options
    return Node2VecEstimator(**chosen)


def drawn(model: Node2VecEstimator, inputs: Windows) -> bytes:
    graph = Graph(steps=inputs.shape[1], features=inputs.shape[2])
    return to_bytes(graph.finish([model.to_onnx(graph, graph.windows)]))


def parity(model: Node2VecEstimator, inputs: Windows) -> float:
    graph = Graph(steps=inputs.shape[1], features=inputs.shape[2])
    rows = inputs[:, 0] if inputs.shape[1] == 1 else inputs
    served = run(graph.finish([model.to_onnx(graph, graph.windows)]), rows)[:, 0]
    return float(np.abs(served - model.predict_proba(inputs)[:, 1]).max())


@pytest.mark.parametrize("walker", WALKERS)
def test_events_are_told_from_quiet_windows_that_were_never_seen(walker: Walker) -> None:
    windows, y = cases(600)

    model = small(walker=walker).fit(windows[:300], y[:300], journal=Journal())

    event = model.predict_proba(windows[300:])[:, 1]
    assert event[y[300:] == 1].mean() > event[y[300:] == 0].mean() + 0.3


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"penalty": "l1", "solver": "liblinear"},
        {"penalty": "l1", "solver": "saga"},
        {"penalty": "none", "solver": "lbfgs"},
        {"penalty": "l2", "solver": "sag", "inverse_penalty": 0.1},
        {"p": 0.25, "q": 4.0, "walk_length": 5, "window": 2},
        {"max_neighbours": 30, "threshold": 0.0},
        {"threshold": 0.75, "batch_words": 10},
        {"walker": "node2vec", "p": 0.25, "q": 4.0},
    ],
)
def test_the_drawing_computes_the_same(options: dict[str, Any]) -> None:
    windows, y = cases(260)
    windows[17] = windows[18] = windows[19]
    windows[20] = 1.0

    model = small(**options).fit(windows[:200], y[:200], journal=Journal())

    assert parity(model, windows) <= 1e-5


def test_either_walker_leads_to_the_same_graph_but_for_the_numbers_in_it() -> None:
    windows, y = cases(150)
    graphs = [
        onnx.load_from_string(drawn(model, windows)).graph
        for model in (small(walker=walker).fit(windows, y, journal=Journal()) for walker in WALKERS)
    ]

    first, second = ([node.SerializeToString() for node in graph.node] for graph in graphs)
    assert first == second
    first, second = ([(one.name, *one.dims) for one in graph.initializer] for graph in graphs)
    assert first == second
    assert graphs[0] != graphs[1]


def test_single_records_are_read_too() -> None:
    windows, y = cases(200)

    model = small().fit(windows[:, -1:], y, journal=Journal())

    assert parity(model, windows[:, -1:]) <= 1e-5


@pytest.mark.parametrize("walker", WALKERS)
def test_the_same_data_and_seed_give_the_same_bytes(walker: Walker) -> None:
    windows, y = cases(150)

    first, second, other = (
        small(seed=seed, most_rows=100, walker=walker).fit(windows, y, journal=Journal())
        for seed in (1, 1, 2)
    )

    assert drawn(first, windows) == drawn(second, windows)
    assert drawn(first, windows) != drawn(other, windows)


def test_the_network_keeps_the_events_when_it_is_smaller_than_the_training_set() -> None:
    windows, y = cases(300)

    model = small(threshold=0.0, most_rows=int(2 * y.sum())).fit(windows, y, journal=Journal())

    # Half of the room is for the events, and at threshold 0 every sample has an edge.
    events = model.standard_.rows(windows[y == 1])
    alike = np.corrcoef(model.anchors_.rows, events)[: len(model.anchors_.rows), -len(events) :]
    assert len(model.anchors_.rows) == 2 * len(events)
    assert alike.max(axis=0) == pytest.approx(1.0, abs=1e-5)


def test_the_outcome_has_no_part_in_the_network() -> None:
    windows, y = cases(150)

    one = small().fit(windows, y, journal=Journal())
    two = small().fit(windows, y[::-1], journal=Journal())

    assert one.anchors_.embedding.tobytes() == two.anchors_.embedding.tobytes()


def test_random_outcomes_cannot_be_told_apart() -> None:
    windows, _ = cases(800)
    y = (np.random.default_rng(9).random(800) < 0.3).astype(float)

    model = small(most_rows=400).fit(windows[:400], y[:400], journal=Journal())

    event = model.predict_proba(windows[400:])[:, 1]
    assert event[y[400:] == 1].mean() == pytest.approx(event[y[400:] == 0].mean(), abs=0.05)


def test_a_window_like_no_other_is_given_the_chance_of_its_kind() -> None:
    windows, y = cases(200)
    model = small(threshold=0.5).fit(windows, y, journal=Journal())

    lonely = model.predict_proba(np.ones((2, STEPS, FEATURES), np.float32) * 50)

    assert np.isfinite(lonely).all()
    assert lonely.sum(axis=1) == pytest.approx([1, 1])


def test_weights_move_the_rate() -> None:
    windows, y = cases(200)

    plain = small().fit(windows, y, journal=Journal())
    weighted = small().fit(windows, y, np.where(y > 0, 5.0, 1.0), journal=Journal())

    assert weighted.predict_proba(windows)[:, 1].mean() > plain.predict_proba(windows)[:, 1].mean()


def test_too_few_values_are_refused() -> None:
    windows, y = cases(50)

    with pytest.raises(InvalidInputError, match="2 values have no meaningful correlation"):
        small().fit(windows[:, -1:, :2], y, journal=Journal())


def test_a_threshold_that_joins_nothing_is_refused() -> None:
    windows, y = cases(50)

    with pytest.raises(InvalidInputError, match="lower the threshold"):
        small(threshold=0.999).fit(windows, y, journal=Journal())


def test_the_journal_tells_of_the_network_the_epochs_and_the_regression(tmp_path: Path) -> None:
    windows, y = cases(60)

    small().fit(windows, y, journal=Journal(tmp_path))

    events = [orjson.loads(line) for line in (tmp_path / EVENTS).read_bytes().splitlines()]
    assert [event["event"] for event in events] == ["network", *["epoch"] * 5, "regression"]
    assert events[0]["nodes"] == 60


def test_a_stop_ends_the_fit() -> None:
    windows, y = cases(60)

    with pytest.raises(StoppedError):
        small().fit(windows, y, journal=Journal(stop=Stop(is_requested=True)))


def test_options_are_those_of_the_recipe() -> None:
    options = set(Node2VecConfig.model_fields) - {"kind", *EstimatorConfig.model_fields}
    chosen = Node2VecConfig(kind="node2vec")

    parameters = Node2VecEstimator().get_params()

    assert set(parameters) == options | {"seed"}
    assert {name: parameters[name] for name in options} == {
        name: getattr(chosen, name) for name in options
    }


def test_a_clone_has_the_same_options() -> None:
    model = small(p=3.0, seed=4)

    assert clone(model).get_params() == model.get_params()
