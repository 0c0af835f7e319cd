"""The configuration of alerts: the model that raises them, its rules and the channels.

The rules come from a TOML file that says when a forecast becomes an alert.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.contract.problems import faults_of
from app.contract.schemas import EventName, WindowName
from app.scoring.served_models import ServedModels
from app.settings import ApiSettings
from solar import alerting
from solar.alerting import Rule
from solar.errors import InvalidInputError
from solar.flares import Event
from solar.flares import event as find_event
from solar.windows import DAY, forecast_window

SHIPPED_RULES = Path(__file__).parent / "rules.toml"

Probability = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


class RuleText(BaseModel):
    """One rule of the file; without `on` the frozen threshold of the model is used.

    Without `settle_hours` an alert settles once the window of its last warning has closed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: EventName
    window: WindowName = DAY.name
    on: Probability | None = None
    off_factor: Probability = alerting.OFF_FACTOR
    sustain_minutes: Amount = alerting.SUSTAIN / timedelta(minutes=1)
    settle_hours: Amount | None = None
    cool_down_hours: Amount = alerting.COOL_DOWN / timedelta(hours=1)
    reopen_factor: Amount = alerting.REOPEN_FACTOR

    @property
    def target(self) -> Event:
        """The event in the window of the rule."""
        return find_event(self.event).within(forecast_window(self.window))

    def rule(self, threshold: float | None) -> Rule | None:
        """Return the rule for a model with this frozen threshold, None where there is none."""
        on = threshold if self.on is None else self.on
        if not on:
            return None
        window, hours = self.target.window, self.settle_hours
        return Rule(
            self.target,
            on=on,
            off=self.off_factor * on,
            sustain=timedelta(minutes=self.sustain_minutes),
            settle=window.closes_after if hours is None else timedelta(hours=hours),
            cool_down=timedelta(hours=self.cool_down_hours),
            reopen=self.reopen_factor,
        )


class RuleFile(BaseModel):
    """The whole file; without a rule no alert is raised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[RuleText, ...] = ()


def load_rules(path: Path | None, thresholds: Mapping[str, float | None]) -> dict[str, Rule | None]:
    """Read the rules of a file, or the shipped ones, for a model with these thresholds.

    Parameters
    ----------
    thresholds : of all that the model forecasts, by name, None where it froze none

    Returns
    -------
    rules by the name of their event; None raises nothing, because the model does not forecast the
    event, or neither it nor the rule has a threshold

    Raises
    ------
    InvalidInputError
        Naming the file and everything that is wrong in it.
    """
    path = path or SHIPPED_RULES
    texts = _read(path).rule
    events = [text.target.name for text in texts]
    repeated = sorted({event for event in events if events.count(event) > 1})
    if repeated:
        raise _wrong(path, f"{', '.join(repeated)} has two rules; keep one")
    try:
        rules = {text.target.name: text.rule(thresholds.get(text.target.name)) for text in texts}
    except InvalidInputError as error:
        raise _wrong(path, str(error)) from error
    return {event: rule if event in thresholds else None for event, rule in rules.items()}


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
    """The model whose forecasts raise alerts, its rules, and the channels that notify people.

    `silent` are the events whose rules raise nothing with this model.
    """

    model_id: str
    rules: tuple[Rule, ...]
    channels: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def described_rules(config: AlertConfig) -> dict[str, dict[str, Any]]:
    """Return the rules of alerts with their thresholds, by event, as the audit keeps them."""
    return {
        rule.event.name: {
            name: round(value, 6) if isinstance(value, float) else str(value)
            for name, value in vars(rule).items()
            if name != "event"
        }
        for rule in config.rules
    }


def load_alert_config(settings: ApiSettings, served_models: ServedModels) -> AlertConfig:
    """Return the rules and channels of the settings for the live model."""
    live = served_models.live
    thresholds = {target.name: target.threshold for target in live.manifest.all_targets}
    rules = load_rules(settings.alert_rules, thresholds)
    return AlertConfig(
        live.model_id,
        tuple(rule for rule in rules.values() if rule is not None),
        tuple(settings.notification_channels),
        tuple(event for event, rule in rules.items() if rule is None),
    )
