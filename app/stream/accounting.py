"""The accounting of a stream: each row of a sender counts once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.contract.schemas import Sender
from app.ingest.batch import Rejection
from app.ingest.ingest import account_for
from app.stream.envelope import Letter
from database.delivery.row_outcomes import ACCEPTED, RowOutcomes
from database.delivery.stream import lock_counts, write_counts


class StreamAccounting:
    """Counts the letters of one sender in the commit that stores their rows.

    Partitions are read at different paces, so that the sender's count does not rise from batch
    to batch as it does over HTTP; within each partition it does. A row that is not beyond what
    its partition has brought counts only if it is new to the store.

    Afterwards `receipt` holds what became of each letter and `is_repeated` (n,) which of them
    had been received before.
    """

    def __init__(self, letters: Sequence[Letter]) -> None:
        self._letters = letters
        self.is_repeated: NDArray[np.bool_] = np.zeros(len(letters), np.bool_)
        self.receipt: RowOutcomes | None = None

    def __call__(
        self,
        connection: sa.Connection,
        given: RowOutcomes,
        rejected: Sequence[Rejection],
        sender: Sender,
        now: datetime,
    ) -> None:
        """Do the accounts of the batch that the letters make."""
        self.receipt = given
        self.is_repeated = self._repeated(connection, sender.id)
        counts = ~self.is_repeated | (given.outcomes == ACCEPTED)
        fresh = RowOutcomes(
            given.outcomes[counts], given.is_late[counts], given.latency[counts],
            predictions=given.predictions, seconds=given.seconds,
        )  # fmt: skip
        newly = [rejection for rejection in rejected if counts[rejection.index]]
        account_for(connection, fresh, newly, sender, now, in_order=False)

    def _repeated(self, connection: sa.Connection, sender_id: str) -> NDArray[np.bool_]:
        counting = [letter for letter in self._letters if letter.sender.sent is not None]
        repeated = np.zeros(len(self._letters), np.bool_)
        if not counting:
            return repeated
        topic = counting[0].message.topic
        partitions = {letter.message.partition for letter in counting}
        reached = lock_counts(connection, topic, sender_id, partitions)
        for place, letter in enumerate(self._letters):
            sent, partition = letter.sender.sent, letter.message.partition
            if sent is not None:
                repeated[place] = sent <= reached[partition]
                reached[partition] = max(sent, reached[partition])
        write_counts(connection, topic, sender_id, reached)
        return repeated
