from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_training.analysis.network_picture import Caption, Layout, draw_network
from model_training.fitting.networks.network import Network


def ring(n: int) -> Network:
    edges = np.sort([[node, (node + 1) % n] for node in range(n)], axis=1)
    return Network(n, edges, np.where(np.arange(n) % 3 == 0, -0.5, 0.9))


@pytest.mark.parametrize("layout", ["spring", "circular"])
def test_the_names_of_nodes_are_text_in_the_picture(layout: Layout, tmp_path: Path) -> None:
    names = [f"KEYWORD{node}" for node in range(24)]

    draw_network(
        ring(24), tmp_path / "picture.svg", caption=Caption("Keywords", names), layout=layout
    )

    drawn = (tmp_path / "picture.svg").read_text()
    assert all(f">{name}</text>" in drawn for name in names)
    assert ">negative correlation</text>" in drawn


def test_labels_have_a_legend_with_their_counts(tmp_path: Path) -> None:
    labels = np.array([0.0] * 6 + [1.0] * 3 + [np.nan])

    draw_network(
        ring(10), tmp_path / "picture.svg", labels=labels,
        caption=Caption("Samples", label_names={0: "quiet", 1: "flaring"}),
    )  # fmt: skip

    drawn = (tmp_path / "picture.svg").read_text()
    for text in ("quiet (6)", "flaring (3)", "unknown (1)"):
        assert f">{text}</text>" in drawn


def test_a_large_network_is_drawn_in_part_and_says_so(tmp_path: Path) -> None:
    draw_network(ring(80), tmp_path / "picture.svg", caption=Caption("Samples"), most_nodes=30)

    drawn = (tmp_path / "picture.svg").read_text()
    assert "30 of 80 nodes, around random ones" in drawn
    # 30 nodes in a row of a ring, from one random node on, share 29 edges.
    assert "30 nodes, 29 edges" in drawn


def test_a_part_goes_on_where_a_component_ends(tmp_path: Path) -> None:
    lonely = Network(9, np.empty((0, 2), np.int64), np.empty(0))

    draw_network(lonely, tmp_path / "picture.svg", caption=Caption("Samples"), most_nodes=4)

    assert "4 nodes, 0 edges" in (tmp_path / "picture.svg").read_text()


def test_the_same_network_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("first.svg", "second.svg"):
        draw_network(ring(20), tmp_path / name, caption=Caption("Samples"), seed=3)

    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_a_network_without_edges_is_drawn_too(tmp_path: Path) -> None:
    lonely = Network(3, np.empty((0, 2), np.int64), np.empty(0))

    draw_network(lonely, tmp_path / "picture.svg", caption=Caption("Samples"))

    assert "3 nodes, 0 edges" in (tmp_path / "picture.svg").read_text()
