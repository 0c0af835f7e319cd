"""The watch of the store: it asks for the facts of the status, and never waits long for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock, Thread

import sqlalchemy as sa

from database.clock.clock import replay_time
from database.engine import reading
from database.known import known_at
from database.status.facts import read_facts
from solar.errors import FlarewatchError
from solar.status.facts import Facts, Look

PATIENCE_SECONDS = 2.0
# All who ask within so long get one answer.
FRESH_SECONDS = 1.0
# A host that has gone without a word is asked again after this.
_GIVE_UP_SECONDS = 30.0
_NO_ANSWER = "no answer"


class _Question:
    """One reading of the facts, on a thread of its own, which a store that hangs may keep."""

    def __init__(self, engine: sa.Engine, now: datetime) -> None:
        self.asked_at = now
        self.began = time.monotonic()
        self.facts: Facts | None = None
        self.reason = _NO_ANSWER
        self.seconds: float | None = None
        self._engine = engine
        self._thread = Thread(target=self._ask, name="status", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    def wait(self, seconds: float) -> None:
        self._thread.join(max(0.0, seconds))

    def _ask(self) -> None:
        try:
            with reading(self._engine, seconds=PATIENCE_SECONDS) as connection:
                event_at = replay_time(connection)
            known = known_at(self._engine, event_at)
            with reading(known, seconds=PATIENCE_SECONDS) as connection:
                facts = read_facts(connection, now=self.asked_at)
        except FlarewatchError as error:
            self.reason = str(error).partition(";")[0]
        except sa.exc.SQLAlchemyError:
            # Such as a pool whose connections all wait.
            self.reason = _NO_ANSWER
        else:
            self.seconds, self.facts = self.age, facts


class StoreWatch:
    """Looks at the store for whoever asks for the status, and remembers what it said last."""

    def __init__(self, engine: sa.Engine, wall: Callable[[], datetime]) -> None:
        self._engine = engine
        self._wall = wall
        self._lock = Lock()
        self._question: _Question | None = None
        self._facts: Facts | None = None
        self._away_since: datetime | None = None

    def look(self, *, patience_seconds: float = PATIENCE_SECONDS) -> Look:
        """Return the facts of at most a second ago, or that the store does not answer in time."""
        with self._lock:
            question = self._question
            if question is None or self._is_due(question):
                question = self._question = _Question(self._engine, self._wall())
        question.wait(patience_seconds - question.age)
        with self._lock:
            return self._seen(question)

    def _is_due(self, question: _Question) -> bool:
        return question.age > (FRESH_SECONDS if question.is_over else _GIVE_UP_SECONDS)

    def _seen(self, question: _Question) -> Look:
        if question.facts is not None:
            self._facts, self._away_since = question.facts, None
        elif self._away_since is None:
            self._away_since = question.asked_at
        return Look(
            self._wall(),
            self._facts,
            self._away_since,
            "" if question.facts is not None else question.reason,
            question.seconds,
        )
