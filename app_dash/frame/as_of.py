"""The view as of an earlier time: its banner, and links that keep to that time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.shared.numbers import date_moment
from app_dash.shared.url_state import REGIONS_PATH, with_time
from solar.time import isoformat


def as_of_banner(at: datetime | None, address: str) -> Component | list[Component]:
    """Say that a page is shown as of a time, and lead back to now; nothing where it is now."""
    if at is None:
        return []
    shown: dict[str, Any] = {"data-at": isoformat(at)}
    return html.Div(
        [
            html.Span([html.B(f"As of {date_moment(at)} UTC"), ": what was known then."]),
            dcc.Link("Back to now", href=with_time(address, None), className="button"),
        ],
        className="strip as-of-banner",
        **shown,
    )


def keep_time(drawn: Any, at: datetime | None, pathname: str) -> None:
    """Have the links of a drawing lead to other pages as of the same time.

    The page of a region alone leads from one time to another by its own links.
    """
    if at is None:
        return
    for link in _links(drawn):
        if _leads_elsewhere(link.href, pathname):
            link.href = with_time(link.href, at)


def _links(drawn: Any) -> Iterator[Any]:
    if isinstance(drawn, list | tuple):
        for child in drawn:
            yield from _links(child)
    elif isinstance(drawn, dcc.Link | html.A):
        yield drawn
    else:
        yield from _links(getattr(drawn, "children", ()))


def _leads_elsewhere(href: str, pathname: str) -> bool:
    is_own = href.partition("?")[0] == pathname and pathname.startswith(f"{REGIONS_PATH}/")
    return href.startswith("/") and not is_own
