from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from answering_api import answering

from app_dash.skill_client import ApiUnavailableError, Question, SkillClient
from solar.errors import InvalidInputError, NotFoundError
from solar.time import Window

QUESTION = Question(
    model_id="gradient-boosting@1.0.0",
    event="M1.0",
    scope="region",
    window=Window(datetime(2014, 2, 16, tzinfo=UTC), datetime(2014, 4, 14, tzinfo=UTC)),
    region_id=-12017,
)
ANSWER = {
    "model": "gradient-boosting@1.0.0", "event": "M1.0", "scope": "region",
    "from": "2014-02-16", "to": "2014-04-14", "region": None,
    "threshold": {"value": 0.043, "source": "frozen"}, "n": 8219, "n_events": 481,
    "scores": {"tss": {"value": 0.36, "low": 0.21, "high": 0.51}, "auc": {"value": None}},
    "something_newer": 1,
}  # fmt: skip


def test_the_question_is_put_with_its_key_and_read_from_the_answer() -> None:
    with answering(200, ANSWER) as api:
        answer = SkillClient(api.url + "/", api_key="secret").ask(QUESTION)

    path, query, key = api.seen[0]
    assert (path, key) == ("/api/v1/skill", "secret")
    assert query == {
        "model": ["gradient-boosting@1.0.0"],
        "event": ["M1.0"],
        "scope": ["region"],
        "from": ["2014-02-16T00:00:00Z"],
        "to": ["2014-04-14T00:00:00Z"],
        "region": ["-12017"],
    }
    assert answer.n == 8219
    assert answer.score("tss").high == 0.51


def test_an_undefined_or_absent_score_is_none() -> None:
    with answering(200, ANSWER) as api:
        answer = SkillClient(api.url).ask(QUESTION)

    assert answer.score("auc").value is None
    assert answer.score("gs").value is None


def test_without_a_key_none_is_sent() -> None:
    with answering(200, ANSWER) as api:
        SkillClient(api.url).ask(QUESTION)

    assert api.seen[0][2] is None


def test_the_apis_own_words_explain_a_refusal() -> None:
    problem = {
        "title": "Invalid input",
        "detail": "the query cannot be used; see errors",
        "errors": [{"path": "threshold", "message": "must be at most 1"}],
    }

    with answering(422, problem) as api, pytest.raises(InvalidInputError) as refused:
        SkillClient(api.url).ask(QUESTION)

    assert "threshold: must be at most 1" in str(refused.value)


def test_an_unknown_model_is_not_found() -> None:
    with (
        answering(404, {"detail": "no model 'x@1'"}) as api,
        pytest.raises(NotFoundError, match="no model 'x@1'"),
    ):
        SkillClient(api.url).ask(QUESTION)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_the_setting(status: int) -> None:
    with (
        answering(status, {}) as api,
        pytest.raises(ApiUnavailableError, match="FLARE_API_KEY"),
    ):
        SkillClient(api.url, api_key="wrong").ask(QUESTION)


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"[]", b""])
def test_a_broken_gateway_says_the_status(body: bytes) -> None:
    with answering(502, body) as api, pytest.raises(ApiUnavailableError, match="502"):
        SkillClient(api.url).ask(QUESTION)


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"n": "many"}'])
def test_an_answer_that_is_no_skill_report_is_refused(body: bytes) -> None:
    with answering(200, body) as api, pytest.raises(ApiUnavailableError, match="cannot be read"):
        SkillClient(api.url).ask(QUESTION)


def test_a_silent_api_is_given_up_in_time() -> None:
    delay = threading.Event()

    with (
        answering(200, ANSWER, delay=delay) as api,
        pytest.raises(ApiUnavailableError, match=r"within 0\.1 s"),
    ):
        SkillClient(api.url, timeout_seconds=0.1).ask(QUESTION)


def test_an_absent_api_names_the_address_and_the_command() -> None:
    with answering(200, {}) as api:
        url = api.url

    with pytest.raises(ApiUnavailableError, match="python -m app serve"):
        SkillClient(url).ask(QUESTION)
