from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.flares import FlareRecord, store_flares
from database.forecasts import load_forecasts
from database.harps import learn
from database.models import register
from database.predictions import store_predictions
from database.tables import regions, verification_days, verification_stale
from database.upsert import upsert
from database.verification import mark_stale, refresh, skill
from solar.bins import EDGES
from solar.errors import InvalidInputError, NotFoundError
from solar.flares import EVENTS, FluxScale, goes_class, peak_flux
from solar.time import Window

MODEL = "logistic@1.0.0"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = datetime(2014, 2, 1, tzinfo=UTC)
N_DAYS = 60
COVERED = Window(datetime(2013, 6, 1, tzinfo=UTC), FIRST + timedelta(days=55, hours=7))
THRESHOLDS = {"C1.0": 0.4, "M1.0": 0.05, "M5.0": 0.012, "X1.0": 0.004}
MANIFEST = {
    "name": "logistic",
    "version": "1.0.0",
    "events": [{"name": name, "threshold": value} for name, value in THRESHOLDS.items()],
}
NOAA = {101: 11901, 102: 11902, 103: 11903, 104: 11904, -11905: 11905}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Synthetic:
    """What went into the store, as frames for the independent computation."""

    predictions: pd.DataFrame
    flares: pd.DataFrame


def synthetic_flares(rng: np.random.Generator) -> list[FlareRecord]:
    minutes = np.sort(rng.choice(290 * 24 * 60, 420, replace=False))
    records = []
    for minute in minutes:
        start = COVERED.start_at + timedelta(minutes=int(minute))
        flux = 1e-6 * (1 - rng.random()) ** -0.9
        noaa = rng.choice([11901, 11902, 11903, 11904, 11905], p=[0.4, 0.3, 0.1, 0.1, 0.1])
        # The strong ones know their region but for a few, as in the real list.
        is_known = rng.random() > (0.04 if flux >= 1e-5 else 0.1)
        records.append(
            FlareRecord(start, start + timedelta(minutes=6), start + timedelta(minutes=15),
                        goes_class(flux), FluxScale.OPERATIONAL,
                        noaa_ar=int(noaa) if is_known else None)
        )  # fmt: skip
    at_midnight = FIRST + 20 * DAY
    edge = FlareRecord(at_midnight - timedelta(minutes=5), at_midnight, None, "X1.2",
                       FluxScale.OPERATIONAL, noaa_ar=11904)  # fmt: skip
    return [*records, edge]


def synthetic_predictions(rng: np.random.Generator) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for region_id in NOAA:
        level = {101: 1.2, 102: 0.6}.get(region_id, -0.8)
        for step in range(N_DAYS * 4):
            at = FIRST + timedelta(hours=6 * step)
            if rng.random() < 0.05:
                continue
            odds = np.exp(level + rng.normal() + np.array([0.0, -2.3, -3.9, -5.0]))
            p = [float(value) for value in odds / (1 + odds)]
            given = [None] * 4 if rng.random() < 0.04 else p
            rows.append((region_id, at, MODEL, *given, *given, "full", None, 0.0, 1, NOW))
    return rows


def prediction(region_id: int, at: datetime, model_id: str, p: float | None) -> tuple[object, ...]:
    return (region_id, at, model_id, *[p] * 8, "full", None, 0.0, 1, NOW)


def fill(engine: sa.Engine) -> Synthetic:
    rng = np.random.default_rng(7)
    records, rows = synthetic_flares(rng), synthetic_predictions(rng)

    def work(connection: sa.Connection) -> None:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)
        learn(connection, [(harp, noaa) for harp, noaa in NOAA.items() if harp > 0])
        remember_regions(connection, list(NOAA))
        store_predictions(connection, rows)
        store_flares(connection, records, source="synthetic", covers=COVERED, now=NOW)
        mark_stale(connection, {row[1].date() for row in rows})

    transact(engine, work)
    predictions = pd.DataFrame(
        [row[:2] + row[3:7] for row in rows], columns=["region", "t", *(e.column for e in EVENTS)]
    ).astype({e.column: float for e in EVENTS})
    by_noaa = {noaa: region for region, noaa in NOAA.items()}
    flares = pd.DataFrame(
        [(r.peak_at, peak_flux(r.goes_class), by_noaa.get(r.noaa_ar or 0, 0)) for r in records],
        columns=["peak", "flux", "region"],
    )
    return Synthetic(predictions, flares)


