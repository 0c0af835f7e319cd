"""People on a page: initials, roles, what they sign in with, their sessions and their keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from dash import html
from dash.development.base_component import Component

from app_dash.shared.numbers import ABSENT, moment
from app_dash.shared.panels import aria_hidden
from database.people.keys import ApiKey
from database.people.sessions import TOUCHED_EVERY, Session

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_LONGEST_AGENT = 40
# Further back than this a time is written with its year.
_WITHOUT_YEAR = timedelta(days=300)


def initials(name: str) -> str:
    """Return one or two letters for a name: ``MT`` for Mei Tanaka, ``AN`` for ana."""
    words: list[str] = re.findall(r"[^\W_]+", name)
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    return (words[0] if words else "?")[:2].upper()


def avatar(name: str, *, is_me: bool = False) -> Component:
    """Show the initials of a person in a circle; the name stands beside it."""
    kind = "avatar me" if is_me else "avatar"
    return html.Span(initials(name), className=kind, **aria_hidden())


def role_tags(roles: Sequence[str]) -> Component:
    """Show roles as tags; that of an admin stands out."""
    return html.Span([html.Span(role, className=f"tag {role}") for role in roles], className="tags")


def agent_name(agent: str) -> str:
    """Name a browser and its system: ``Firefox, Linux``; else the first word that it says."""
    names = [
        next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)
    ]
    known = ", ".join(filter(None, names))
    return known or agent.split("/")[0].split(" ")[0][:_LONGEST_AGENT] or "unknown"


def seen(at: datetime | None, now: datetime) -> str:
    """Write when somebody was last seen: ``now``, ``09:44`` today, else the day."""
    if at is None:
        return ABSENT
    # An open page says so only every few minutes.
    if now - at < 2 * TOUCHED_EVERY:
        return "now"
    return day_or_time(at, now)


def day_or_time(at: datetime, now: datetime) -> str:
    """Write a time of today as ``09:44``, another as ``27 Nov 22:10`` or ``3 Sep 2025``."""
    utc = at.astimezone(UTC)
    if utc.date() == now.astimezone(UTC).date():
        return f"{utc:%H:%M}"
    return moment(at) if abs(now - at) < _WITHOUT_YEAR else day(at)


def day(at: datetime) -> str:
    """Write a day with its year: ``3 Sep 2025``."""
    return at.astimezone(UTC).strftime("%-d %b %Y")


def session_list(
    sessions: Sequence[Session],
    *,
    now: datetime,
    end: Callable[[Session], Component],
) -> Component:
    """List sessions; `end` makes what stands at the end of each row."""
    rows = [
        html.Tr(
            [
                html.Td(agent_name(session.agent), title=session.agent),
                html.Td(f"since {day_or_time(session.created_at, now)}"),
                html.Td(f"seen {seen(session.last_seen_at, now)}"),
                html.Td(end(session), className="number"),
            ]
        )
        for session in sessions
    ]
    return html.Table(html.Tbody(rows), className="data listed") if rows else _none("None.")


def key_list(
    keys: Sequence[ApiKey], *, now: datetime, revoke: Callable[[ApiKey], Component]
) -> Component:
    """List keys; `revoke` makes what stands at the end of each row."""
    rows = [
        html.Tr(
            [
                html.Td([html.Span(key.name, className="key-name"), role_tags(key.scopes)]),
                html.Td(_end_text(key, now)),
                html.Td(_use_text(key, now)),
                html.Td(revoke(key), className="number"),
            ]
        )
        for key in keys
    ]
    return html.Table(html.Tbody(rows), className="data listed") if rows else _none("None.")


def _end_text(key: ApiKey, now: datetime) -> str | Component:
    if key.expires_at is None:
        return "no end"
    if key.expires_at <= now:
        return html.Span("expired", className="error-text")
    return f"to {day(key.expires_at)}"


def _use_text(key: ApiKey, now: datetime) -> str:
    used = key.last_used_at
    return "not used yet" if used is None else f"used {day_or_time(used, now)}"


def _none(text: str) -> Component:
    return html.P(text, className="listed quiet")
