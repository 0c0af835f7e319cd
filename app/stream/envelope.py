"""The envelope of a message, with its sender and observation; or a dead letter with its faults."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import ConfigDict, Field, ValidationError

from app.contract.problems import Fault, described, faults_of, field_names, printable
from app.contract.schemas import UNNAMED_SENDER, ObservationsEnvelope, Sender
from app.stream.broker import Message, Outgoing
from solar.stream import SCHEMA
from solar.time import isoformat

_ROW = re.compile(r"^observations\[\d+\]")


class MessageSchema(ObservationsEnvelope):
    """A message of the observations' topic; the observation itself is checked later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal[1] = Field(alias="schema")
    observation: dict[str, Any]


@dataclass(frozen=True)
class Envelope:
    """A message whose sender and observation can be read."""

    message: Message
    sender: Sender
    observation: dict[str, Any]


@dataclass(frozen=True)
class DeadLetter:
    """A message that cannot be used, and all that is wrong with it."""

    message: Message
    reason: str
    faults: tuple[Fault, ...]
    sender_id: str = UNNAMED_SENDER.id

    def outgoing(self, topic: str, *, now: datetime) -> Outgoing:
        """Return the dead letter for its topic: the whole message and the reason, same key."""
        value, text = self.message.value, _text(self.message.value)
        content = {
            "schema": SCHEMA,
            "reason": self.reason,
            "errors": [
                {name: printable(part) for name, part in asdict(fault).items()}
                for fault in self.faults
            ],
            "topic": self.message.topic,
            "partition": self.message.partition,
            "offset": self.message.offset,
            "at": isoformat(now),
            "encoding": "text" if text is not None else "base64",
            "message": text if text is not None else base64.b64encode(value or b"").decode(),
        }
        headers = (("reason", self.reason.encode()), ("from", self.message.place.encode()))
        return Outgoing(topic, self.message.key, orjson.dumps(content), headers)


def faults_of_row(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return the faults of a row with their paths in its message."""
    return tuple(replace(fault, path=_ROW.sub("observation", fault.path)) for fault in faults)


def _text(value: bytes | None) -> str | None:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return None


def open_message(message: Message) -> Envelope | DeadLetter:
    """Read a message; one that cannot be read becomes a dead letter."""
    try:
        content = orjson.loads(message.value or b"")
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        reason = f"{error.msg} at {where}" if message.value else "the message is empty"
        return DeadLetter(message, "broken JSON", (Fault("", reason),))
    if not isinstance(content, dict):
        fault = Fault("", f"the message is {described(content)}; expected an object")
        return DeadLetter(message, "unusable envelope", (fault,))
    if content.get("schema") != SCHEMA:
        reason = f"is {content.get('schema')!r:.40}; this version reads {SCHEMA}"
        return DeadLetter(message, "unknown schema version", (Fault("schema", reason),))
    return _read(message, content)


def _read(message: Message, content: dict[str, Any]) -> Envelope | DeadLetter:
    try:
        checked = MessageSchema.model_validate(content)
    except ValidationError as error:
        faults = faults_of(error, fields=field_names(MessageSchema))
        sender_id = _sender_id(content)
        return DeadLetter(message, "unusable envelope", tuple(faults), sender_id=sender_id)
    return Envelope(message, checked.sender, checked.observation)


def _sender_id(content: dict[str, Any]) -> str:
    try:
        return Sender.model_validate(content.get("sender")).id
    except ValidationError:
        return UNNAMED_SENDER.id
