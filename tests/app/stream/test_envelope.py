from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract.problems import Fault
from app.stream.broker import Message
from app.stream.envelope import DeadLetter, Envelope, open_message
from solar.stream import OBSERVATIONS_TOPIC
from solar.time import parse_time

NOW = parse_time("2014-04-01T00:00:00Z")


def message(value: bytes | None) -> Message:
    return Message(OBSERVATIONS_TOPIC, 2, 17, b"harp:3721", value)


def envelope(**changes: Any) -> dict[str, Any]:
    return {"schema": 1, "sender": {"id": "s1", "sent": 5}, "observation": {"harpnum": 1}} | changes


def opened(content: Any) -> Envelope | DeadLetter:
    return open_message(message(orjson.dumps(content)))


def test_an_envelope_names_its_sender_and_leaves_the_observation_as_it_is() -> None:
    opened_message = opened(envelope())

    assert isinstance(opened_message, Envelope)
    assert (opened_message.sender.id, opened_message.sender.sent) == ("s1", 5)
    assert opened_message.observation == {"harpnum": 1}


@pytest.mark.parametrize(
    ("value", "reason", "path", "said"),
    [
        (b"{", "broken JSON", "", "line 1, column 2"),
        (None, "broken JSON", "", "empty"),
        (b"\xff\xfe", "broken JSON", "", "line 1"),
        (b"[1]", "unusable envelope", "", "a list; expected an object"),
        (b"{}", "unknown schema version", "schema", "this version reads 1"),
        (b'{"schema":2,"observation":{}}', "unknown schema version", "schema", "is 2;"),
        (b'{"schema":1}', "unusable envelope", "observation", "is missing"),
        (b'{"schema":1,"observation":[]}', "unusable envelope", "observation", "is a list"),
        (b'{"schema":1,"observation":{},"sendr":{}}', "unusable envelope", "sendr", "sender?"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_read_says_why(
    value: bytes | None, reason: str, path: str, said: str
) -> None:
    dead = open_message(message(value))

    assert isinstance(dead, DeadLetter)
    assert dead.reason == reason
    assert dead.faults[0].path == path
    assert said in dead.faults[0].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.binary(max_size=64))
def test_no_bytes_make_the_reader_fail(value: bytes) -> None:
    assert isinstance(open_message(message(value)), Envelope | DeadLetter)


@given(
    st.fixed_dictionaries(
        {},
        optional={"schema": st.just(1) | JSON, "sender": JSON, "observation": JSON, "more": JSON},
    )
)
def test_no_json_makes_the_reader_fail(content: dict[str, Any]) -> None:
    value = json.dumps(content).encode()
    found = open_message(message(value))

    assert isinstance(found, Envelope | DeadLetter)
    if isinstance(found, DeadLetter):
        assert found.faults
        assert orjson.loads(found.outgoing("sharp.dead", now=NOW).value)["message"]


def test_a_dead_letter_is_charged_to_the_sender_that_it_names() -> None:
    named = opened(envelope(observation=None))
    nobody = opened(envelope(observation=None, sender=7))

    assert isinstance(named, DeadLetter)
    assert isinstance(nobody, DeadLetter)
    assert (named.sender_id, nobody.sender_id) == ("s1", "unnamed")


def test_a_dead_letter_holds_the_message_its_place_and_the_reason() -> None:
    dead = DeadLetter(
        message(b'{"schema":9}'), "unknown schema version", (Fault("schema", "is 9"),)
    )

    written = dead.outgoing("sharp.dead", now=NOW)

    assert (written.topic, written.key) == ("sharp.dead", b"harp:3721")
    assert dict(written.headers)["reason"] == b"unknown schema version"
    assert orjson.loads(written.value) == {
        "schema": 1,
        "reason": "unknown schema version",
        "errors": [{"path": "schema", "message": "is 9"}],
        "topic": "sharp.observations",
        "partition": 2,
        "offset": 17,
        "at": "2014-04-01T00:00:00Z",
        "encoding": "text",
        "message": '{"schema":9}',
    }


def test_a_dead_letter_that_is_no_text_is_kept_in_base64() -> None:
    written = DeadLetter(message(b"\xff\x00"), "broken JSON", ()).outgoing("sharp.dead", now=NOW)

    content = orjson.loads(written.value)
    assert (content["encoding"], content["message"]) == ("base64", "/wA=")