def remember_regions(connection: sa.Connection, region_ids: list[int]) -> None:
    last = FIRST + N_DAYS * DAY
    upsert(connection, regions, columns=("region_id", "series", "first_t_rec", "last_t_rec"),
           rows=[(region_id, "test", FIRST, last) for region_id in region_ids])  # fmt: skip


@pytest.fixture
def filled(engine: sa.Engine) -> Synthetic:
    synthetic = fill(engine)
    refresh(engine)
    return synthetic


def flared(flares: pd.DataFrame, start: datetime, region: int | None = None) -> bool:
    hit = (flares.peak >= start) & (flares.peak < start + DAY)
    if region is not None:
        hit &= flares.region == region
    return bool(hit.any())


def region_cases(data: Synthetic, event: str) -> pd.DataFrame:
    """Truth and persistence of each prediction by a plain loop over all of them."""
    definition = next(e for e in EVENTS if e.name == event)
    strong = data.flares[data.flares.flux >= definition.peak_flux_w_m2]
    frame = data.predictions[["region", "t", definition.column]]
    frame = frame.rename(columns={definition.column: "p"})
    truth, before = [], []
    for region, t in zip(frame.region, frame.t, strict=True):
        unknown = flared(strong, t, region=0) or t + DAY > COVERED.end_at
        truth.append(np.nan if unknown else float(flared(strong, t, region=region)))
        before.append(float(flared(strong, t - DAY, region=region)))
    return frame.assign(o=truth, persistence=before, day=frame.t.dt.date)


def disk_cases(data: Synthetic, event: str) -> pd.DataFrame:
    definition = next(e for e in EVENTS if e.name == event)
    strong = data.flares[data.flares.flux >= definition.peak_flux_w_m2]
    known = data.predictions.dropna(subset=[definition.column])
    rows = []
    for offset in range(N_DAYS + 1):
        at = FIRST + offset * DAY
        recent = known[(known.t > at - timedelta(hours=6)) & (known.t <= at)]
        if recent.empty:
            continue
        newest = recent.sort_values("t").groupby("region").last()[definition.column]
        came = flared(strong, at)
        truth = float(came) if at + DAY <= COVERED.end_at else np.nan
        rows.append((at.date(), 1 - np.prod(1 - newest), truth, float(flared(strong, at - DAY))))
    return pd.DataFrame(rows, columns=["day", "p", "o", "persistence"])


def with_climatology(cases: pd.DataFrame, past: pd.DataFrame, *, prior: float) -> pd.DataFrame:
    """Add the trailing rates by their definition: K events of N cases in [D-1-span, D-1)."""
    columns = {}
    for span in (120, 365):
        rates = {}
        for day in cases.day.unique():
            closed = past[(past.day >= day - DAY - span * DAY) & (past.day < day - DAY)].dropna()
            weight = 10 * len(closed) / closed.day.nunique() if len(closed) else 1.0
            rates[day] = (closed.o.sum() + weight * prior) / (len(closed) + weight)
        columns[f"climatology-{span}d"] = cases.day.map(rates).astype(float)
    return cases.assign(**columns)


def table(p: pd.Series, o: pd.Series, threshold: float) -> dict[str, int]:
    yes, event = p >= threshold, o == 1
    return {
        "hits": int((yes & event).sum()),
        "false_alarms": int((yes & ~event).sum()),
        "misses": int((~yes & event).sum()),
        "correct_negatives": int((~yes & ~event).sum()),
    }


def pairwise_auc(p: pd.Series, o: pd.Series) -> float:
    events, quiet = p[o == 1].to_numpy(), p[o == 0].to_numpy()
    ahead = np.sign(events[:, None] - quiet[None, :])
    return float((ahead.mean() + 1) / 2)


def to_bin(p: pd.Series) -> pd.Series:
    edges = np.array(EDGES[:-1])
    return pd.Series(edges[np.searchsorted(edges, p, side="right") - 1], p.index)


