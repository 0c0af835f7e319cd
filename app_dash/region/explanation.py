"""The API's explanation of a forecast: the request, and the response checked at the border."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from app_dash.api_client import Api, ApiUnavailableError
from solar.time import isoformat

# The page is useful without it, so the wait is short.
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class ExplanationRequest:
    """Which forecast of a region to explain; by default the newest of the live model."""

    region_id: int
    event: str
    at: datetime | None = None
    model_id: str | None = None
    hours_back: float = 1.0

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the call; None is left out."""
        fields = {
            "region": self.region_id,
            "event": self.event,
            "at": None if self.at is None else isoformat(self.at),
            "model": self.model_id,
            "hours_back": f"{self.hours_back:g}",
        }
        return {name: str(value) for name, value in fields.items() if value is not None}


def read_explanation(api: Api, request: ExplanationRequest) -> Explanation:
    """Fetch an explanation; raises what `Api` raises, also for an invalid response."""
    response = api.get("/api/v1/explanations", request.parameters())
    try:
        return Explanation.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise ApiUnavailableError(
            f"the explanation of {api.url} cannot be read ({place}: {first['msg']});"
            " run the API and the dashboard in the same version"
        ) from error


class _Response(BaseModel):
    """A part of the response; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Contribution(_Response):
    """What one feature adds to the log-odds against its mean in the training set."""

    feature: str
    label: str
    unit: str
    value: float | None
    reference: float | None
    contribution: float


class ExplainedForecast(_Response):
    """A forecast and its contributions, the largest first."""

    t_rec: datetime
    log_odds: float
    probability_raw: float
    contributions: tuple[Contribution, ...]


class Explanation(ExplainedForecast):
    """The forecast asked for, and an earlier one to compare with, if there is one."""

    region: int
    model: str
    event: str
    base_log_odds: float
    issued_probability_raw: float | None = None
    previous: ExplainedForecast | None = None
