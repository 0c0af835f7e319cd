"""The scores of the synthetic store, found once more with pandas, case by case."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from disk_oracle import FITTED, aggregate
from synthetic_store import COVERED, DAY, FIRST, N_DAYS, THRESHOLDS, Synthetic

from solar.flares import EVENTS
from solar.histogram import EDGES


def flared(flares: pd.DataFrame, start: datetime, region: int | None = None) -> bool:
    peak, begin = flares.peak.to_numpy("datetime64[us]"), np.datetime64(start.replace(tzinfo=None))
    hit = (peak >= begin) & (peak < begin + DAY)
    if region is not None:
        hit &= flares.region.to_numpy() == region
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
    times = (pd.DatetimeIndex(data.flares[one]).to_pydatetime() for one in ("peak", "end"))
    listed = list(zip(*times, data.flares.flux, strict=True))
    rows = []
    for offset in range(N_DAYS + 1):
        at = FIRST + offset * DAY
        recent = known[(known.t > at - timedelta(hours=6)) & (known.t <= at)]
        if recent.empty:
            continue
        newest = recent.sort_values("t").groupby("region").last()[definition.column]
        came = flared(strong, at)
        truth = float(came) if at + DAY <= COVERED.end_at else np.nan
        product = float(1 - np.prod(1 - newest))
        p = aggregate(event, product, at, listed, [(COVERED.start_at, COVERED.end_at)])
        rows.append((at.date(), p, truth, float(flared(strong, at - DAY))))
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
    of_disk = FITTED["events"][event]["threshold"]
    threshold = of_disk if body["scope"] == "disk" else THRESHOLDS[event]
    assert_scores(body, scored, "p", threshold)
    for entrant in body["entrants"]:
        frozen = 0.5 if entrant["model"] == "persistence" else threshold
        assert entrant["threshold"]["value"] == frozen
        assert_scores(entrant, scored, entrant["model"], frozen)
    names = [entrant["model"] for entrant in body["entrants"]]
    assert names == ["climatology-120d", "climatology-365d", "persistence"]