def assert_scores(body: dict, scored: pd.DataFrame, column: str, threshold: float) -> None:
    p, o = scored[column], scored.o
    cells = table(p, o, threshold)
    a, b, c, d = cells.values()
    brier, base = ((p - o) ** 2).mean(), o.mean()
    scores = {name: score["value"] for name, score in body["scores"].items()}

    assert body["n"] == len(scored)
    assert body["n_events"] == int(o.sum())
    assert body["base_rate"] == pytest.approx(base, abs=1e-12)
    assert body["contingency"] == cells
    assert scores["tss"] == pytest.approx(a / (a + c) - b / (b + d), abs=1e-9)
    assert scores["accuracy"] == pytest.approx((a + d) / len(scored), abs=1e-9)
    assert scores["brier"] == pytest.approx(brier, abs=1e-9)
    assert scores["bss"] == pytest.approx(1 - brier / (base * (1 - base)), abs=1e-9)
    # Ranks are known to a probability bin only: exact for forecasts rounded down to their
    # bins, near for all that spread over many; a few dozen cases leave few pairs to average.
    assert scores["auc"] == pytest.approx(pairwise_auc(to_bin(p), o), abs=1e-9)
    if column == "p":
        assert scores["auc"] == pytest.approx(
            pairwise_auc(p, o), abs=2e-3 if len(p) > 200 else 1e-2
        )
    for name in ("climatology-120d", "climatology-365d", "persistence"):
        if name in body["bss_against"]:
            other = ((scored[name] - o) ** 2).mean()
            assert body["bss_against"][name]["value"] == pytest.approx(1 - brier / other, abs=1e-9)


def assert_contest(body: dict, scored: pd.DataFrame, event: str) -> None:
    assert_scores(body, scored, "p", THRESHOLDS[event])
    for entrant in body["entrants"]:
        frozen = 0.5 if entrant["model"] == "persistence" else THRESHOLDS[event]
        assert entrant["threshold"]["value"] == frozen
        assert_scores(entrant, scored, entrant["model"], frozen)
    names = [entrant["model"] for entrant in body["entrants"]]
    assert names == ["climatology-120d", "climatology-365d", "persistence"]


@pytest.mark.parametrize("event", ["C1.0", "M1.0"])
def test_region_skill_equals_what_pandas_finds_in_the_stored_predictions(
    engine: sa.Engine, filled: Synthetic, event: str
) -> None:
    cases = region_cases(filled, event)
    given = cases.dropna(subset=["p"])
    # Region-days with an event among those of the daily SHARP set before 2013.
    prior = {"C1.0": 474 / 3021, "M1.0": 69 / 3021}[event]

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event=event, window=None, scope="region")

    scored = with_climatology(given.dropna(subset=["o"]), given, prior=prior)
    assert_contest(body, scored, event)
    assert body["n_unknown"] == int(given.o.isna().sum()) > 0
    assert body["n_withheld"] == int(cases.p.isna().sum()) > 0
    assert body["coverage"] == pytest.approx(len(scored) / len(cases))


@pytest.mark.parametrize("event", ["C1.0", "M1.0"])
def test_disk_skill_equals_what_pandas_finds_in_the_stored_predictions(
    engine: sa.Engine, filled: Synthetic, event: str
) -> None:
    definition = next(e for e in EVENTS if e.name == event)
    strong = filled.flares[filled.flares.flux >= definition.peak_flux_w_m2]
    days = [COVERED.start_at + i * DAY for i in range((COVERED.end_at - COVERED.start_at).days)]
    past = pd.DataFrame({"day": [d.date() for d in days], "o": [flared(strong, d) for d in days]})
    # Days with such a flare among the 976 from 2010-05 to 2012-12.
    prior = {"C1.0": 594 / 976, "M1.0": 152 / 976}[event]
    cases = disk_cases(filled, event)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event=event, window=None, scope="disk")

    scored = with_climatology(cases.dropna(subset=["o"]), past, prior=prior)
    assert_contest(body, scored, event)
    assert body["n_unknown"] == int(cases.o.isna().sum()) > 0


def test_one_region_is_scored_from_its_own_predictions(
    engine: sa.Engine, filled: Synthetic
) -> None:
    cases = region_cases(filled, "C1.0").dropna(subset=["p"])
    every = with_climatology(cases.dropna(subset=["o"]), cases, prior=474 / 3021)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region",
                     region_id=102)  # fmt: skip

    assert body["region"] == 102
    assert_contest(body, every[every.region == 102], "C1.0")


