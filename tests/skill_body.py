"""A skill report and its strata in the shape of the store's, with numbers to compute by hand."""

from __future__ import annotations

from typing import Any

from app_dash.shared.verification.report import SkillReport, StrataReport

MODEL = "gradient-boosting@1.0.0"
SHADOW = "logistic@1.0.0"

# 217 hits, 699 false alarms, 264 misses and 7,039 correct negatives of the mock-up's range.
TABLE = {"hits": 217, "false_alarms": 699, "misses": 264, "correct_negatives": 7039}


BAND = {
    "kind": "model",
    "refits": 60,
    "inside": 7,
    "judged": 8,
    "mean_width": 0.036,
    "bins": [
        {
            "low": 0.0,
            "high": 0.01,
            "n": 6000,
            "mean_forecast": 0.004,
            "observed": 0.006,
            "lower": 0.002,
            "upper": 0.009,
            "inside": True,
        },
        {"low": 0.01, "high": 0.02, "n": 0},
        {
            "low": 0.3,
            "high": 0.5,
            "n": 11,
            "mean_forecast": 0.33,
            "observed": 0.5455,
            "lower": 0.24,
            "upper": 0.45,
            "inside": None,
        },
    ],
    "years": [
        {"year": 2014, "inside": 6, "judged": 6},
        {"year": 2015, "inside": 1, "judged": 4},
        {"year": 2016, "inside": 0, "judged": 0},
    ],
}


def answer(**changed: Any) -> SkillReport:
    body: dict[str, Any] = {
        "model": MODEL, "event": "M1.0", "scope": "region", "from": "2014-02-16",
        "to": "2014-04-14", "n": 8219, "n_events": 481, "n_unknown": 135, "coverage": 0.98,
        "threshold": {"value": 0.043, "source": "frozen"}, "base_rate": 0.0585,
        "contingency": TABLE,
        "scores": {
            "auc": {"value": 0.79}, "tss": {"value": 0.361, "low": 0.21, "high": 0.51},
            "precision": {"value": 0.237}, "recall": {"value": 0.451},
            "average_precision": {"value": 0.3},
        },
        "reliability": [
            {"low": 0.0, "high": 0.05, "n": 7000, "events": 140, "mean_forecast": 0.01,
             "observed": 0.02, "wilson_low": 0.017, "wilson_high": 0.024},
            {"low": 0.05, "high": 0.1, "n": 0, "events": 0},
            {"low": 0.3, "high": 0.4, "n": 11, "events": 6, "mean_forecast": 0.33,
             "observed": 0.5455, "wilson_low": 0.28, "wilson_high": 0.79},
        ],
        "roc": [{"threshold": 1.0, "pod": 0.0, "pofd": 0.0}, {"threshold": 0.1, "pod": None},
                {"threshold": 0.0, "pod": 1.0, "pofd": 1.0}],
        "curve": [
            {"threshold": 0.0002, "tss": 0.0, "precision": 0.0585, "recall": 1.0},
            {"threshold": 0.01, "tss": 0.4, "precision": 0.1, "recall": 0.8},
            {"threshold": 0.5, "tss": 0.1, "precision": 0.6, "recall": 0.1},
            {"threshold": 0.9, "tss": 0.0, "precision": None, "recall": 0.0},
        ],
        "precision_recall": [{"threshold": 0.5, "precision": 0.6, "recall": 0.1},
                             {"threshold": 0.01, "precision": 0.1, "recall": 0.8}],
        "value": [
            {"cost_loss": 0.01, "at_threshold": -6.0, "at_cost_loss": 0.1},
            {"cost_loss": 0.05, "at_threshold": 0.3, "at_cost_loss": 0.35},
            {"cost_loss": 0.4, "at_threshold": None, "at_cost_loss": 0.0},
        ],
        "differences": {
            "persistence": {
                "tss": {"value": 0.12, "low": 0.02, "high": 0.2},
                "hss2": {"value": -0.1, "low": -0.2, "high": -0.01},
                "bss": {"value": 0.05, "low": -0.1, "high": 0.3},
                "auc": {"value": None},
            }
        },
        "interval": {"level": 0.95, "method": "27-day blocks", "resamples": 1000, "days": 57},
        "entrants": [{"model": "persistence", "n": 8219, "n_events": 481,
                      "scores": {"auc": {"value": 0.62}}}],
    }  # fmt: skip
    return SkillReport.model_validate({**body, **changed})


def stratum(label: str, n: int, n_events: int, tss: float | None) -> dict[str, Any]:
    known = tss is not None
    low, high = (tss - 0.1, tss + 0.2) if tss is not None else (None, None)
    scores = {"tss": {"value": tss, "low": low, "high": high}} if known else {}
    return {"label": label, "n": n, "n_events": n_events, "scores": scores}


def strata(**changed: Any) -> StrataReport:
    body: dict[str, Any] = {
        "first_flare": stratum("first flare after quiet", 5000, 90, 0.2),
        "all_clear": {"n": 7303, "n_missed": 264,
                      "right": {"value": 0.9639, "low": 0.955, "high": 0.97}},
        "longitude": [
            {**stratum("-90 to -60 deg", 900, 4, 0.1), "low": -90.0, "high": -60.0},
            {**stratum("30 to 60 deg", 1800, 80, 0.4), "low": 30.0, "high": 60.0},
            stratum("longitude unknown", 7, 0, None),
        ],
        "month": [stratum("2014-02", 3000, 100, 0.3), stratum("2014-03", 5219, 0, None)],
        "latency": {"n": 8219, "p50_s": 1.24, "p95_s": 90.0, "p99_s": None},
    }  # fmt: skip
    return StrataReport.model_validate({**body, **changed})
