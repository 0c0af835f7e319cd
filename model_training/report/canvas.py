"""The canvas: matplotlib figures in the colours of the product, and the SVG made from them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import cycle
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# The light tokens of the dashboard. On the page each becomes its CSS variable, so that the
# figures follow the colour scheme of the reader.
TOKENS = {
    "panel": "#ffffff", "grid": "#ebebeb", "axis": "#bdbdbd", "text": "#1a1a1a",
    "text2": "#555555", "text3": "#717171", "accent": "#1f66d1", "accent-tint": "#e8f0fc",
    "ok": "#00796b", "error": "#b3261e", "c-mark": "#e69f00", "m-mark": "#d55e00",
    "x-mark": "#aa3377", "sunk": "#f0f0f0",
}  # fmt: skip
# Narrow enough that the letters stay readable on a phone.
_WIDTH = 340.0
_POINTS_PER_INCH = 72.0
_FONT = re.compile(r"font: ([^;]*?)'DejaVu Sans'[^;\"]*")
_STYLE: dict[Any, Any] = {
    # Names are given by people: a dollar sign in one is no formula.
    "text.parse_math": False, "svg.fonttype": "none", "font.size": 11.0,
    "font.family": "DejaVu Sans", "axes.edgecolor": TOKENS["axis"],
    "axes.labelcolor": TOKENS["text2"], "axes.spines.top": False, "axes.spines.right": False,
    "axes.facecolor": "none", "axes.grid": True, "axes.axisbelow": True,
    "grid.color": TOKENS["grid"], "grid.linewidth": 1.0,
    "xtick.color": TOKENS["axis"], "ytick.color": TOKENS["axis"],
    "xtick.labelcolor": TOKENS["text2"], "ytick.labelcolor": TOKENS["text2"],
    "xtick.labelsize": 10.0, "ytick.labelsize": 10.0, "axes.labelsize": 10.5,
    "text.color": TOKENS["text2"], "legend.frameon": False, "legend.fontsize": 10.0,
    "legend.labelcolor": TOKENS["text2"], "lines.linewidth": 1.75, "figure.facecolor": "none",
}  # fmt: skip

# Drawn in points; SVG user units are points too.
LineStyle = str | tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it.

    Parameters
    ----------
    caption : how to read it
    alternative : what it shows, in one sentence, for those who do not see it
    """

    title: str
    svg: str
    caption: str
    alternative: str


@dataclass(frozen=True)
class Look:
    """How an entrant is drawn wherever it appears: never by colour alone."""

    color: str
    marker: str
    line: LineStyle


# The baselines look alike on every page; what is judged takes the colours.
_BASELINES = {
    "climatology-120d": Look(TOKENS["text3"], "s", "--"),
    "climatology-365d": Look(TOKENS["text3"], "p", (0, (1, 2))),
    "persistence": Look(TOKENS["text"], "D", ":"),
}
_LOOKS = (
    Look(TOKENS["accent"], "o", "-"), Look(TOKENS["m-mark"], "^", "-."),
    Look(TOKENS["ok"], "v", (0, (5, 1, 1, 1))), Look(TOKENS["x-mark"], "P", (0, (4, 1))),
    Look(TOKENS["c-mark"], "X", (0, (7, 2))), Look(TOKENS["text2"], "<", (0, (3, 1, 1, 1))),
)  # fmt: skip


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Return the look of each entrant; the first is the model."""
    others = cycle(_LOOKS)
    return {name: _BASELINES.get(name) or next(others) for name in names}


@contextmanager
def drawing(height: float) -> Iterator[Figure]:
    """Open a figure of the common width and the given height in points.

    Everything is drawn inside, and turned into SVG there: matplotlib reads its style when an
    artist is made and again when it is saved.
    """
    with mpl.rc_context(_STYLE):
        yield Figure(
            figsize=(_WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH),
            dpi=_POINTS_PER_INCH,
            layout="constrained",
        )


def picture(figure: Figure, title: str, *, key: str, caption: str, alternative: str) -> Picture:
    """Return the drawing as a picture; `key` makes its ids unique on the page."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    if (engine := figure.get_layout_engine()) is not None:
        # Laid out here once, or saving would draw everything twice.
        engine.execute(figure)
        figure.set_layout_engine("none")
    with mpl.rc_context({"svg.hashsalt": key}):
        figure.savefig(file, format="svg", metadata=nothing)
    svg = _themed(file.getvalue(), key=key, alternative=alternative)
    return Picture(title, svg, caption, alternative)


def _themed(svg: str, *, key: str, alternative: str) -> str:
    """Make an SVG file a part of a page: no header, ids of its own, colours by variable."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{key}-", body)
    body = _FONT.sub(r"font: \1inherit", body)
    for name, color in TOKENS.items():
        body = re.sub(rf"{color}\b", f"var(--{name}, {color})", body, flags=re.IGNORECASE)
    body = re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", body, count=1)
    body = re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", body, count=1)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(alternative)}"', 1)