def test_an_entrant_can_be_asked_for_as_the_model(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        beside = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        alone = skill(connection, model_id="climatology-120d", event="C1.0", window=None,
                      scope="region")  # fmt: skip

    entrant = beside["entrants"][0]
    assert alone["scores"] == entrant["scores"]
    assert alone["contingency"] == entrant["contingency"]


def test_a_range_scores_whole_days_of_issue(engine: sa.Engine, filled: Synthetic) -> None:
    window = Window(FIRST + 10 * DAY, FIRST + 12 * DAY)
    cases = region_cases(filled, "C1.0").dropna()

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=window, scope="region")

    assert (body["from"], body["to"]) == ("2014-02-11", "2014-02-13")
    assert [day["day"] for day in body["days"]] == ["2014-02-11", "2014-02-12"]
    expected = cases[(cases.t >= window.start_at) & (cases.t < window.end_at)]
    assert body["n"] == len(expected)


def test_a_range_without_events_says_so(engine: sa.Engine, filled: Synthetic) -> None:
    before = Window(FIRST - 30 * DAY, FIRST - 20 * DAY)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="X1.0", window=before, scope="region")

    assert body["message"] == "no events: undefined"
    assert body["contingency"] is None
    assert body["n"] == 0
    assert {score["value"] for score in body["scores"].values()} == {None}


def test_a_requested_threshold_is_reported_as_such(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region",
                     threshold=0.25)  # fmt: skip

    assert body["threshold"] == {"value": 0.25, "source": "requested"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scope": "planet"}, InvalidInputError),
        ({"threshold": 1.5}, InvalidInputError),
        ({"threshold": float("nan")}, InvalidInputError),
        ({"scope": "disk", "region_id": 3}, InvalidInputError),
        ({"event": "Z9"}, NotFoundError),
        ({"model_id": "nobody@1"}, NotFoundError),
    ],
)
def test_an_impossible_question_is_refused(
    engine_sqlite: sa.Engine, change: dict[str, object], error: type[Exception]
) -> None:
    fill(engine_sqlite)
    question = {"model_id": MODEL, "event": "C1.0", "window": None, "scope": "region"} | change

    with reading(engine_sqlite) as connection, pytest.raises(error):
        skill(connection, **question)


def test_refreshing_twice_changes_nothing(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        before = connection.execute(sa.select(verification_days)).all()
    transact(engine, lambda c: mark_stale(c, [FIRST.date() + i * DAY for i in range(N_DAYS)]))

    refreshed = refresh(engine)

    with reading(engine) as connection:
        after = connection.execute(sa.select(verification_days)).all()
        left = connection.execute(sa.select(verification_stale)).all()
    assert refreshed == N_DAYS + 1
    assert sorted(after) == sorted(before)
    assert left == []


def test_a_limited_refresh_leaves_the_rest_for_the_next(engine_sqlite: sa.Engine) -> None:
    fill(engine_sqlite)
    with reading(engine_sqlite) as connection:
        marked = len(connection.execute(sa.select(verification_stale)).all())

    first, rest = refresh(engine_sqlite, limit_days=7), refresh(engine_sqlite)

    assert first == 7
    assert rest == marked - 7


def test_a_flare_revised_later_changes_its_days(engine: sa.Engine, filled: Synthetic) -> None:
    quiet = FIRST + 30 * DAY + timedelta(hours=2)
    weak = FlareRecord(quiet, quiet + timedelta(minutes=3), None, "M9.0", FluxScale.OPERATIONAL,
                       noaa_ar=11903)  # fmt: skip
    transact(engine, lambda c: store_flares(c, [weak], source="x", covers=None, now=NOW))
    refresh(engine)
    window = Window(FIRST + 30 * DAY, FIRST + 31 * DAY)
    with reading(engine) as connection:
        before = skill(connection, model_id=MODEL, event="X1.0", window=window, scope="disk")

    strong = FlareRecord(quiet, quiet + timedelta(minutes=3), None, "X1.0", FluxScale.OPERATIONAL,
                         noaa_ar=11903)  # fmt: skip
    transact(engine, lambda c: store_flares(c, [strong], source="x", covers=None, now=NOW))
    refresh(engine)

    with reading(engine) as connection:
        after = skill(connection, model_id=MODEL, event="X1.0", window=window, scope="disk")
    assert (before["n_events"], after["n_events"]) == (0, 1)


def test_forecasts_are_scored_once_the_list_covers_their_window(
    engine: sa.Engine, filled: Synthetic
) -> None:
    more = Window(COVERED.end_at, FIRST + (N_DAYS + 3) * DAY)
    with reading(engine) as connection:
        before = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")
    transact(engine, lambda c: store_flares(c, [], source="x", covers=more, now=NOW))
    refresh(engine)

    with reading(engine) as connection:
        after = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")
    assert after["n_unknown"] == 0
    assert after["n"] == before["n"] + before["n_unknown"]


def test_a_range_that_mixes_flux_scales_names_both(engine: sa.Engine, filled: Synthetic) -> None:
    at = FIRST + 3 * DAY
    other = FlareRecord(at, at + timedelta(minutes=1), None, "C1.0", FluxScale.TRUE)
    transact(engine, lambda c: store_flares(c, [other], source="x", covers=None, now=NOW))

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")

    assert body["flux_scales"] == ["operational_pre16", "true"]


def test_a_harp_learnt_after_its_flare_takes_the_flare_over(engine: sa.Engine) -> None:
    at = datetime(2014, 3, 1, tzinfo=UTC)
    record = FlareRecord(at, at + timedelta(hours=1), None, "M1.0", FluxScale.OPERATIONAL,
                         noaa_ar=11990)  # fmt: skip
    rows = [prediction(3784, at, MODEL, 0.5)]

    def flares_first(connection: sa.Connection) -> None:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)
        store_flares(connection, [record], source="x", covers=COVERED, now=NOW)

    def forecasts_later(connection: sa.Connection) -> None:
        learn(connection, [(3784, 11990)])
        store_predictions(connection, rows)
        mark_stale(connection, [at.date()])

    for work in (flares_first, forecasts_later):
        transact(engine, work)
        refresh(engine)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="M1.0", window=None, scope="region")
    assert (body["n"], body["n_events"]) == (1, 1)


