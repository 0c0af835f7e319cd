"""What an action changed, in words: values before and after it, by name."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from app_dash.shared.numbers import ABSENT, moment

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00$")


def change_text(old: Any, new: Any) -> str:
    """Write what an action changed: ``roles viewer → operator``; a dash where there is nothing."""
    if not (isinstance(old, dict | None) and isinstance(new, dict | None)):
        return _arrow(old, new)
    old, new = old or {}, new or {}
    names = [*new, *(name for name in old if name not in new)]
    return "; ".join(f"{name} {_arrow(old.get(name), new.get(name))}" for name in names) or ABSENT


def _arrow(old: Any, new: Any) -> str:
    if old is None:
        return _value(new)
    return f"{_value(old)} → {_value(new)}"


def _value(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or ABSENT
    if isinstance(value, str) and _TIME.match(value):
        return moment(datetime.fromisoformat(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
