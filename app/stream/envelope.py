"""The envelope: who sent an observation, around the observation itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import ConfigDict, Field, ValidationError

from app.contract.faults import described, faults_of
from app.contract.problems import Fault
from app.contract.schemas import UNNAMED_SENDER, Envelope, Sender
from app.ingest.bodies import field_names
from app.stream.dead_letters import DeadLetter
from app.stream.message import Message
from solar.stream import SCHEMA


class ObservationEnvelope(Envelope):
    """A message of the observations' topic; what stands in the observation is judged later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal[1] = Field(alias="schema")
    observation: dict[str, Any]


@dataclass(frozen=True)
class Letter:
    """A message whose envelope can be read."""

    message: Message
    sender: Sender
    observation: dict[str, Any]


def open_message(message: Message) -> Letter | DeadLetter:
    """Read a message, or say why it cannot be read."""
    try:
        content = orjson.loads(message.value or b"")
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        said = f"{error.msg} at {where}" if message.value else "the message is empty"
        return DeadLetter(message, "broken JSON", (Fault("", said),))
    if not isinstance(content, dict):
        fault = Fault("", f"the message is {described(content)}; expected an object")
        return DeadLetter(message, "unusable envelope", (fault,))
    if content.get("schema") != SCHEMA:
        said = f"is {content.get('schema')!r:.40}; this version reads {SCHEMA}"
        return DeadLetter(message, "unknown schema version", (Fault("schema", said),))
    return _read(message, content)


def _read(message: Message, content: dict[str, Any]) -> Letter | DeadLetter:
    try:
        envelope = ObservationEnvelope.model_validate(content)
    except ValidationError as error:
        faults = faults_of(error, fields=field_names(ObservationEnvelope))
        sender_id = _sender_id(content)
        return DeadLetter(message, "unusable envelope", tuple(faults), sender_id=sender_id)
    return Letter(message, envelope.sender, envelope.observation)


def _sender_id(content: dict[str, Any]) -> str:
    try:
        return Sender.model_validate(content.get("sender")).id
    except ValidationError:
        return UNNAMED_SENDER.id
