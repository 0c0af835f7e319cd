"""Dead letters: messages that cannot be used, kept whole with the reason."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import orjson

from app.contract.problems import Fault, printable
from app.contract.schemas import UNNAMED_SENDER
from app.stream.message import Message, Outgoing
from solar.stream import SCHEMA
from solar.time import isoformat

_ROW = re.compile(r"^observations\[\d+\]")


@dataclass(frozen=True)
class DeadLetter:
    """A message that was not taken in, and all that is wrong with it."""

    message: Message
    reason: str
    faults: tuple[Fault, ...]
    sender_id: str = UNNAMED_SENDER.id

    def outgoing(self, topic: str, *, now: datetime) -> Outgoing:
        """Write the letter for the topic of the dead, keyed as the message was."""
        value, text = self.message.value, _text(self.message.value)
        content = {
            "schema": SCHEMA,
            "reason": self.reason,
            "errors": [
                {name: printable(said) for name, said in asdict(fault).items()}
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
    """Name the places of a row's faults as they stand in its message."""
    return tuple(replace(fault, path=_ROW.sub("observation", fault.path)) for fault in faults)


def _text(value: bytes | None) -> str | None:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return None
