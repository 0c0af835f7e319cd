"""The checks of the status: what works, what is late, what does not, and what we do not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solar.errors import InvalidInputError
from solar.status.facts import HEARTBEAT_LASTS, Facts, Heartbeat, Look, Source
from solar.time import duration, isoformat, parse_time

OK, LATE, BROKEN, UNKNOWN, NONE = STATES = ("ok", "late", "broken", "unknown", "none")
NOT_KNOWN = "we do not know"
AGAIN_SECONDS = 30
_NOT_CURRENT = "Forecasts on other pages are not current: no all clear can be read from them."
_WORDS_COUNT = "Words count, colours repeat them."


@dataclass(frozen=True)
class Check:
    """One line of the status: what is checked, its state in a word, and a detail such as its age.

    `at` is the newest time that it is about, in event time for what concerns the Sun.
    """

    name: str
    state: str
    word: str
    detail: str = ""
    at: datetime | None = None

    @property
    def is_wrong(self) -> bool:
        """Tell whether somebody has to look at it."""
        return self.state in (LATE, BROKEN)


@dataclass(frozen=True)
class Status:
    """All checks at a time on the wall, and what they come to.

    Parameters
    ----------
    state : ``ok``, ``late`` when something is late or stuck, ``broken`` when it does not work
    clock : ``wall`` or ``replay``, None when it is not known
    sun_now : what time it is for the Sun
    """

    state: str
    headline: str
    note: str
    checked_at: datetime
    clock: str | None
    sun_now: datetime | None
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {
            "state": self.state,
            "headline": self.headline,
            "note": self.note,
            "checked_at": isoformat(self.checked_at),
            "clock": self.clock,
            "sun_now": _text(self.sun_now),
            "checks": [vars(check) | {"at": _text(check.at)} for check in self.checks],
        }


def read_document(document: Any) -> Status:
    """Read what `Status.document` has written.

    Raises
    ------
    InvalidInputError
        When it is something else.
    """
    try:
        checks = tuple(_read_check(item) for item in document["checks"])
        values = {name: str(document[name]) for name in ("state", "headline", "note")}
        if values["state"] not in STATES:
            raise ValueError(values["state"])
        checked_at, clock = parse_time(document["checked_at"]), document["clock"]
        return Status(
            **values,
            checked_at=checked_at,
            clock=None if clock is None else str(clock),
            sun_now=_time(document["sun_now"]),
            checks=checks,
        )
    except (KeyError, TypeError, ValueError, InvalidInputError) as error:
        raise InvalidInputError("the answer is not the status of a Flarewatch API") from error


def _read_check(item: Mapping[str, Any]) -> Check:
    words = [str(item[name]) for name in ("name", "state", "word", "detail")]
    if words[1] not in STATES:
        raise ValueError(words[1])
    return Check(words[0], words[1], words[2], words[3], _time(item["at"]))


def judge(
    look: Look,
    *,
    heartbeat: Heartbeat,
    has_channels: bool | None,
    api: Check,
) -> Status:
    """Return the status by how the store answered.

    Parameters
    ----------
    heartbeat : what the last round of it did
    has_channels : whether notifications go anywhere; None when it is not known
    api : the check of the API, made by whoever asks
    """
    facts = look.facts
    checks = (
        *_sources(look),
        api,
        _store(look),
        _model(look),
        _senders(look),
        _notifications(look, has_channels=has_channels),
        _heartbeat(heartbeat, now=look.at),
        _clock(look),
    )
    state, headline = _summary(checks, look, api)
    return Status(
        state,
        headline,
        _NOT_CURRENT if state == BROKEN else _WORDS_COUNT,
        look.at,
        facts.clock.mode if facts is not None else None,
        facts.sun_now if facts is not None and look.is_answered else None,
        checks,
    )


def _summary(checks: tuple[Check, ...], look: Look, api: Check) -> tuple[str, str]:
    if not look.is_answered:
        verb = "is away" if look.away_since is not None else "has not answered yet"
        return BROKEN, f"Not working: the store {verb}"
    if api.state == BROKEN:
        return BROKEN, "Not working: the API does not answer"
    facts = look.facts
    if facts is None or facts.model_id is None:
        return BROKEN, "Not working: no live model"
    if facts.records.newest_at is None:
        return LATE, "Waiting for the first record"
    late = sum(source.is_late(facts.sun_now) for source in facts.sources)
    wrong = [_counted(late, "source", "late")] if late else []
    said = {
        "Live model": "no new forecast",
        "Senders": _counted(facts.silent, "sender", "silent"),
        "Notices waiting": "notices stuck",
        "Heartbeat": "heartbeat silent",
    }
    wrong += [said[check.name] for check in checks if check.name in said and check.is_wrong]
    if not wrong:
        return OK, "Working"
    return LATE, f"Working, {', '.join(wrong)}"


def _counted(count: int, what: str, how: str) -> str:
    return f"one {what} {how}" if count == 1 else f"{count} {what}s {how}"


def _sources(look: Look) -> list[Check]:
    facts = look.facts
    if facts is None:
        return [Check("Sources", UNKNOWN, NOT_KNOWN)]
    return [_source(source, facts, look) for source in facts.sources]


def _source(source: Source, facts: Facts, look: Look) -> Check:
    age = source.age(facts.sun_now)
    text = "" if age is None else duration(age)
    if not look.is_answered:
        return Check(source.name, UNKNOWN, NOT_KNOWN, _then(text, facts), source.newest_at)
    if age is None:
        return Check(source.name, NONE, "none yet")
    if source.is_late(facts.sun_now):
        detail = f"{text}, usual {duration(source.step)}"
        return Check(source.name, LATE, "late", detail, source.newest_at)
    return Check(source.name, OK, "fresh", text, source.newest_at)


def _store(look: Look) -> Check:
    if look.is_answered:
        took = "" if look.seconds is None else f"{1000 * look.seconds:.0f} ms"
        return Check("Store", OK, "up", took)
    if look.away_since is None:
        return Check("Store", UNKNOWN, NOT_KNOWN, "no answer yet")
    since = f"away since {look.away_since:%H:%M:%S}"
    return Check("Store", BROKEN, since, look.reason, look.away_since)


def _model(look: Look) -> Check:
    facts = look.facts
    if facts is None or not look.is_answered:
        text = "" if facts is None or facts.model_id is None else _then(facts.model_id, facts)
        return Check("Live model", UNKNOWN, NOT_KNOWN, text)
    if facts.model_id is None:
        return Check("Live model", BROKEN, "none live")
    if facts.forecast_at is None:
        return Check("Live model", NONE, "no forecast yet", facts.model_id)
    age = duration(max(facts.sun_now - facts.forecast_at, timedelta(0)))
    detail = f"{facts.model_id}, {age} ago"
    if facts.is_forecasting:
        return Check("Live model", OK, "issuing", detail, facts.forecast_at)
    return Check("Live model", LATE, "not issuing", detail, facts.forecast_at)


def _senders(look: Look) -> Check:
    facts = look.facts
    if facts is None or not look.is_answered:
        text = "" if facts is None else _then(f"{facts.active} active", facts)
        return Check("Senders", UNKNOWN, NOT_KNOWN, text)
    if facts.ingest_at is None:
        return Check("Senders", NONE, "none yet")
    heard = f"heard {duration(max(look.at - facts.ingest_at, timedelta(0)))} ago"
    counted = f"{facts.active} active"
    if facts.silent:
        return Check("Senders", LATE, f"{counted}, {facts.silent} silent", heard, facts.ingest_at)
    state = OK if facts.active else NONE
    return Check("Senders", state, counted, heard, facts.ingest_at)


def _notifications(look: Look, *, has_channels: bool | None) -> Check:
    name, facts = "Notices waiting", look.facts
    if has_channels is None or facts is None or not look.is_answered:
        text = "" if facts is None else _then(str(facts.waiting), facts)
        return Check(name, UNKNOWN, NOT_KNOWN, text)
    if facts.stuck or facts.failed:
        parts = ((facts.stuck, "too long"), (facts.failed, "given up"))
        detail = ", ".join(f"{count} {what}" for count, what in parts if count)
        return Check(name, LATE, "stuck", detail)
    if facts.waiting:
        return Check(name, OK, "on their way", str(facts.waiting))
    return Check(name, OK, "none", "0") if has_channels else Check(name, NONE, "off", "no channel")


def _heartbeat(heartbeat: Heartbeat, *, now: datetime) -> Check:
    """Say whether it beats; what was heard long ago does not beat any more."""
    last_at = heartbeat.last_at
    last = "" if last_at is None else f"last {last_at:%d %b %H:%M:%S}"
    is_recent = last_at is not None and now - last_at <= HEARTBEAT_LASTS
    if heartbeat.state == "beating" and last_at is not None and is_recent:
        ago = f"{duration(max(now - last_at, timedelta(0)))} ago"
        return Check("Heartbeat", OK, "beating", ago, last_at)
    if heartbeat.state == "off":
        return Check("Heartbeat", NONE, "off", heartbeat.reason)
    if heartbeat.state == "unknown":
        return Check("Heartbeat", UNKNOWN, NOT_KNOWN, heartbeat.reason or last, last_at)
    detail = "; ".join(filter(None, [heartbeat.reason, last]))
    return Check("Heartbeat", BROKEN, "silent", detail, last_at)


def _clock(look: Look) -> Check:
    facts = look.facts
    if facts is None or not look.is_answered:
        return Check("Clock", UNKNOWN, NOT_KNOWN)
    if not facts.clock.is_replay:
        return Check("Clock", OK, "wall", "the present")
    word = "replay, paused" if facts.clock.is_paused else "replay"
    return Check("Clock", OK, word, f"{facts.sun_now:%d %b %Y %H:%M} UTC", facts.sun_now)


def _then(text: str, facts: Facts) -> str:
    """Say what was known last, and when."""
    return f"{text} at {facts.read_at:%H:%M}" if text else f"none at {facts.read_at:%H:%M}"


def _text(at: datetime | None) -> str | None:
    return None if at is None else isoformat(at)


def _time(text: Any) -> datetime | None:
    return None if text is None else parse_time(text)
