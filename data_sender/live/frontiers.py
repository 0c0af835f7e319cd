"""The frontiers: up to which record each series of a live source has been seen, kept on disk."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import orjson

from data_sender.position import replace_file
from solar.errors import InvalidInputError
from solar.time import isoformat, parse_time

logger = logging.getLogger(__name__)


class Frontiers:
    """The newest record of each series that is delivered or spooled."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _load(path)

    def of(self, series: str) -> datetime | None:
        """Return the time of the newest record, None before the first."""
        return self._seen.get(series)

    def advance(self, series: str, at: datetime) -> None:
        """Keep the time of a record if it is the newest; call it for what is handed over."""
        before = self._seen.get(series)
        if before is None or at > before:
            self._seen[series] = at
            labels = {name: isoformat(seen) for name, seen in self._seen.items()}
            replace_file(self._path, orjson.dumps(labels, option=orjson.OPT_INDENT_2))

    def forget(self) -> None:
        """Start every series over."""
        self._seen = {}
        self._path.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, datetime]:
    if not path.exists():
        return {}
    try:
        labels = orjson.loads(path.read_bytes())
        return {str(name): parse_time(label) for name, label in labels.items()}
    except (orjson.JSONDecodeError, AttributeError, TypeError, InvalidInputError) as error:
        # Sending twice is harmless, since the API knows its rows; not sending is not.
        logger.warning("%s cannot be read (%s): starting over", path, error)
        return {}
