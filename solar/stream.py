"""The Kafka stream: the version of its messages, its topics, and the key of a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

# The version of the envelope that is written, and the only one that is read.
SCHEMA = 1
OBSERVATIONS_TOPIC = "sharp.observations"
DEAD_TOPIC = "sharp.dead"
PREDICTIONS_TOPIC = "flare.predictions"
# Properties of consumers only; a producer would warn about them.
_CONSUMER_ONLY = ("session.", "heartbeat.", "max.poll.", "group.", "auto.", "fetch.", "partition.")
Value = TypeVar("Value")


def of_producers(options: Mapping[str, Value]) -> dict[str, Value]:
    """Return the connection properties that a producer may have too."""
    return {name: value for name, value in options.items() if not name.startswith(_CONSUMER_ONLY)}


def region_key(harpnum: int | None, noaa_ars: Sequence[int]) -> str:
    """Name a region as its source does: ``harp:3721``, or ``noaa:11990`` where it has no HARP.

    All messages of one key lie in one partition, in the order in which they were written.
    """
    return f"harp:{harpnum}" if harpnum else f"noaa:{noaa_ars[0]}" if noaa_ars else ""
