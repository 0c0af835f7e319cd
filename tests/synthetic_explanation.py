"""An explanation as the API gives it, with contributions that a test chooses."""

from __future__ import annotations

from typing import Any

from app_dash.region.explanation import Explanation


def item(feature: str, contribution: float, **changes: Any) -> dict[str, Any]:
    given = {
        "feature": feature, "label": f"What {feature} is", "unit": "1", "value": 3.0,
        "reference": 1.0, "contribution": contribution, "error": 0.001,
    }  # fmt: skip
    return given | changes


def explained(*items: dict[str, Any], t_rec: str = "2014-03-29T16:00:00Z") -> dict[str, Any]:
    total = sum(one["contribution"] for one in items)
    return {
        "t_rec": t_rec, "log_odds": -3.0 + total, "probability_raw": 0.35,
        "contributions": list(items),
    }  # fmt: skip


def body(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    given = {
        "region": 3894, "model": "blend@1.0.0", "event": "M1.0", "base_log_odds": -3.0,
        "issued_probability_raw": 0.35, "previous": None, "something_newer": 1,
    }  # fmt: skip
    return explained(*items) | given | changes


def explanation(*items: dict[str, Any], **changes: Any) -> Explanation:
    return Explanation.model_validate(body(*items, **changes))
