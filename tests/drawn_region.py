"""The page of a region as the text that travels, for a test to look for words and addresses."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from app_dash.frame import routing
from app_dash.region import page
from app_dash.settings import DashSettings


def drawn(engine: sa.Engine, pathname: str, search: str = "") -> str:
    view = routing.read_context(engine, settings=DashSettings(), theme="light")
    return as_text(page.layout(view, pathname, search))


def as_text(content: object) -> str:
    return json.dumps(content, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> object:
    return value.to_plotly_json() if hasattr(value, "to_plotly_json") else value.tolist()
