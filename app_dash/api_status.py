"""Whether the prediction API answers, asked with a short patience and not for every browser."""

from __future__ import annotations

import time
from functools import lru_cache

import requests

from solar.errors import InvalidInputError

PATIENCE_SECONDS = 1.0
_GOOD_FOR_SECONDS = 4.0


def is_api_up(api_url: str) -> bool:
    """Tell whether the API answers; all browsers share one question of the last few seconds."""
    return _asked(api_url, int(time.monotonic() / _GOOD_FOR_SECONDS))


@lru_cache(maxsize=4)
def _asked(api_url: str, _span: int) -> bool:
    return answers(api_url)


def answers(api_url: str) -> bool:
    """Tell whether ``/health`` of the API at this address answers with success."""
    if not api_url.startswith(("http://", "https://")):
        raise InvalidInputError(f"FLARE_API_URL is {api_url!r}; write http://host:port")
    try:
        answer = requests.get(f"{api_url.rstrip('/')}/health", timeout=PATIENCE_SECONDS)
    except requests.RequestException:
        return False
    return bool(answer.status_code == requests.codes.ok)
