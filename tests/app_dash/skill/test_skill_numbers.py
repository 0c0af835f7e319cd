from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from component_tree import parts, words
from exact_scores import auc
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_by_pandas import disk_cases, region_cases, to_bin
from synthetic_store import FIRST, N_DAYS, Synthetic, fill

from app_dash.frame import routing
from app_dash.settings import DashSettings
from app_dash.shared.numbers import score_text
from app_dash.shared.verification.score_axis import CARDS
from app_dash.skill import page as skill
from app_dash.skill.query import SkillQuery
from database.engine import create_engine
from database.migrations import upgrade
from database.settings import DatabaseSettings
from database.verification.rollup import refresh
from solar.contingency import Contingency
from solar.flares import EVENTS
from solar.histogram import EDGES
from solar.probability import brier_skill
from solar.time import isoformat


@dataclass(frozen=True)
class Known:
    """A store, and the raw cases that went into it by event and scope."""

    engine: sa.Engine
    cases: dict[tuple[str, str], pd.DataFrame]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    folder = tmp_path_factory.mktemp("numbers")
    engine = create_engine(DatabaseSettings(database_url=f"sqlite:///{folder}/flarewatch.db"))
    upgrade(engine)
    raw = fill(engine)
    refresh(engine)
    yield Known(engine, {(e.name, scope): _cases(raw, e.name, scope) for e in EVENTS
                         for scope in ("region", "disk")})  # fmt: skip
    engine.dispose()


def _cases(raw: Synthetic, event: str, scope: str) -> pd.DataFrame:
    return region_cases(raw, event) if scope == "region" else disk_cases(raw, event)


def scored(cases: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """Keep the cases of the touched UTC days of which forecast and outcome are known."""
    last = (end - timedelta(microseconds=1)).date()
    return cases[(cases.day >= start.date()) & (cases.day <= last)].dropna(subset=["p", "o"])


def expected(cases: pd.DataFrame, threshold: float) -> dict[str, float | None]:
    """Score the raw cases with the functions of solar, ranks known to a bin."""
    p, o = cases.p.to_numpy(float), cases.o.to_numpy(float)
    base_rate = np.full(len(o), o.mean())
    return {
        **Contingency.from_forecasts(o == 1, p >= threshold).scores(),
        "bss": brier_skill(p, o, reference=base_rate),
        "auc": auc(to_bin(cases.p).to_numpy(float), o),
    }


@settings(max_examples=25)
@given(
    start_hours=st.integers(0, (N_DAYS - 1) * 24),
    length_hours=st.integers(1, N_DAYS * 24),
    event=st.sampled_from([event.name for event in EVENTS]),
    scope=st.sampled_from(["region", "disk"]),
    threshold=st.sampled_from([float(edge) for edge in EDGES[5:250]]),
)
def test_the_cards_show_what_solar_computes_of_the_raw_rows(
    known: Known, start_hours: int, length_hours: int, event: str, scope: str, threshold: float
) -> None:
    start = FIRST + timedelta(hours=start_hours)
    end = start + timedelta(hours=length_hours)
    query = SkillQuery.model_validate(
        {"start": isoformat(start), "end": isoformat(end), "event": event, "scope": scope,
         "threshold": threshold}
    )  # fmt: skip
    view = routing.read_context(known.engine, settings=DashSettings(), theme="light")

    page = skill.layout(view, "/skill", query.search())

    cases = scored(known.cases[event, scope], start, end)
    chips = [words(part) for part in parts(page, "chip")]
    assert f"n = {len(cases):,}" in chips
    assert f"events = {int(cases.o.sum()):,}" in chips
    if len(cases):
        values = expected(cases, threshold)
        shown = [words(part) for part in parts(page, "score-value")]
        assert shown == [score_text(values[kind.name]) for kind in CARDS]
