"""The check of the live sources before a demonstration: which answers, and what else happens."""

from __future__ import annotations

import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from data_sender.settings import SenderSettings
from data_sender.sources.live.feed import CONNECT_SECONDS, Feed, FeedError
from data_sender.sources.live.jsoc import SERIES
from solar.process import StopSignal
from solar.time import tai_label

TIMEOUT_SECONDS = 15.0
# Of so long there are near-real-time records whatever their delay.
_SPAN = timedelta(hours=3)
_SMALL_PRODUCT = "/solar_probabilities.json"


def unreachable_sources(
    settings: SenderSettings, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> dict[str, str]:
    """Return for JSOC and SWPC why they cannot be read; one that answers is absent."""
    now = datetime.now(UTC)
    (series,) = SERIES["nrt"]
    records = f"{series}[][{tai_label(now - _SPAN)}-{tai_label(now)}]"
    query = {"ds": records, "op": "rs_list", "key": "T_REC"}
    asked = {
        "JSOC": (settings.jsoc_url, "", query),
        "SWPC": (settings.swpc_url, _SMALL_PRODUCT, {}),
    }
    reasons = {
        name: _reason(url, path, query, timeout_seconds)
        for name, (url, path, query) in asked.items()
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _reason(url: str, path: str, query: dict[str, str], timeout_seconds: float) -> str | None:
    stop = StopSignal()
    with closing(stop), closing(Feed(url, stop, timeout_seconds=timeout_seconds)) as feed:
        try:
            feed.get(path, **query)
        except FeedError as error:
            return f"{_network(url)} ({error})"
    return None


def _network(url: str) -> str:
    """Say how far a connection comes; a proxy may lead where a direct one does not."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except socket.gaierror:
        return f"the name {host} is not known here, as without a network"
    except OSError as error:
        return f"{host} cannot be reached: {error.strerror or 'no answer in time'}"
    return f"{host} is reached, but gives nothing of use"
