"""The frame that the verification and distribution charts share: axes, fonts, margins."""

from __future__ import annotations

from typing import Any

from app_dash.theme import FONT, Tokens

Figure = dict[str, Any]
Trace = dict[str, Any]

# A chart inside a panel that already has its heading: no title, no mode bar, no zooming by
# accident while a finger scrolls the page.
# A slow machine takes its time between the two presses of a double click.
CONFIG: dict[str, Any] = {
    "displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClickDelay": 800,
}  # fmt: skip


def chart(
    tokens: Tokens,
    data: list[Trace],
    *,
    xaxis: dict[str, Any],
    yaxis: dict[str, Any],
    **more: Any,
) -> Figure:
    """Lay traces out on the panel's background with the shared fonts and margins."""
    layout = {
        "font": {"family": FONT, "size": 11, "color": tokens.text2},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 44, "r": 12, "t": 8, "b": 40},
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "xaxis": xaxis,
        "yaxis": yaxis,
        **more,
    }
    return {"data": data, "layout": layout}


def axis(tokens: Tokens, title: str = "", **more: Any) -> dict[str, Any]:
    """Draw one axis with the quiet grid of the dashboard; ranges are fixed."""
    return {
        "title": {"text": title, "font": {"size": 11}, "standoff": 6},
        "gridcolor": tokens.grid,
        "linecolor": tokens.axis,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
        "tickfont": {"size": 11, "color": tokens.text2},
        **more,
    }


def percent_axis(tokens: Tokens, title: str, **more: Any) -> dict[str, Any]:
    """Draw an axis from 0 to 100 %, with room for the marks that lie on its ends."""
    ticks = {"tickvals": [0, 25, 50, 75, 100], "range": [-2, 102]}
    return axis(tokens, title, **{**ticks, **more})


def note(tokens: Tokens, text: str, **place: Any) -> dict[str, Any]:
    """Write a label directly into the plot."""
    return {
        "text": text,
        "showarrow": False,
        "font": {"size": 11, "color": place.pop("color", tokens.text2)},
        **place,
    }
