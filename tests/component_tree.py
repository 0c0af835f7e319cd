"""What stands in a drawn page: its parts by class, and the words in them."""

from __future__ import annotations

from collections.abc import Iterator

from dash.development.base_component import Component


def parts(component: Component, class_name: str) -> list[Component]:
    """Return the parts that carry a class, in the order of the page."""
    found = [part for part in walk(component) if isinstance(part, Component)]
    return [part for part in found if class_name in (getattr(part, "className", "") or "").split()]


def words(component: Component) -> str:
    """Return the texts of a part, joined as they stand."""
    return "".join(str(part) for part in walk(component) if not isinstance(part, Component))


def walk(part: object) -> Iterator[object]:
    """Yield a part and all parts within it."""
    if isinstance(part, list | tuple):
        for child in part:
            yield from walk(child)
    elif part is not None:
        yield part
        if isinstance(part, Component):
            yield from walk(getattr(part, "children", None))
