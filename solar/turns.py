"""Turns: how many requests a process works on at a time, of all that it holds.

More at a time would only take the one interpreter from each other. A request that waits for
something else gives its turn back, so that hundreds can wait together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """So many turns; who waits for one gets it in order, those first who go on after a rest.

    Parameters
    ----------
    most : so many requests have begun and not ended at a time, those that rest included, as each
        of them keeps a thread; by default no more than there are turns
    """

    def __init__(self, number: int, *, most: int | None = None) -> None:
        self._free = number
        self._places = number if most is None else most
        self._lock = threading.Lock()
        self._new: deque[Callable[[], object]] = deque()
        self._rested: deque[Callable[[], object]] = deque()

    def give(self, begin: Callable[[], object]) -> None:
        """Have a request begin once there is a turn for it: now, or when another ends."""
        with self._lock:
            if not (self._free and self._places):
                self._new.append(begin)
                return
            self._free -= 1
            self._places -= 1
        begin()

    def end(self) -> None:
        """End a request that has a turn, and let the next one have it."""
        with self._lock:
            self._places += 1
        self.give_back()

    def give_back(self) -> None:
        """Give back the turn of a request that rests, and let the next one have it."""
        with self._lock:
            if self._rested:
                wake = self._rested.popleft()
            elif self._new and self._places:
                wake = self._new.popleft()
                self._places -= 1
            else:
                self._free += 1
                return
        wake()

    def give_again(self, wake: Callable[[], object]) -> None:
        """Have a request go on after its rest once there is a turn for it."""
        with self._lock:
            if not self._free:
                self._rested.append(wake)
                return
            self._free -= 1
        wake()

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Give a turn back for the time of the block, and wait for another one at its end."""
        self.give_back()
        try:
            yield
        finally:
            has_turn = threading.Lock()
            has_turn.acquire()
            self.give_again(has_turn.release)
            has_turn.acquire()


class Rest:
    """The rest of a request that waits for others: without a turn, until it is woken with one."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._awake = threading.Lock()
        self._awake.acquire()

    def begin(self) -> None:
        """Rest until another thread ends it; the turn is given back meanwhile."""
        self._turns.give_back()
        self._awake.acquire()

    def end(self) -> None:
        """Wake the request once there is a turn for it; it need not rest yet."""
        self._turns.give_again(self._awake.release)
