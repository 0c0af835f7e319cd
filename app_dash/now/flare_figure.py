"""The flares of the last days as stems, over the X-ray flux and the full-disk probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.chart import (
    HOVER,
    Figure,
    Trace,
    axis,
    chart,
    epoch,
    epochs,
    note,
    time_axis,
)
from app_dash.shared.gaps import broken_line
from app_dash.shared.numbers import probability
from app_dash.shared.theme import Tokens
from solar.time import Window
from solar.windows import DAY

# The flux is above it except in the deepest solar minimum.
XRAY_FLOOR = 5e-8
FLOOR = 5e-7
_CLASSES = ("C", "M", "X")


@dataclass(frozen=True)
class Stem:
    """One flare as drawn: its peak, class, peak flux [W m-2] and the name of its region.

    One that was seen in the X-rays and is in no list is hollow.
    """

    peak_at: datetime
    goes_class: str
    peak_flux_w_m2: float
    region: str
    is_hollow: bool = False

    @property
    def letter(self) -> str:
        """The letter of its class; that of a saturated one begins with ≥."""
        return self.goes_class.lstrip("≥")[0]


@dataclass(frozen=True)
class DiskLine:
    """The full-disk probability of M1.0+: times (n,) and values (n,), NaN without a forecast."""

    times: NDArray[np.datetime64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class FluxLine:
    """Flux (n,) [W m-2] at even steps from `start_at`, NaN where missing."""

    start_at: datetime
    step: timedelta
    flux: NDArray[np.float64]


def flare_figure(
    stems: Sequence[Stem],
    disk: DiskLine,
    *,
    shown: Window,
    now: datetime,
    tokens: Tokens,
    xray: FluxLine | None = None,
) -> Figure:
    """Draw flares, X-rays and issued probability, and from `now` on the window of the forecast."""
    floor = FLOOR if xray is None else XRAY_FLOOR
    flux = [] if xray is None else [flux_trace(xray, tokens)]
    data = [*flux, *_stems(stems, floor, tokens), *_disk(disk, now, tokens)]
    top = max([3e-4, *(5 * stem.peak_flux_w_m2 for stem in stems)])
    return chart(
        tokens,
        data,
        xaxis=time_axis(tokens, shown.start_at, shown.end_at, anchor="y2"),
        yaxis=axis(
            tokens,
            "Flare class",
            type="log",
            domain=[0.44, 1],
            range=[np.log10(floor), np.log10(top)],
            **_class_ticks(floor, tokens),
        ),
        yaxis2=_disk_axis(disk, tokens),
        shapes=_window_shapes(now, tokens),
        annotations=[*_labels(stems, tokens), *_window_notes(disk, stems, now, tokens)],
        margin={"l": 56, "r": 8, "t": 4, "b": 44},
    )


def flux_trace(line: FluxLine, tokens: Tokens) -> Trace:
    """Draw the flux from its start and step, so that the times need not be sent."""
    flux = [None if np.isnan(v) else float(f"{max(v, XRAY_FLOOR):.3g}") for v in line.flux]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "X-ray flux",
        "y": flux,
        "x0": epoch(line.start_at),
        "dx": line.step.total_seconds() * 1000,
        "line": {"color": tokens.text3, "width": 1},
        "connectgaps": False,
        "hovertemplate": "%{y:.2e} W m⁻², 1–8 Å<br>" + HOVER + "<extra></extra>",
    }


def _class_ticks(floor: float, tokens: Tokens) -> dict[str, Any]:
    levels = {"B": 1e-7, "C": 1e-6, "M": 1e-5, "X": 1e-4}
    shown = {name: level for name, level in levels.items() if level > floor}
    names = [_class_tick(name, tokens) for name in shown]
    return {"tickvals": list(shown.values()), "ticktext": names}


def _class_tick(name: str, tokens: Tokens) -> str:
    return f'<b style="color:{tokens.class_text(name)}">{name}1</b>'


def _stems(stems: Sequence[Stem], floor: float, tokens: Tokens) -> list[Trace]:
    return [
        trace
        for name in _CLASSES
        for trace in _class_stems(
            [s for s in stems if s.letter == name], name, floor=floor, tokens=tokens
        )
    ]


def _class_stems(stems: list[Stem], name: str, *, floor: float, tokens: Tokens) -> list[Trace]:
    if not stems:
        return []
    x = [epoch(stem.peak_at) for stem in stems]
    colour = tokens.mark(name)
    flux = [stem.peak_flux_w_m2 for stem in stems]
    lines = {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "name": f"{name} stems",
        "x": [v for at in x for v in (at, at, None)],
        "y": [v for level in flux for v in (floor, level, None)],
        "line": {"color": colour, "width": 1.5 if name == "C" else 2},
    }
    heads = {
        "type": "scatter",
        "mode": "markers",
        "name": f"{name} flares",
        "x": x,
        "y": flux,
        "marker": {
            "color": colour,
            "size": 6 if name == "C" else 9,
            "symbol": ["circle-open" if stem.is_hollow else "circle" for stem in stems],
            "line": {"width": 2, "color": colour},
        },
        "customdata": [[stem.goes_class, stem.region] for stem in stems],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>peak "
        + HOVER
        + "<extra></extra>",
    }
    return [lines, heads]


def _disk(disk: DiskLine, now: datetime, tokens: Tokens) -> list[Trace]:
    if not len(disk.times):
        return []
    hour = np.timedelta64(1, "h")
    times, values = broken_line(disk.times, disk.values * 100, hour)
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "full-disk P(M1.0+)",
        "yaxis": "y2",
        "x": epochs(times),
        "y": np.round(values, 3),
        "line": {"color": tokens.m_mark, "width": 2},
        "hovertemplate": "P(M1.0+) %{y:.1f} %, full disk<br>" + HOVER + "<extra></extra>",
    }
    last = _last_value(disk)
    if last is None:
        return [line]
    forecast = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "forecast",
        "yaxis": "y2",
        "x": [epoch(now), epoch(now + DAY.validity)],
        "y": [last * 100, last * 100],
        "line": {"color": tokens.m_mark, "width": 2, "dash": "4px,3px"},
        "hoverinfo": "skip",
        "marker": {"color": tokens.m_mark, "size": [7, 0]},
    }
    return [line, forecast]


def _last_value(disk: DiskLine) -> float | None:
    return float(disk.values[-1]) if len(disk.values) and not np.isnan(disk.values[-1]) else None


def _disk_axis(disk: DiskLine, tokens: Tokens) -> dict[str, Any]:
    known = disk.values[~np.isnan(disk.values)] * 100
    highest = float(known.max()) if len(known) else 0.0
    top = next(level for level in (5, 10, 20, 50, 100) if highest <= level)
    return axis(
        tokens,
        "P, %",
        domain=[0, 0.34],
        range=[-0.03 * top, 1.05 * top],
        tickvals=[0, top / 2, top],
        ticktext=["0", f"{top / 2:g}", f"{top:g}"],
        anchor="x",
    )


def _window_shapes(now: datetime, tokens: Tokens) -> list[dict[str, Any]]:
    place = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    return [
        {
            "type": "rect",
            "x0": epoch(now),
            "x1": epoch(now + DAY.validity),
            **place,
            "fillcolor": tokens.accent_tint,
            "line": {"width": 0},
        },
        {
            "type": "line",
            "x0": epoch(now),
            "x1": epoch(now),
            **place,
            "layer": "above",
            "line": {"color": tokens.accent, "width": 1.5},
        },
    ]


def _window_notes(
    disk: DiskLine, stems: Sequence[Stem], now: datetime, tokens: Tokens
) -> list[dict[str, Any]]:
    middle = epoch(now + DAY.validity / 2)
    # Where the window has flares already, their names need the second line.
    is_flaring = any(stem.peak_at > now for stem in stems)
    said = "" if is_flaring else f"<br>M1.0+ {probability(_last_value(disk))}"
    text = f"<b>Next 24 h</b>{said}"
    line = {"xref": "paper", "x": 0.005, "yref": "paper", "y": 0.345, "yanchor": "bottom"}
    return [
        note(tokens, text, x=middle, y=0.98, yref="paper", yanchor="top", color=tokens.accent),
        note(tokens, "Full-disk P(M1.0+), as issued", **line),
    ]


def _labels(stems: Sequence[Stem], tokens: Tokens) -> list[dict[str, Any]]:
    common = [stem for stem in stems if stem.letter == "C"]
    largest = [max(common, key=lambda stem: stem.peak_flux_w_m2)] if common else []
    named = [stem for stem in stems if stem.letter in "MX"] + largest
    return [
        note(
            tokens,
            f'<b style="color:{tokens.class_text(stem.letter)}">{stem.goes_class}</b>'
            f" {stem.region}",
            x=epoch(stem.peak_at),
            y=float(np.log10(stem.peak_flux_w_m2)),
            xanchor="center",
            yanchor="bottom",
            yshift=5,
        )
        for stem in _spread(named)
    ]


def _spread(stems: list[Stem]) -> list[Stem]:
    """Keep one label, that of the largest flare, within six hours."""
    kept: list[Stem] = []
    for stem in sorted(stems, key=lambda s: -s.peak_flux_w_m2):
        near = (abs((stem.peak_at - other.peak_at).total_seconds()) for other in kept)
        if all(seconds > 6 * 3600 for seconds in near):
            kept.append(stem)
    return kept


def flux_figure(
    line: FluxLine, stems: Sequence[Stem], *, until: datetime, tokens: Tokens
) -> Figure:
    """Draw the flux of the last hours with the peaks of the flares seen in it."""
    shown = Window(line.start_at, until)
    seen = [stem for stem in stems if shown.start_at <= stem.peak_at <= until]
    known = line.flux[~np.isnan(line.flux)]
    top = max(2e-5, 3 * float(known.max(initial=0.0)))
    colours = [tokens.mark(stem.letter) for stem in seen]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": "flares seen",
        "cliponaxis": False,
        "x": [epoch(stem.peak_at) for stem in seen],
        "y": [stem.peak_flux_w_m2 for stem in seen],
        "marker": {
            "color": colours,
            "size": 8,
            "symbol": ["circle-open" if stem.is_hollow else "circle" for stem in seen],
            "line": {"width": 2, "color": colours},
        },
        "customdata": [[stem.goes_class, stem.region] for stem in seen],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>" + HOVER + "<extra></extra>",
    }
    trace = flux_trace(line, tokens)
    return chart(
        tokens,
        [{**trace, "line": {"color": tokens.text, "width": 1.5}}, marks],
        xaxis=time_axis(tokens, shown.start_at, until, title="", nticks=4),
        yaxis=axis(
            tokens,
            type="log",
            range=[np.log10(XRAY_FLOOR), np.log10(top)],
            **_class_ticks(XRAY_FLOOR, tokens),
        ),
        margin={"l": 28, "r": 10, "t": 6, "b": 30},
    )
