"""The base of every part of a recipe: frozen, and unknown keys are refused."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict


class Config(BaseModel):
    """A part of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def option(default: Any, text: str, *, unit: str | None = None, **limits: Any) -> Any:
    """Declare an option with its help and, where it has one, its unit, for forms."""
    extra: JsonDict | None = {"unit": unit} if unit else None
    return Field(default, description=text, json_schema_extra=extra, **limits)
