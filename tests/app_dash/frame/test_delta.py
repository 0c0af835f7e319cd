from __future__ import annotations

from typing import Any

from dash import html, no_update
from dash.development.base_component import Component

from app_dash.frame.delta import changes, fingerprints


def page(*texts: str) -> Component:
    """A heading over a grid of panels."""
    grid = html.Div([html.Section(text) for text in texts[1:]], className="grid")
    return html.Div([html.Section(texts[0]), grid], className="stack")


def difference(before: Component, after: Component) -> Any:
    return changes(after, fingerprints(before), fingerprints(after))


def test_an_unchanged_page_sends_nothing() -> None:
    assert difference(page("a", "b"), page("a", "b")) is no_update


def test_only_the_changed_panel_is_sent_to_its_place() -> None:
    patch = difference(page("a", "b", "c"), page("a", "b", "new")).to_plotly_json()

    (operation,) = patch["operations"]
    assert operation["location"] == ["props", "children", 1, "props", "children", 1]
    assert operation["params"]["value"].children == "new"


def test_a_page_of_another_shape_is_sent_whole() -> None:
    after = page("a", "b", "c")

    assert difference(page("a", "b"), after) is after


def test_the_first_drawing_is_sent_whole() -> None:
    drawn = page("a", "b")

    assert changes(drawn, [], fingerprints(drawn)) is drawn


def test_a_page_that_is_one_part_is_sent_whole() -> None:
    after = html.Section("new")

    assert difference(html.Section("old"), after) is after
