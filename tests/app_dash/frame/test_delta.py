from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.delta import Update, changes, fingerprints


def page(*texts: str) -> Component:
    """A heading over a grid of panels."""
    grid = html.Div([html.Section(text) for text in texts[1:]], className="grid")
    return html.Div([html.Section(texts[0]), grid], className="stack")


def difference(before: Component, after: Component) -> Component | list[Update]:
    return changes(after, fingerprints(before), fingerprints(after))


def test_an_unchanged_page_sends_nothing() -> None:
    assert difference(page("a", "b"), page("a", "b")) == []


def test_only_the_changed_panel_is_drawn_anew() -> None:
    updates = difference(page("a", "b", "c"), page("a", "b", "new"))

    assert updates == [Update("part-1-1", {"children": "new"})]


def test_one_panel_more_leaves_what_stands_beside_its_frame() -> None:
    after = page("a", "b", "c")

    (update,) = difference(page("a", "b"), after)

    assert isinstance(update, Update)
    assert update.identity == "part-1"
    assert [one.children for one in update.props["children"]] == ["b", "c"]


def test_a_frame_with_fewer_or_other_children_gets_all_of_them_anew() -> None:
    other = html.Div([html.Section("a"), html.Div([html.P("b")], className="grid")])
    other.className = "stack"

    assert [one.identity for one in difference(page("a", "b", "c"), page("a", "b"))] == ["part-1"]
    assert [one.identity for one in difference(page("a", "b"), other)] == ["part-1"]


def test_a_part_with_an_id_keeps_it() -> None:
    def drawn(text: str) -> Component:
        return html.Div([html.P(text, id="said"), html.P("beside")], className="stack")

    assert difference(drawn("a"), drawn("b")) == [Update("said", {"children": "b"})]


def test_a_frame_that_looks_different_keeps_what_is_in_it() -> None:
    after = page("a", "b")
    after.className = "stack wide"

    assert difference(page("a", "b"), after) == [Update("part", {"className": "stack wide"})]


def test_a_property_that_goes_is_not_left_behind() -> None:
    before = html.Div([html.P("a", title="old"), html.P("b")], className="stack")
    after = html.Div([html.P("a"), html.P("b")], className="stack")

    (update,) = difference(before, after)

    assert isinstance(update, Update)
    assert update.identity == "part"


def test_a_store_within_a_changed_part_runs_the_callbacks_that_listen_to_it() -> None:
    def drawn(data: str) -> Component:
        return html.Div(
            [html.Section([dcc.Store(id="asked", data=data)]), html.P("x")], className="stack"
        )

    updates = difference(drawn("a"), drawn("b"))

    assert [one.identity for one in updates] == ["part-0", "asked"]
    assert updates[1] == Update("asked", {"data": "b"})


def test_the_first_drawing_is_sent_whole() -> None:
    drawn = page("a", "b")

    assert changes(drawn, [], fingerprints(drawn)) is drawn


def test_a_page_that_is_one_part_is_sent_whole() -> None:
    after = html.Section("new")

    assert difference(html.Section("old"), after) is after
