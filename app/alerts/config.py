"""The configuration of alerts: the model that raises them, its rules and the channels.

The rules come from a TOML file that says when a forecast becomes an alert.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.contract.problems import faults_of
from app.contract.schemas import EventName
from app.scoring.served_models import ServedModels
from app.settings import ApiSettings
from solar import alerting
from solar.alerting import Rule
from solar.errors import InvalidInputError
from solar.flares import event as find_event

SHIPPED_RULES = Path(__file__).parent / "rules.toml"

Probability = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


class RuleText(BaseModel):
    """One rule of the file; without `on` the frozen threshold of the model is used."""

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
    """The whole file; without a rule no alert is raised."""

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
    repeated = sorted({event for event in events if events.count(event) > 1})
    if repeated:
        raise _wrong(path, f"{', '.join(repeated)} has two rules; keep one")
    try:
        rules = [text.rule(thresholds.get(text.event)) for text in texts]
    except InvalidInputError as error:
        raise _wrong(path, str(error)) from error
    return tuple(rule for rule in rules if rule is not None)


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


@dataclass(frozen=True)
class AlertConfig:
    """The model whose forecasts raise alerts, its rules, and the channels that notify people."""

    model_id: str
    rules: tuple[Rule, ...]
    channels: tuple[str, ...] = ()


def load_alert_config(settings: ApiSettings, served_models: ServedModels) -> AlertConfig:
    """Return the rules and channels of the settings for the live model."""
    live = served_models.live
    thresholds = {event.name: event.threshold for event in live.manifest.events}
    rules = load_rules(settings.alert_rules, thresholds)
    return AlertConfig(live.model_id, rules, tuple(settings.notification_channels))
