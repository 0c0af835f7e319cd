from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from answering_api import answering
from synthetic_explanation import body, item

from app_dash.api_client import Api, ApiUnavailableError, RefusedError
from app_dash.region.explanation import ExplanationRequest, read_explanation
from solar.errors import ConflictError, FlarewatchError, InvalidInputError, NotFoundError

QUESTION = ExplanationRequest(
    region_id=-12017, event="M1.0", at=datetime(2014, 3, 29, 16, tzinfo=UTC), hours_back=24
)
ANSWER = body(item("TOTUSJH", 0.37), item("FLARE_INDEX_24H", 3.38))


def test_the_question_is_put_with_its_key_and_read_from_the_answer() -> None:
    with answering(200, ANSWER) as api:
        answer = read_explanation(Api(api.url + "/", api_key="secret"), QUESTION)

    path, query, key = api.seen[0]
    assert (path, key) == ("/api/v1/explanations", "secret")
    assert query == {
        "region": ["-12017"],
        "event": ["M1.0"],
        "at": ["2014-03-29T16:00:00Z"],
        "hours_back": ["24"],
    }
    assert [one.contribution for one in answer.contributions] == [0.37, 3.38]
    assert answer.t_rec == QUESTION.at
    assert answer.previous is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFoundError), (422, InvalidInputError), (409, ConflictError)],
)
def test_the_apis_own_words_explain_a_refusal(status: int, kind: type[FlarewatchError]) -> None:
    with answering(status, {"detail": "no record of region -12017"}) as api:
        client = Api(api.url)

        with pytest.raises(kind, match="no record of region -12017"):
            read_explanation(client, QUESTION)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refusal_is_told_in_the_words_of_the_api(status: int) -> None:
    with (
        answering(status, {"detail": "sign in again"}) as api,
        pytest.raises(RefusedError, match="sign in again"),
    ):
        read_explanation(Api(api.url, token="ended"), QUESTION)


@pytest.mark.parametrize("answer", [b"<html>gateway</html>", b"[]", b""])
def test_a_broken_gateway_says_the_status(answer: bytes) -> None:
    with answering(502, answer) as api, pytest.raises(ApiUnavailableError, match="502"):
        read_explanation(Api(api.url), QUESTION)


def test_an_answer_that_is_no_explanation_is_refused() -> None:
    with (
        answering(200, b'{"region": "many"}') as api,
        pytest.raises(ApiUnavailableError, match="cannot be read"),
    ):
        read_explanation(Api(api.url), QUESTION)


def test_a_silent_api_is_given_up_in_time() -> None:
    delay = threading.Event()

    with (
        answering(200, ANSWER, delay=delay) as api,
        pytest.raises(ApiUnavailableError, match=r"within 0\.1 s"),
    ):
        read_explanation(Api(api.url, timeout_seconds=0.1), QUESTION)


def test_an_absent_api_names_the_address_and_the_command() -> None:
    with answering(200, {}) as api:
        url = api.url

    with pytest.raises(ApiUnavailableError, match="flarewatch api serve"):
        read_explanation(Api(url), QUESTION)
