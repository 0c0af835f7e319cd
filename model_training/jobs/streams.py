"""Streams: the log and the events of an attempt, files that the API gets piece by piece.

What has arrived is counted in bytes, so that nothing is lost or doubled when an answer is.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

from model_training.jobs.api import RunApi

LOG, EVENTS, END = "log.txt", "events.jsonl", "end.json"
HANDED_BACK = "handed_back"
PIECES_AT_ONCE = 50
_PIECE_BYTES = 64_000


def _same_length(error: UnicodeError) -> tuple[str, int]:
    """Put one ? for each byte that is no UTF-8: offsets count bytes."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "?" * (error.end - error.start), error.end


codecs.register_error("question-mark-for-each-byte", _same_length)


class Stream:
    """A file that grows, and how much of it the API has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sent = 0

    @property
    def has_more(self) -> bool:
        """Tell whether the file has more than the API."""
        return self._path.exists() and self._path.stat().st_size > self.sent

    def piece(self, *, most: int = _PIECE_BYTES) -> dict[str, Any]:
        """Return the next piece of at most so many bytes, 4 or more, as text.

        It ends between two characters. A byte that is no UTF-8 becomes a question mark.
        """
        if not self.has_more:
            return {"from_byte": self.sent, "text": ""}
        with self._path.open("rb") as file:
            file.seek(self.sent)
            data = _whole_characters(file.read(most))
        text = data.decode("utf-8", errors="question-mark-for-each-byte")
        return {"from_byte": self.sent, "text": text}


class Streams:
    """The log and the events of an attempt."""

    def __init__(self, api: RunApi, folder: Path) -> None:
        self._api = api
        self._log, self._events = Stream(folder / LOG), Stream(folder / "journal" / EVENTS)

    @property
    def has_more(self) -> bool:
        """Tell whether something has not arrived."""
        return self._log.has_more or self._events.has_more

    def send(self, state: dict[str, Any]) -> tuple[str, bool]:
        """Send the next pieces; return the events sent, and whether the job is to stop."""
        log, events = self._log.piece(), self._events.piece()
        answer = self._api.report(state | {"log": log, "events": events})
        self._log.sent, self._events.sent = answer["log_bytes"], answer["event_bytes"]
        return events["text"], answer["stop"]

    def send_rest(self) -> None:
        """Send what has not arrived of a job that writes no more."""
        self.send({})
        for _ in range(PIECES_AT_ONCE):
            if not self.has_more:
                return
            self.send({})


def _whole_characters(data: bytes) -> bytes:
    """Leave out the first bytes of a last character that is not all here."""
    for behind in range(1, min(4, len(data) + 1)):
        byte = data[-behind]
        if byte & 0b1100_0000 == 0b1100_0000:
            length = 2 + (byte >= 0b1110_0000) + (byte >= 0b1111_0000)
            return data[:-behind] if behind < length and len(data) > behind else data
        if byte < 0b1000_0000:
            break
    return data
