"""Alert rules: the file that says when a forecast becomes an alert."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.contract.faults import faults_of
from app.contract.queries import EventName
from solar import alerting
from solar.alerting import Rule
from solar.errors import InvalidInputError
from solar.flares import event as find_event

SHIPPED_RULES = Path(__file__).parent / "rules.toml"

Probability = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


class RuleText(BaseModel):
    """One rule as it is written; without `on` the model's frozen threshold holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: EventName
    on: Probability | None = None
    off_factor: Probability = alerting.OFF_FACTOR
    sustain_minutes: Amount = alerting.SUSTAIN / timedelta(minutes=1)
    settle_hours: Amount = alerting.SETTLE / timedelta(hours=1)
    cool_down_hours: Amount = alerting.COOL_DOWN / timedelta(hours=1)
    reopen_factor: Amount = alerting.REOPEN_FACTOR

    def rule(self, threshold: float | None) -> Rule | None:
        """Return the rule for a model with this frozen threshold, None where there is none."""
        on = threshold if self.on is None else self.on
        if not on:
            return None
        return Rule(
            find_event(self.event),
            on=on,
            off=self.off_factor * on,
            sustain=timedelta(minutes=self.sustain_minutes),
            settle=timedelta(hours=self.settle_hours),
            cool_down=timedelta(hours=self.cool_down_hours),
            reopen=self.reopen_factor,
        )


class RuleFile(BaseModel):
    """The whole file; without a rule nothing is alerted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[RuleText, ...] = ()


def load_rules(path: Path | None, thresholds: Mapping[str, float | None]) -> tuple[Rule, ...]:
    """Read the rules of a file, or the shipped ones, for a model with these thresholds.

    Raises
    ------
    InvalidInputError
        Naming the file and everything that is wrong in it.
    """
    path = path or SHIPPED_RULES
    texts = _read(path).rule
    events = [text.event for text in texts]
    twice = sorted({event for event in events if events.count(event) > 1})
    if twice:
        raise _wrong(path, f"{', '.join(twice)} has two rules; keep one")
    try:
        found = [text.rule(thresholds.get(text.event)) for text in texts]
    except InvalidInputError as error:
        raise _wrong(path, str(error)) from error
    return tuple(rule for rule in found if rule is not None)


def _read(path: Path) -> RuleFile:
    try:
        return RuleFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise _wrong(path, f"it cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, f"it is not TOML: {error}") from error
    except ValidationError as error:
        known = [*RuleText.model_fields, *RuleFile.model_fields]
        faults = faults_of(error, fields=known)
        raise _wrong(path, "; ".join(f"{f.path} {f.message}" for f in faults)) from error


def _wrong(path: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(f"the alert rules {path} (FLARE_ALERT_RULES) are wrong: {reason}")
