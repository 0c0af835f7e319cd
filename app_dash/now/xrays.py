"""The X-rays at this minute: class and R level, and the flare in progress."""

from __future__ import annotations

from datetime import datetime, timedelta

from dash import html
from dash.development.base_component import Component

from app_dash.now.data import NowData
from app_dash.now.definitions import DEFINITIONS
from app_dash.now.flare_figure import FluxLine, Stem, flux_figure
from app_dash.shared.numbers import ABSENT, NARROW, date_moment, duration
from app_dash.shared.panels import aria_hidden, aria_label, explanation, graph
from app_dash.shared.theme import Tokens
from database.nowcast.nowcast import NO_DATA, Nowcast, NowcastEvent
from solar.flare_detection import DECLINING, R_SCALE, RISING

HEIGHT = 128
NOT_STORED = (
    "No X-ray flux was measured in the last day: its level, and a flare in progress, are not known."
    " Send minutes, or import a file: flarewatch database import-xray FILE"
)
_BLACKOUTS = {"R1": "minor", "R2": "moderate", "R3": "strong", "R4": "severe", "R5": "extreme"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ARROWS = {RISING: "↑", DECLINING: "↓"}


def xray_panel(data: NowData, tokens: Tokens) -> Component:
    """Show the class of the newest minute large, its R level, and the flare in progress.

    Without any minute of the last day the panel is one line.
    """
    nowcast = data.nowcast
    if nowcast.minute_at is None:
        text = html.P([html.B("X-rays "), NOT_STORED])
        return html.Section(text, className="panel xrays none span-12", **aria_label("X-rays now"))
    letter = class_letter(_shown_class(nowcast))
    parts = [_level(nowcast), _told(data), _figure(data, tokens), _facts(nowcast)]
    tint = f" in-progress {letter}" if _in_progress(nowcast) else ""
    return html.Section(parts, className=f"panel xrays span-12{tint}", **aria_label("X-rays now"))


def class_letter(goes_class: str) -> str:
    """Return the letter of a class for styles; a saturated one begins with ≥."""
    return goes_class.lstrip("≥")[:1].lower()


def _in_progress(nowcast: Nowcast) -> NowcastEvent | None:
    return None if nowcast.state == NO_DATA else nowcast.event


def _shown_class(nowcast: Nowcast) -> str:
    return nowcast.goes_class or ABSENT


def _level(nowcast: Nowcast) -> Component:
    """Show the class of the newest minute; nothing that is older than ten minutes is large."""
    is_known = nowcast.state != NO_DATA
    shown = _shown_class(nowcast) if is_known else ABSENT
    event = _in_progress(nowcast)
    mark = [html.I(_ARROWS[event.state], className="own-event", **aria_hidden())] if event else []
    level = nowcast.r_scale or "R0"
    badge = html.Span(level, className=f"severity {level.lower()}") if is_known else None
    return html.Div(
        [
            html.H2("X-rays now"),
            html.Div(
                [*mark, html.B(shown, className=f"level {class_letter(shown)}-text"), badge],
                className="level-line",
            ),
        ],
        className="xray-level",
    )


def _told(data: NowData) -> Component:
    nowcast, event = data.nowcast, _in_progress(data.nowcast)
    lines: list[Component | str | None] = [_headline(nowcast), _blackout(nowcast)]
    if event is not None:
        lines.append(
            html.Span("Own detection, hollow until the flare list confirms it.", className="quiet")
        )
    else:
        lines.append(_last(data))
    return html.Div([html.P(line) for line in lines if line], className="xray-told")


def _headline(nowcast: Nowcast) -> Component:
    event = _in_progress(nowcast)
    if nowcast.state == NO_DATA and nowcast.minute_at is not None:
        silent = duration(nowcast.now - nowcast.minute_at)
        return html.B(f"No data since {clock(nowcast.minute_at, nowcast.now)}, {silent}")
    if event is None:
        return html.B("No flare in progress")
    lasted = duration(nowcast.now - event.start_at)
    since = clock(event.start_at, nowcast.now)
    return html.B(f"Flare in progress since {since}, {lasted}: {_course(event, nowcast.now)}")


def _course(event: NowcastEvent, now: datetime) -> str:
    if event.state == RISING:
        return f"{event.goes_class} so far, rising"
    return f"declining from {event.goes_class} at {clock(event.peak_at, now)}"


def _blackout(nowcast: Nowcast) -> str:
    """Say the R level in words, and how far the next one is."""
    if nowcast.state == NO_DATA or nowcast.flux_w_m2 is None:
        return f"The level is not known; it was {nowcast.goes_class} then."
    level, flux = nowcast.r_scale, nowcast.flux_w_m2
    words = f"{level}, {_BLACKOUTS[level]} radio blackout" if level else "No radio blackout"
    above = [(name, least) for name, least in reversed(R_SCALE) if least > flux]
    if not above or _in_progress(nowcast) is None:
        return f"{words}."
    name, least = above[0]
    return f"{words}. {name} begins at {least / flux:.1f} times this flux."


def _last(data: NowData) -> Component | str:
    """Name the last flare of the minutes, and what the flare list says of it."""
    past = [event for event in data.events if event.state not in (RISING, DECLINING)]
    if not past:
        return ""
    last = max(past, key=lambda event: event.peak_at)
    is_confirmed = last.flare_id is not None
    mark = "● " if is_confirmed else "○ "
    return html.Span(
        [
            "Last ",
            html.Span(mark, className=f"{class_letter(last.goes_class)}-text", **aria_hidden()),
            html.B(last.goes_class, className=f"{class_letter(last.goes_class)}-text"),
            f" at {clock(last.peak_at, data.nowcast.now)}, {_outcome(last, data)}",
        ]
    )


def _outcome(event: NowcastEvent, data: NowData) -> str:
    if event.flare_id is None:
        words = {"unconfirmed": "not in the flare list", "unfinished": "its end was not measured"}
        return words.get(event.state, "not confirmed yet")
    listed = next((f.goes_class for f in data.flares if f.flare_id == event.flare_id), "")
    return " ".join(filter(None, ("confirmed", listed, "by the list")))


def _figure(data: NowData, tokens: Tokens) -> Component:
    line = data.recent_xray
    if line is None:
        return html.Div()
    flux = FluxLine(line.start_at, line.step, line.flux)
    text = f"X-ray flux of the last {duration(data.until - line.start_at)}, {data.nowcast.reason}"
    figure = flux_figure(
        flux, [stem_of(event) for event in data.events], until=data.until, tokens=tokens
    )
    return graph("xray-flux", figure, text=text, height=HEIGHT)


def stem_of(event: NowcastEvent) -> Stem:
    """Return a flare seen in the X-rays as it is drawn; until a list confirms it, it is hollow."""
    is_hollow = event.flare_id is None
    words = event.state if is_hollow else "confirmed by the list"
    return Stem(event.peak_at, event.goes_class, event.peak_flux_w_m2, words, is_hollow=is_hollow)


def _facts(nowcast: Nowcast) -> Component:
    event = _in_progress(nowcast)
    rows = [("Flux", f"{power_text(nowcast.flux_w_m2)} W m⁻²")]
    if nowcast.minute_at is not None:
        age = duration(nowcast.now - nowcast.minute_at)
        rows.append(("Minute", f"{clock(nowcast.minute_at, nowcast.now)}, {age} ago"))
    scale = " (operational scale)" if nowcast.flux_scale == "operational_pre16" else ""
    rows.append(("Satellite", f"{nowcast.satellite or ABSENT}{scale}"))
    if event is not None:
        after = duration(event.detected_at - event.start_at)
        rows.append(("Detected", f"{clock(event.detected_at, nowcast.now)}, {after} after start"))
    listed = html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows])
    return html.Div([explanation(DEFINITIONS["xrays"]), listed], className="facts xray-facts")


def clock(at: datetime, now: datetime) -> str:
    """Write a time of the last day as ``17:22``, an earlier one with its date."""
    return f"{at:%H:%M}" if now - at < timedelta(hours=24) else date_moment(at)


def power_text(value: float | None) -> str:
    """Write a flux in powers of ten: ``8.2 × 10⁻⁵``."""
    if value is None:
        return ABSENT
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}{NARROW}×{NARROW}10{str(int(exponent)).translate(_SUPERSCRIPT)}"