def test_every_model_is_scored_and_persistence_meets_the_cases_of_all(engine: sa.Engine) -> None:
    at = datetime(2014, 3, 1, 12, tzinfo=UTC)
    shadow = "shadow@2.0.0"
    rows = [prediction(1, at, MODEL, 0.5), prediction(2, at, MODEL, None),
            prediction(2, at, shadow, 0.1), prediction(3, at, shadow, None)]  # fmt: skip

    def work(connection: sa.Connection) -> None:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)
        store_predictions(connection, rows)
        store_flares(connection, [], source="x", covers=COVERED, now=NOW)
        mark_stale(connection, [at.date()])

    transact(engine, work)
    refresh(engine)

    query = sa.select(verification_days.c.model_id, verification_days.c.n).where(
        verification_days.c.event == "M1.0", verification_days.c.scope == "region"
    )
    with reading(engine) as connection:
        counted = {row.model_id: row.n for row in connection.execute(query)}
    assert counted == {MODEL: 1, shadow: 1, "persistence": 2}


def test_the_questions_of_verification_are_served_by_indices(engine: sa.Engine) -> None:
    fill(engine)
    refresh(engine)
    statements: list[tuple[str, object]] = []

    def remember(_c: object, _cursor: object, text: str, values: object, *_: object) -> None:
        statements.append((text, values))

    with reading(engine) as connection:
        sa.event.listen(connection, "before_cursor_execute", remember)
        skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        load_forecasts(connection, MODEL, window=Window(FIRST, FIRST + DAY))
        sa.event.remove(connection, "before_cursor_execute", remember)
        plans = [plan(connection, *asked) for asked in statements if "verification_days" in asked[0]
                 or "predictions" in asked[0]]  # fmt: skip

    assert len(plans) >= 4
    assert not any("SCAN" in one or "'ALL'" in one for one in plans), plans


def plan(connection: sa.Connection, text: str, values: object) -> str:
    words = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return str(connection.exec_driver_sql(words + text, values).all())


def test_empty_days_around_the_forecasts_do_not_widen_the_intervals(
    engine_sqlite: sa.Engine,
) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)
    wide = Window(FIRST - 3000 * DAY, FIRST + 3000 * DAY)

    with reading(engine_sqlite) as connection:
        tight = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        asked_wide = skill(connection, model_id=MODEL, event="C1.0", window=wide, scope="region")

    assert asked_wide["scores"] == tight["scores"]
