"""Shipping: rows made into numbered posts, so that the API can tell when one never came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from data_sender.delivery.delivery import Delivery
from data_sender.delivery.row_items import RowItems
from data_sender.delivery.spool import Post
from data_sender.rows import Rows
from data_sender.tally import Tally


class Count(Protocol):
    """The batches and the rows that a sender has handed over."""

    sequence: int
    sent: int


class Shipping:
    """The way of rows to a delivery: what cannot be sent at all is written down instead."""

    def __init__(
        self, delivery: Delivery, deliver: Callable[[Post], bool], *,
        sender: str, count: Count, tally: Tally,
    ) -> None:  # fmt: skip
        self._delivery = delivery
        self._deliver = deliver
        self._sender = sender
        self._count = count
        self._tally = tally

    def ship(self, rows: Rows) -> bool:
        """Hand rows over as one post; tell False when the wish to stop came before."""
        sound = self._sound(rows)
        if not len(sound):
            return True
        sequence, sent = self._count.sequence + 1, self._count.sent + len(sound)
        sender = {"id": self._sender, "sequence": sequence, "sent": sent}
        if not self._deliver(Post("observations", RowItems(sound), {"sender": sender})):
            return False
        self._count.sequence, self._count.sent = sequence, sent
        return True

    def _sound(self, rows: Rows) -> Rows:
        faults = rows.faults()
        for index, reason in faults.items():
            row = rows.take(slice(index, index + 1)).observations()[0]
            self._delivery.reject(row, [reason])
        self._tally.counts["unreadable"] += len(faults)
        if not faults:
            return rows
        return rows.take(np.setdiff1d(np.arange(len(rows)), np.fromiter(faults, np.int64)))
