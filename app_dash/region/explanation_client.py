"""The way to the API's explanations: the question, and the answer checked at the border."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from app_dash.api_client import Api, ApiUnavailableError
from app_dash.region.explanation_answer import Explanation
from solar.time import isoformat

# A page waits for it, and is worth showing without.
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class ExplanationQuestion:
    """Which forecast of a region is to be explained; None is the newest, and the live model."""

    region_id: int
    event: str
    at: datetime | None = None
    model_id: str | None = None
    hours_back: float = 1.0

    def parameters(self) -> dict[str, str]:
        """Write the question as the parameters of the call; what is None is left out."""
        given = {
            "region": self.region_id,
            "event": self.event,
            "at": None if self.at is None else isoformat(self.at),
            "model": self.model_id,
            "hours_back": f"{self.hours_back:g}",
        }
        return {name: str(value) for name, value in given.items() if value is not None}


def ask(api: Api, question: ExplanationQuestion) -> Explanation:
    """Fetch an explanation; raises what `Api` does, also when the answer cannot be read."""
    answer = api.get("/api/v1/explanations", question.parameters())
    try:
        return Explanation.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise ApiUnavailableError(
            f"the explanation of {api.url} cannot be read ({place}: {first['msg']});"
            " run the API and the dashboard in the same version"
        ) from error
