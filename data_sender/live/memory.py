"""The memory of a live sender: what it has told of each feed, kept through every kind of end."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from data_sender.position import replace_file
from solar.errors import InvalidInputError
from solar.time import isoformat, parse_time

logger = logging.getLogger(__name__)


class Memory:
    """What was told by topic, the flares known, and how far flux and flare coverage reach.

    A memory that is lost costs nothing but posts that the API knows already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        state = _load(path)
        self._told: dict[str, dict[str, str]] = state.get("told", {})
        self.flares: dict[str, dict[str, Any]] = state.get("flares", {})
        self.flux_through = _time(state.get("flux_through"))
        self.covered_to = _time(state.get("covered_to"))

    def told(self, topic: str) -> dict[str, str]:
        """Return the digest of each note of a topic as it was told last."""
        return self._told.get(topic, {})

    def remember(self, topic: str, digests: dict[str, str]) -> None:
        """Take what the API has of a topic for what was told of it."""
        self._told[topic] = digests

    def keep(self, flares: dict[str, dict[str, Any]]) -> None:
        """Write the memory down; call it only when all of it is delivered or spooled."""
        self.flares = flares
        state = {
            "told": self._told,
            "flares": flares,
            "flux_through": _label(self.flux_through),
            "covered_to": _label(self.covered_to),
        }
        replace_file(self._path, orjson.dumps(state, option=orjson.OPT_UTC_Z))

    def forget(self) -> None:
        """Begin without any memory."""
        self._path.unlink(missing_ok=True)
        self._told, self.flares = {}, {}
        self.flux_through = self.covered_to = None


def _load(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        state = orjson.loads(path.read_bytes())
        _time(state.get("flux_through"))
        _time(state.get("covered_to"))
    except (orjson.JSONDecodeError, AttributeError, TypeError, InvalidInputError) as error:
        logger.warning("%s cannot be read (%s): starting over", path, error)
        return {}
    return dict(state)


def _time(label: str | None) -> datetime | None:
    return None if label is None else parse_time(label)


def _label(at: datetime | None) -> str | None:
    return None if at is None else isoformat(at)
