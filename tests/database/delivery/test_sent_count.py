"""However requests are cut, ordered and repeated, sent = the sum of the outcomes + lost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from database.delivery.row_outcomes import ACCEPTED, DUPLICATE, REJECTED, RowOutcomes
from database.delivery.sent_count import (
    MOST_STRETCHES,
    SentCount,
    advance_count,
    read_stretches,
    write_stretches,
)


class Account:
    """A sender's count, and the rows with any outcome, as the store keeps both."""

    def __init__(self, rejected: Sequence[int] = ()) -> None:
        self.count = SentCount(None, 0)
        self.counted = 0
        self._rejected = set(rejected)
        self._stored: set[int] = set()

    def take(self, first: int, last: int) -> None:
        """Receive the rows of these numbers: each is rejected, new to the store, or known."""
        numbers = range(first, last + 1)
        outcomes = [
            REJECTED if k in self._rejected else DUPLICATE if k in self._stored else ACCEPTED
            for k in numbers
        ]
        n = len(numbers)
        request = RowOutcomes(
            np.array(outcomes, np.int8), np.zeros(n, bool), np.zeros(n), predictions=0, seconds=0.0
        )
        self.count, repeated = advance_count(self.count, last, n=n, received=self.counted)
        counted = request.counts(repeated=repeated)
        self.counted += counted.accepted + counted.duplicates + counted.rejected
        self._stored.update(numbers)

    @property
    def lost(self) -> int:
        """The rows that were sent and are not counted."""
        assert self.count.total is not None
        return self.count.total - self.counted

    @property
    def missing(self) -> list[int]:
        """The numbers of the rows that have not arrived."""
        return [k for low, high in self.count.missing for k in range(low, high + 1)]


@st.composite
def disordered_posts(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[int]]:
    """Cut rows into posts; return them, and the order in which they come, some more than once."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=2 * MOST_STRETCHES))
    ends = np.cumsum([0, *sizes]).tolist()
    posts = [(low + 1, high) for low, high in pairwise(ends)]
    order = draw(st.permutations(range(len(posts))))
    for place in draw(st.lists(st.integers(0, len(posts) - 1), max_size=9)):
        # A first post that comes again after a later one is a count that begins anew.
        order.insert(draw(st.integers(0, len(order))), place or order[0])
    return posts, [p for k, p in enumerate(order) if p or 0 not in order[:k]]


@given(disordered_posts(), st.lists(st.integers(1, 400), max_size=20))
def test_in_whatever_order_posts_come_nothing_is_missing_once_all_are_there(
    posts_in_order: tuple[list[tuple[int, int]], list[int]], rejected: list[int]
) -> None:
    posts, order = posts_in_order
    account = Account(rejected)

    for place in order:
        account.take(*posts[place])

    assert account.count == SentCount(posts[-1][1], 0)
    assert account.counted == posts[-1][1]


@given(disordered_posts(), st.sets(st.integers(0, 2 * MOST_STRETCHES)))
def test_posts_that_never_came_are_exactly_what_is_lost(
    posts_in_order: tuple[list[tuple[int, int]], list[int]], never: set[int]
) -> None:
    posts, order = posts_in_order
    came = [place for place in order if place not in never]
    account = Account()

    for place in came:
        account.take(*posts[place])

    if came:
        absent = [posts[place] for place in range(max(came)) if place not in came]
        assert account.missing == [k for low, high in absent for k in range(low, high + 1)]
        assert account.lost == len(account.missing)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3), st.booleans()), max_size=25))
def test_whatever_is_repeated_and_however_it_is_cut_nothing_seems_lost(
    steps: list[tuple[int, int, bool]],
) -> None:
    # A sender hands `size` rows over; up to `times` answers are lost and the batch is read
    # again, from the same row on but cut elsewhere, as a replay in event time does.
    account, position = Account(), 0
    for size, times, is_longer in steps:
        sizes = [*(max(1, size - k if not is_longer else size + k) for k in range(times)), size]
        for n in sizes:
            account.take(position + 1, position + n)
        position += sizes[-1]

    # The last batch may end before a longer one that was cut short again.
    assert not steps or account.lost == 0


def test_of_too_many_stretches_the_oldest_are_given_up_and_their_rows_count_if_new() -> None:
    account, posts = Account(), 3 * MOST_STRETCHES
    for number in range(1, posts, 2):
        account.take(number, number)
    assert len(account.count.missing) == MOST_STRETCHES
    assert account.lost == posts // 2 - 1

    for number in range(2, posts, 2):
        account.take(number, number)

    assert (account.lost, account.missing) == (0, [])


def test_stretches_are_kept_as_text_that_fits_its_column() -> None:
    largest = 2**63 - 1
    widest = tuple((largest - 1, largest) for _ in range(MOST_STRETCHES))

    assert write_stretches(((101, 200), (301, 301))) == "101-200,301-301"
    assert read_stretches("101-200,301-301") == ((101, 200), (301, 301))
    assert (write_stretches(()), read_stretches(None)) == (None, ())
    assert len(write_stretches(widest) or "") <= 1024
