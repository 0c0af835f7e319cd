"""The views that are measured: every page, with each stretch of time that it can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import numpy as np

from app_dash.create_app import PAGES
from app_dash.pipeline.query import RANGES as PIPELINE_RANGES
from app_dash.region.query import RANGE_LABELS
from solar.time import Window, isoformat

SPANS = {"1 day": timedelta(days=1), "30 days": timedelta(days=30), "everything": None}
# What else the address may say of a page that is asked for a stretch of time.
_RANGED: dict[str, dict[str, dict[str, str]]] = {
    "/skill": {"": {}, ", full disk": {"scope": "disk"}, ", in 6 h": {"window": "6h"}},
    "/explore": {
        "": {},
        ", P(M1.0+) from 10 %": {"event": "M1.0", "least": "10"},
        ", in 6 h": {"window": "6h"},
    },
    "/alerts": {"": {}},
}

Address = Callable[[np.random.Generator], str]


@dataclass(frozen=True)
class View:
    """A page and a stretch of time; `address` draws one of the addresses that show such a one."""

    page: str
    span: str
    address: Address


def views(stored: Window, region_ids: Sequence[int]) -> Iterator[View]:
    """Give the views of every page of the dashboard."""
    for page in PAGES:
        if page.path in _RANGED:
            for label, choice in _RANGED[page.path].items():
                yield from (
                    View(page.title + label, span, _ranged(page.path, choice, stored, length))
                    for span, length in SPANS.items()
                )
        elif page.path == "/pipeline":
            yield from (
                View(page.title, label, _fixed(f"{page.path}?range={name}"))
                for name, (label, *_) in PIPELINE_RANGES.items()
            )
        else:
            yield View(page.title, "", _fixed(page.path))
        if page.path == "/regions":
            yield from (
                View("One region", label, _region(page.path, name, region_ids))
                for name, label in RANGE_LABELS.items()
            )


def _fixed(address: str) -> Address:
    return lambda _rng: address


def _region(path: str, span: str, region_ids: Sequence[int]) -> Address:
    return lambda rng: f"{path}/{rng.choice(region_ids)}?range={span}&keywords=all"


def _ranged(path: str, choice: dict[str, str], stored: Window, length: timedelta | None) -> Address:
    def draw(rng: np.random.Generator) -> str:
        if length is None:
            return f"{path}?{urlencode({'range': 'all', **choice})}"
        start, end = drawn(stored, length, rng)
        return f"{path}?{urlencode({'start': start, 'end': end, **choice})}"

    return draw


def drawn(stored: Window, length: timedelta, rng: np.random.Generator) -> tuple[str, str]:
    """Draw a stretch of a length that begins at a full hour, within what is stored."""
    hours = (stored.end_at - stored.start_at - length) // timedelta(hours=1)
    start_at = stored.start_at + timedelta(hours=int(rng.integers(max(hours, 1))))
    return isoformat(start_at), isoformat(start_at + length)
