"""Records: the list of objects that every feed of SWPC is, checked before anything is read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from data_sender.live.feed import FeedShapeError
from solar.errors import InvalidInputError

logger = logging.getLogger(__name__)

Record = dict[str, Any]
Read = TypeVar("Read")


def records(content: Any, name: str, *, needed: tuple[str, ...]) -> list[Record]:
    """Return the records of a feed; an empty list is an outage, not an error.

    Raises
    ------
    FeedShapeError
        When it is not a list of objects, or none of them has one of the `needed` fields.
    """
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise FeedShapeError(f"{name} is no list of objects: {repr(content)[:120]}")
    if content:
        lacking = [field for field in needed if not any(field in one for one in content)]
        if lacking:
            known = ", ".join(sorted(content[0]))[:200]
            raise FeedShapeError(f"{name} lacks {', '.join(lacking)}; its records have {known}")
    return content


def read_each(
    found: list[Record], reader: Callable[[Record], Read | None], name: str
) -> list[Read]:
    """Read the records one by one; one that cannot be read is told in the log and left out.

    Raises
    ------
    FeedShapeError
        When not a single one can be read.
    """
    good: list[Read] = []
    failed: list[str] = []
    for record in found:
        try:
            read = reader(record)
        except (InvalidInputError, KeyError, TypeError, ValueError) as error:
            failed.append(f"{type(error).__name__}: {error}")
        else:
            if read is not None:
                good.append(read)
    if failed and len(failed) == len(found):
        raise FeedShapeError(f"no record of {name} can be read: {failed[0]}")
    if failed:
        logger.warning("%d records of %s cannot be read: %s", len(failed), name, failed[0])
    return good
