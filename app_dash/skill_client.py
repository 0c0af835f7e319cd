"""The way to the API's skill report, over HTTP and with an answer to everything that can fail."""

from __future__ import annotations

from dataclasses import dataclass

import requests
from pydantic import ValidationError

from app_dash.skill_answer import SkillAnswer
from solar.errors import FlarewatchError, InvalidInputError, NotFoundError
from solar.time import Window, isoformat

TIMEOUT_SECONDS = 10.0
_REFUSALS: dict[int, type[FlarewatchError]] = {404: NotFoundError, 422: InvalidInputError}


class ApiUnavailableError(FlarewatchError):
    """The API gives no usable answer; the same question may be answered later."""

    status = 503
    title = "API unavailable"


@dataclass(frozen=True)
class Question:
    """Whose forecasts of what are to be verified, over which stretch of issue times."""

    model_id: str | None
    event: str
    scope: str
    window: Window
    region_id: int | None = None

    def parameters(self) -> dict[str, str]:
        """Write the question as the parameters of the call; what is None is left out."""
        given = {
            "model": self.model_id,
            "event": self.event,
            "scope": self.scope,
            "from": isoformat(self.window.start_at),
            "to": isoformat(self.window.end_at),
            "region": self.region_id,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class SkillClient:
    """A connection to one API; `api_key` is None where the API asks for none."""

    api_url: str
    api_key: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def ask(self, question: Question) -> SkillAnswer:
        """Fetch a skill report.

        Raises
        ------
        InvalidInputError, NotFoundError
            When the API refuses the question, with the API's own words.
        ApiUnavailableError
            When there is no answer, none in time, or one that cannot be read.
        """
        response = self._get(question)
        if response.status_code != requests.codes.ok:
            raise _refusal(response, self.api_url)
        try:
            return SkillAnswer.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise ApiUnavailableError(
                f"the skill report of {self.api_url} cannot be read ({place}: {first['msg']});"
                " run the API and the dashboard in the same version"
            ) from error

    def _get(self, question: Question) -> requests.Response:
        headers = {"X-API-Key": self.api_key} if self.api_key else {}
        try:
            return requests.get(
                f"{self.api_url.rstrip('/')}/api/v1/skill",
                params=question.parameters(),
                headers=headers,
                timeout=self.timeout_seconds,
            )
        except requests.Timeout as error:
            raise ApiUnavailableError(
                f"the API at {self.api_url} did not answer within {self.timeout_seconds:g} s;"
                " retry, or choose a shorter range"
            ) from error
        except requests.RequestException as error:
            raise ApiUnavailableError(
                f"the API at {self.api_url} cannot be reached; see that it runs"
                " (`python -m app serve`) and that FLARE_API_URL names it"
            ) from error


def _refusal(response: requests.Response, api_url: str) -> FlarewatchError:
    detail = _detail(response)
    if response.status_code in (401, 403):
        return ApiUnavailableError(
            f"the API at {api_url} refuses the dashboard's key; set FLARE_API_KEY to a key with"
            " the scope read"
        )
    kind = _REFUSALS.get(response.status_code)
    if kind is not None:
        return kind(detail or f"the API refuses the question ({response.status_code})")
    return ApiUnavailableError(
        detail or f"the API at {api_url} answered {response.status_code}; retry in a moment"
    )


def _detail(response: requests.Response) -> str:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    listed = [error for error in body.get("errors") or [] if isinstance(error, dict)]
    parts = [f"{error.get('path', '')}: {error.get('message', '')}" for error in listed]
    return "; ".join([str(body.get("detail") or ""), *parts]).strip("; ")
