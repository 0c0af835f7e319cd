"""The study of a data set by networks: its samples, and its keywords in each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.features import Floats
from model_training.networks.export import to_networkx, write_graphml, write_json
from model_training.networks.keyword_network import FEWEST_STEPS, mean_keyword_network
from model_training.networks.network import Network
from model_training.networks.picture import Caption, Layout, draw_network
from model_training.networks.sample_network import fit_standard, sample_network
from model_training.networks.statistics import Figures, describe

STATISTICS = "networks.json"
_CLASSES = {0: "no event", 1: "event"}
# A mean over steps needs at least as many as `keyword_network` asks of a pair.
_SHORTEST_WINDOW = 3


def study(
    windows: NDArray[np.float32], names: Sequence[str], labels: Floats, *,
    threshold: float, max_neighbours: int, seed: int, out: Path,
) -> Figures:  # fmt: skip
    """Build the networks of a data set and write their files and statistics to a folder.

    Parameters
    ----------
    windows : (n, steps, f), NaN missing; every feature is standardised, missing values take
        its mean in the network of samples and are left out in that of keywords
    labels : (n,) 1 event, 0 none, NaN unknown

    Returns
    -------
    the statistics, as also written to `STATISTICS`; ``keywords`` has one entry per class, and
    is empty for windows of a single step, where keywords cannot correlate
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = fit_standard(windows).rows(windows)
    samples = sample_network(rows, threshold=threshold, max_neighbours=max_neighbours)
    caption = Caption("Network of samples", label_names=_CLASSES)
    _write(samples, out / "samples", caption, labels=labels, layout="spring", seed=seed)
    figures: Figures = {
        "threshold": threshold,
        "max_neighbours": max_neighbours,
        "missing_share": float(np.isnan(windows).mean()),
        "samples": describe(samples, labels=labels),
        "keywords": _keywords(windows, names, labels, threshold=threshold, seed=seed, out=out),
    }
    (out / STATISTICS).write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    return figures


def _keywords(
    windows: NDArray[np.float32], names: Sequence[str], labels: Floats, *,
    threshold: float, seed: int, out: Path,
) -> Mapping[str, Figures]:  # fmt: skip
    if windows.shape[1] < _SHORTEST_WINDOW:
        return {}
    fewest = min(FEWEST_STEPS, windows.shape[1])
    told = {}
    for label, name in _CLASSES.items():
        chosen = windows[labels == label]
        if not len(chosen):
            continue
        network = mean_keyword_network(chosen, threshold=threshold, fewest_steps=fewest)
        caption = Caption(f"Mean network of keywords: {name} ({len(chosen)} windows)", names)
        path = out / f"keywords-{name.replace(' ', '-')}"
        _write(network, path, caption, labels=None, layout="circular", seed=seed)
        told[name] = {"windows": len(chosen), **describe(network)}
    return told


def _write(
    network: Network, path: Path, caption: Caption, *,
    labels: Floats | None, layout: Layout, seed: int,
) -> None:  # fmt: skip
    graph = to_networkx(network, names=caption.names, labels=labels)
    write_graphml(graph, path.with_suffix(".graphml"))
    write_json(graph, path.with_suffix(".json"))
    draw_network(
        network, path.with_suffix(".svg"), caption=caption, labels=labels, layout=layout, seed=seed
    )
