"""A lease: which shards the API lets this replica send for a while, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_sender.delivery.client import ApiClient, ApiRefusedError
from solar.time import isoformat, parse_time, to_datetime, to_datetime64

PATH = "/api/v1/leases"
NEVER = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Progress:
    """How far a shard is delivered: so many rows, and all of them up to `through`."""

    delivered: int
    through: np.datetime64
    is_finished: bool = False


@dataclass(frozen=True)
class Lease:
    """What this replica may send, what all replicas share, and the API's count of this one.

    Event time was `event_at` so many seconds ago.
    """

    generation: int
    granted: Mapping[int, Progress]
    lasts_seconds: float
    starts_at: np.datetime64
    event_at: np.datetime64
    elapsed_seconds: float
    members: int
    unfinished: int
    sent: int
    sequence: int


class LeaseOffice:
    """Where a replica asks: the API, for one source of so many shards."""

    def __init__(
        self, api: ApiClient, *, source: str, sender: str, shards: int, starts_at: np.datetime64
    ) -> None:
        self._api = api
        self._named = {
            "source": source, "sender": sender, "shards": shards, "starts_at": _label(starts_at),
        }  # fmt: skip

    def ask(
        self, generation: int | None, held: Mapping[int, Progress], *, stays: bool, restarts: bool
    ) -> Lease:
        """Say what is held and how far it has come; ApiAwayError when nobody answers."""
        told = {str(number): _told(progress) for number, progress in held.items()}
        word: dict[str, Any] = {**self._named, "held": told, "wants": stays, "restart": restarts}
        if generation is not None:
            word["generation"] = generation
        answer = self._api.ask(PATH, word)
        if answer.status != 200:
            raise ApiRefusedError(f"{PATH} answered {answer.status}: {answer.body.get('detail')}")
        return _lease(answer.body)


def _lease(body: Mapping[str, Any]) -> Lease:
    granted = {
        shard["shard"]: Progress(shard["delivered"], _time(shard["through"]))
        for shard in body["granted"]
    }
    names = ("generation", "elapsed_seconds", "members", "unfinished", "sent", "sequence")
    return Lease(
        granted=granted, lasts_seconds=body["expires_in_seconds"],
        starts_at=_time(body["starts_at"]), event_at=_time(body["event_at"]),
        **{name: body[name] for name in names},
    )  # fmt: skip


def _told(progress: Progress) -> dict[str, Any]:
    return {
        "delivered": progress.delivered,
        "through": None if np.isnat(progress.through) else _label(progress.through),
        "finished": progress.is_finished,
    }


def _label(at: np.datetime64) -> str:
    return isoformat(to_datetime(at))


def _time(label: str | None) -> np.datetime64:
    return NEVER if label is None else to_datetime64(parse_time(label))
