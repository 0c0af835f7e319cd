"""Services: what a request may use, made once per process and bound to the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from flask import Flask, current_app

from app.alerts.alerting import Watch
from app.ingest.gate import Gate
from app.scoring import Lineup
from app.security import Keyring
from app.settings import ApiSettings

_NAME = "flarewatch"


@dataclass(frozen=True)
class Services:
    """The store, the models and their alert rules, the keys; `clock` is the time of receipt.

    `gate` bounds the bulk that this process works on at a time.
    """

    settings: ApiSettings
    engine: sa.Engine
    lineup: Lineup
    watch: Watch
    keyring: Keyring
    clock: Callable[[], datetime]
    metrics_dir: Path | None
    gate: Gate


def bind(app: Flask, services: Services) -> None:
    """Make the services reachable from the requests of `app`."""
    app.extensions[_NAME] = services


def services() -> Services:
    """Return the services of the application that answers the current request."""
    bound: Services = current_app.extensions[_NAME]
    return bound
