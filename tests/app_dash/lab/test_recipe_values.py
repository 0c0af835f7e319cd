"""The values behind the form of a recipe: every option is drawn, and edits make the document."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from component_tree import walk
from dash.development.base_component import Component
from hypothesis import given, settings
from hypothesis import strategies as st

from app_dash.lab.recipe_form import Known, draw, recipe_sections
from app_dash.lab.recipe_values import Node, differences, edited, place_of, root, shown
from model_training.recipe.recipe import Recipe
from solar.toml import line_places, write_toml

SCHEMA = Recipe.model_json_schema()
RECIPE = root(SCHEMA)
COMMITTED = sorted(Path("model_training/recipes").rglob("*.toml"))
GRU = {"kind": "gru", "hidden": 48}


def places(rows: list[Component]) -> list[str]:
    """Return the places of drawn rows, as the browser sends them."""
    parts = (getattr(part, "data-at", None) for row in rows for part in walk(row))
    return [at for at in parts if at]


def values_at(node: Node, value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Return what a person would type to have a document: forms first, then each option."""
    form = node.form_of(value)
    if node.is_list_of_tables:
        yield f"={at}", value
        return
    if not node.is_table:
        is_list = isinstance(value, list) and not any(isinstance(one, Mapping) for one in value)
        text = [shown(one) for one in value] if is_list else shown(value)
        yield at, value if isinstance(value, bool) else text
        return
    if at:
        yield f"={at}", form or "given"
    inside = f"{at}@{form}" if form else at
    for name, option in node.options(value).items():
        if name in value:
            yield from values_at(option, value[name], f"{inside}/{name}")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_recipe_is_the_same_after_it_was_typed_into_the_form(path: Path) -> None:
    document = tomllib.loads(path.read_text())
    typed = list(values_at(RECIPE, document))

    made = edited(RECIPE, {}, typed)

    again = tomllib.loads(write_toml(made))
    assert Recipe.model_validate(again) == Recipe.model_validate(document)
    drawn = places([row for one in recipe_sections(RECIPE, made, Known()) for row in one.rows])
    simple = {at for at, _ in typed if not at.endswith("/members")}
    assert {place_of(at) for at in simple} - {place_of(at) for at in drawn} <= {
        "/band",
        "/data",
        "/split",
        "/window",
        "/hiding",
        *(p for p in map(place_of, simple) if "prep" in p),
    }


@pytest.mark.parametrize("name", sorted(SCHEMA["$defs"]))
def test_every_option_of_every_definition_is_drawn(name: str) -> None:
    node = Node(SCHEMA["$defs"][name], SCHEMA["$defs"])

    drawn = [place_of(at) for at in places(draw(node, f"/{name}", {name: {}}, Known()))]

    missing = [
        option
        for option, inner in node.options({}).items()
        if not inner.is_list_of_tables
        and not any(at.startswith(f"/{name}/{option}") for at in drawn)
    ]
    assert missing == []
    assert len(drawn) == len(set(drawn))


def test_what_was_typed_for_another_form_comes_back_with_that_form() -> None:
    base = {"estimator": GRU | {"preparation": {"missing": "mean"}}}
    to_svm = [("/estimator@gru/layers", "3"), ("=/estimator", "svm")]
    typed = [*to_svm, ("/estimator@svm/inverse_penalty", "2"), ("/estimator@svm/degree", "half")]

    svm = edited(RECIPE, base, typed)["estimator"]
    back = edited(RECIPE, base, [*typed, ("=/estimator", "gru")])["estimator"]
    boosting = edited(RECIPE, base, [("=/estimator", "gradient-boosting")])["estimator"]

    prepared = {"preparation": {"missing": "mean"}}
    assert svm == {"kind": "svm", **prepared, "inverse_penalty": 2.0, "degree": "half"}
    assert back == base["estimator"] | {"layers": 3}
    # Its preparation has another default, so that this is another option.
    assert boosting == {"kind": "gradient-boosting"}


def test_places_that_are_not_there_change_nothing() -> None:
    base = {"estimator": GRU, "window": 5, "keywords": ["A"]}
    odd = ["", "=", "/", "x", "/window/steps", "/keywords/0/x", "/estimator@svm/hidden", "/none/a"]
    odd += ["/estimator@gru/members/7@svm/degree", "/estimator/augmentation/share", "=/none"]

    assert edited(RECIPE, base, [(at, "1") for at in odd]) == base


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=5), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_table_is_written_as_toml_that_reads_the_same(value: Any) -> None:
    document = {"table": {"first": 1, "value": value}, "value": value}

    assert tomllib.loads(write_toml(document)) == _without_none(document)


@pytest.mark.parametrize("key", ["0\n", "\n", "a\nb", "a b", ""])
def test_a_key_that_is_no_bare_key_is_quoted_and_reads_the_same(key: str) -> None:
    for document in ({key: 1}, {key: {"first": 1}}, {"table": {"value": {key: 1}}}):
        assert tomllib.loads(write_toml(document)) == document


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_none(one) for one in value if one is not None]
    return value


def test_a_line_is_known_by_its_pointer_and_a_difference_by_its_place() -> None:
    text = 'seed = 1\n\n[split] # of time\n"a.b/c" = 2\nx.y = [\n  1,\n]\n'
    members = "[[estimator.members]]\nkind = 'svm'\n[[estimator.members]]\np = 1\n"
    nested = "[estimator.members.preparation]\nmissing = 'mean'\n"

    assert line_places(text) == ["/seed", "", "/split", "/split/a.b~1c", *["/split/x/y"] * 3]
    assert line_places(members + nested)[-3:] == [
        "/estimator/members/1/p",
        "/estimator/members/1/preparation",
        "/estimator/members/1/preparation/missing",
    ]
    before = {"seed": 1, "estimator": {"kind": "svm", "gamma": 1.0}}
    now = {"seed": 1.0, "estimator": {"kind": "gru"}}
    assert differences(before, now) == {"/estimator": "svm", "/estimator/gamma": 1.0}
