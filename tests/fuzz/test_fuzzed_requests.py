"""Requests that nobody means leave the server as it was: answering, alive and no larger."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import sqlalchemy as sa
from conftest import empty
from fuzz.mutations import arrow_body, json_body
from fuzz.target import REFUSED_UNREAD, Target, opened_target
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.contract.bodies import JSON_TYPE
from app.ingest.arrow_rows import MEDIA_TYPE as ARROW_TYPE

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
# The pieces of uploads are bytes.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
# These answer in the formats of others.
FRAMEWORK = {"/docs", "/metrics"}
# Of the requests, that many are made from the document; the others are bodies of observations.
SHARE_OF_DOCUMENT = 0.6
ROUNDS, FEWEST_OF_A_LONG_RUN = 8, 4_000
GROWTH = 1.05

pytestmark = pytest.mark.slow


@pytest.fixture
def target(mariadb_engine: sa.Engine, mariadb_address: str, tmp_path: Path) -> Iterator[Target]:
    empty(mariadb_engine)
    with opened_target(mariadb_address, tmp_path) as served:
        yield served
    empty(mariadb_engine)


def ask_by_the_document(target: Target, operation: Any, *, times: int, number: int) -> None:
    modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

    @seed(number)
    @settings(
        max_examples=times, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=st.one_of(modes))
    def ask(case: Any) -> None:
        asked = f"{operation.label} {case.query} {str(case.body)[:200]}"
        try:
            answer = case.call(base_url=target.url, timeout=60)
        except requests.ConnectionError as error:
            target.wrong.append(f"{asked}: {error}")
            return
        content_type = {"Content-Type": ", ".join(answer.headers.get("content-type", []))}
        target.judge(asked, answer.status_code, content_type, answer.content)
        if answer.status_code in REFUSED_UNREAD:
            return
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            target.wrong += [f"{asked}: {failure}" for failure in group.exceptions]

    ask()


def ask_with_broken_bodies(target: Target, *, times: int, rng: random.Random) -> None:
    for place in range(times):
        if place % 2:
            target.post(arrow_body(rng), media_type=ARROW_TYPE)
        else:
            target.post(json_body(rng), media_type=JSON_TYPE)


def test_fuzzed_requests_are_answered_without_a_fault_of_the_server(
    target: Target, pytestconfig: pytest.Config
) -> None:
    n, first = pytestconfig.getoption("--fuzz-requests"), pytestconfig.getoption("--fuzz-seed")
    rounds = ROUNDS if n >= FEWEST_OF_A_LONG_RUN else 1
    described = schemathesis.openapi.from_url(f"{target.url}/openapi.json")
    operations = [found.ok() for found in described.get_all_operations()]
    operations = [one for one in operations if one.path not in FRAMEWORK]
    worker = target.worker

    for number in range(first, first + rounds):
        rng = random.Random(number)
        for operation in operations:
            times = int(SHARE_OF_DOCUMENT * n / rounds / len(operations))
            ask_by_the_document(target, operation, times=times, number=number)
        due = n * (number - first + 1) // rounds
        ask_with_broken_bodies(target, times=due - target.n, rng=rng)
        target.measure()

    if target.wrong:
        pytest.fail("\n".join(target.wrong[:20]))
    assert target.n >= n
    assert target.worker == worker, "the worker died"
    assert min(target.statuses[status] for status in (200, 400, 422)) > 0
    if rounds == ROUNDS:
        # The first half fills caches and pools: 20,000 requests level off as 10,000 do.
        third, last = target.memory_kb[4:6], target.memory_kb[6:8]
        assert sum(last) < GROWTH * sum(third), f"memory by round, kB: {target.memory_kb}"
        assert max(target.handles[6:8]) <= max(target.handles[4:6]), target.handles
