from __future__ import annotations

from model_training.artefact.remote import CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        assert breaker.may_try()
        breaker.failed()


def test_two_failures_in_a_row_are_borne_and_the_third_opens() -> None:
    breaker = CircuitBreaker(clock=Clock())

    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker, 1)

    assert breaker.state == "open"
    assert not breaker.may_try()


def test_a_success_in_between_begins_the_count_anew() -> None:
    breaker = CircuitBreaker(clock=Clock())

    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)

    assert breaker.state == "closed"


def test_after_the_rest_one_may_try_and_the_others_wait() -> None:
    clock = Clock()
    breaker = CircuitBreaker(first_rest_seconds=30, clock=clock)
    fail(breaker, 3)

    clock.now = 30.0

    assert breaker.state == "half open"
    assert [breaker.may_try() for _ in range(3)] == [True, False, False]


def test_each_try_that_fails_doubles_the_rest_up_to_five_minutes() -> None:
    clock = Clock()
    breaker = CircuitBreaker(first_rest_seconds=30, clock=clock)
    fail(breaker, 3)
    rests = []
    for _ in range(6):
        began = clock.now
        while not breaker.may_try():
            clock.now += 1.0
        rests.append(clock.now - began)
        breaker.failed()

    assert rests == [30, 60, 120, 240, 300, 300]


def test_a_try_that_succeeds_closes_and_forgets_the_long_rest() -> None:
    clock = Clock()
    breaker = CircuitBreaker(first_rest_seconds=30, clock=clock)
    fail(breaker, 3)
    clock.now = 30.0
    fail(breaker, 1)
    clock.now = 90.0
    assert breaker.may_try()

    breaker.succeeded()

    assert breaker.state == "closed"
    fail(breaker, 3)
    clock.now += 30.0
    assert breaker.may_try()
