"""The consumption: messages stored, their forecasts published, their offsets committed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from app.stream.broker import BrokerAwayError
from app.stream.dead_letters import DeadLetter
from app.stream.envelope import Letter, open_message
from app.stream.intake import Intake, by_sender
from app.stream.lag import LagReport
from app.stream.message import Message, Outgoing
from app.stream.publication import Publication
from app.stream.stop import Stop, StoppedError
from app.stream.subscription import Subscription
from solar.errors import StoreUnavailableError

_log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0
Result = TypeVar("Result")


class Consumption:
    """One consumer, in one thread; a group of several is several processes.

    The order makes that nothing is lost: first the commit of the store, then the forecasts and
    the dead letters at the broker, then the offsets. Whoever dies in between leaves messages
    that come again, and the store knows them.
    """

    def __init__(
        self, intake: Intake, subscription: Subscription, publication: Publication,
        lag: LagReport, stop: Stop, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._intake = intake
        self._subscription = subscription
        self._publication = publication
        self._lag = lag
        self._stop = stop
        self._clock = clock

    def run(self) -> None:
        """Consume until the wish to stop; the batch at hand is finished first."""
        try:
            self._patiently(self._subscription.check)
            while not self._stop.is_wished:
                messages = self._subscription.read()
                if messages:
                    self._process(messages)
                self._lag.tell(self._subscription, rows=len(messages), now=self._clock())
            self._lag.tell_last(self._subscription, now=self._clock())
        except StoppedError:
            _log.info("stopped while waiting; what was not committed comes again")
        finally:
            self._publication.close()
            self._subscription.close()

    def _process(self, messages: Sequence[Message]) -> None:
        opened = [open_message(message) for message in messages]
        dead = [one for one in opened if isinstance(one, DeadLetter)]
        outgoing = self._patiently(lambda: self._intake.bury(dead, now=self._clock()))
        for letters in by_sender(one for one in opened if isinstance(one, Letter)):
            outgoing += self._taken_in(letters)
        self._publication.publish(outgoing, meanwhile=self._wait_for_broker)
        self._subscription.commit(messages)

    def _taken_in(self, letters: Sequence[Letter]) -> list[Outgoing]:
        return self._patiently(lambda: self._intake.take_in(letters, now=self._clock()))

    def _patiently(self, work: Callable[[], Result]) -> Result:
        """Do something as often as it takes until store and broker are there for it."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                return work()
            except (StoreUnavailableError, BrokerAwayError) as error:
                _log.warning("%s; next try in %.2f s", error, wait)
                self._hold(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _wait_for_broker(self) -> None:
        self._hold(_FIRST_WAIT_SECONDS)

    def _hold(self, seconds: float) -> None:
        """Wait as a living member of the group; the wish to stop ends it."""
        left = seconds
        while left > 0 and not self._stop.is_wished:
            turn = min(left, _FIRST_WAIT_SECONDS)
            self._subscription.hold(turn)
            left -= turn
        if self._stop.is_wished:
            raise StoppedError
