"""The requests for skill that are measured: every event in every window, over every stretch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import requests

from bench.measured import Measured, timed
from bench.views import SPANS, drawn
from solar.flares import EVENTS, TARGETS
from solar.time import Window
from solar.windows import DAY

SCOPES = ("region", "disk")
_DRAWN_FOR = "M1.0"


@dataclass(frozen=True)
class SkillRequest:
    """A request of the API by its path, and what it asks for; `length` None is all of the store."""

    path: str
    parameters: dict[str, str]
    span: str = "everything"
    length: timedelta | None = None

    @property
    def name(self) -> str:
        """The request as a line of the report: ``skill/region/M1.0/6h``."""
        asked = self.parameters
        window = asked.get("window", "")
        return "/".join(filter(None, (self.path, asked["scope"], asked["event"], window)))


def skill_requests() -> Iterator[SkillRequest]:
    """Give the requests: one event over each stretch, all others over everything, then by lead."""
    for scope in SCOPES:
        for target in TARGETS:
            asked = {"scope": scope, "event": target.goes_class}
            if target.window != DAY:
                asked["window"] = target.window.name
            stretches = SPANS if target.name == _DRAWN_FOR else {"everything": None}
            for span, length in stretches.items():
                yield SkillRequest("skill", asked, span, length)
        for event in EVENTS:
            yield SkillRequest("skill/leads", {"scope": scope, "event": event.name})


def time_skill(api: str, stored: Window, repetitions: int) -> list[Measured]:
    """Send each request so many times, after one that is not counted; any refusal ends it."""
    with requests.Session() as session:
        return [_time(session, api, one, stored, repetitions) for one in skill_requests()]


def _time(
    session: requests.Session, api: str, one: SkillRequest, stored: Window, repetitions: int
) -> Measured:
    rng, seconds = np.random.default_rng(1), []
    for _ in range(repetitions + 1):
        asked = {**one.parameters, **_stretch(stored, one.length, rng)}
        answer = session.get(f"{api}/api/v1/{one.path}", params=asked, timeout=120)
        answer.raise_for_status()
        seconds.append(answer.elapsed.total_seconds())
    return timed(one.name, one.span, seconds[1:])


def _stretch(stored: Window, length: timedelta | None, rng: np.random.Generator) -> dict[str, str]:
    if length is None:
        return {}
    start, end = drawn(stored, length, rng)
    return {"from": start, "to": end}
