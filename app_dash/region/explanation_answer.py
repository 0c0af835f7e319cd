"""The API's explanation of a forecast, as the dashboard reads it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    """What the API says; names that it adds later are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Contribution(_Answer):
    """What one feature adds to the log-odds against its mean in the training set."""

    feature: str
    label: str
    unit: str
    value: float | None
    reference: float | None
    contribution: float


class Explained(_Answer):
    """A forecast and its contributions, the largest first."""

    t_rec: datetime
    log_odds: float
    probability_raw: float
    contributions: tuple[Contribution, ...]


class Explanation(Explained):
    """The forecast asked for, and the one before it where there was one."""

    region: int
    model: str
    event: str
    base_log_odds: float
    issued_probability_raw: float | None = None
    previous: Explained | None = None
