"""Addresses: the paths of pages and downloads, and the state of a page in its query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationError,
    field_validator,
    model_validator,
)

from solar.errors import InvalidInputError, NotFoundError
from solar.flares import event as find_event
from solar.time import isoformat, parse_time
from solar.windows import DAY, ForecastWindow, forecast_window

NOW_PATH = "/"
REGIONS_PATH = "/regions"
SKILL_PATH = "/skill"
EXPLORE_PATH = "/explore"
PIPELINE_PATH = "/pipeline"
SENDERS_PATH = "/pipeline/senders"
ALERTS_PATH = "/alerts"
LAB_PATH = "/lab"
MACHINES_PATH = "/machines"
PEOPLE_PATH = "/people"
ACCOUNT_PATH = "/account"
HELP_PATH = "/help"
SIGN_OUT_PATH = "/sign-out"
PREDICTIONS_CSV_PATH = "/export/predictions.csv"
PREDICTIONS_PARQUET_PATH = "/export/predictions.parquet"
SKILL_CSV_PATH = "/export/skill.csv"
SKILL_JSON_PATH = "/export/skill.json"
AUDIT_CSV_PATH = "/export/audit.csv"
LAB_LOG_PATH = "/lab/log"
LAB_COMPARISON_PATH = "/lab/comparison"
LAB_OUTPUTS_PATH = "/lab/outputs"
LAB_FILES_PATH = "/lab/files"
LAB_UPLOADS_PATH = "/lab/uploads"

MOST_REGIONS = 50
# The server takes no request line of 4,094 bytes or more.
LONGEST_SEARCH = 4_000
_EARLIEST_AT, _LATEST_AT = datetime(1972, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _read_model_name(text: str) -> str:
    # MySQL refuses to compare an identifier, which is ASCII, with anything else.
    if not re.fullmatch(r"[!-~]{0,64}", text):
        raise InvalidInputError(f"{text[:80]!r} is no model; choose one from the menu")
    return text


ModelName = Annotated[str, AfterValidator(_read_model_name)]


def parse_utc(text: str) -> datetime:
    """Read a typed time; without a zone it is UTC.

    Raises
    ------
    InvalidInputError
        When it is no time, or outside the years that the API takes too.
    """
    at = _read_utc(text.strip())
    if not _EARLIEST_AT <= at < _LATEST_AT:
        raise InvalidInputError(f"{text!r} lies outside 1972 to 2199; write a time between")
    return at


def _read_utc(typed: str) -> datetime:
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return parse_time(typed)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else parse_time(typed)


class Query(BaseModel):
    """The query of an address, the part after ``?``; a page declares its fields and defaults.

    `at` is the time as of which the page is shown, None for now; links within a page keep it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    at: str | None = None

    # InvalidInputError passes through pydantic unchanged, so its text reaches the reader.
    @field_validator("at", mode="before")
    @classmethod
    def _is_a_time_or_now(cls, text: str | None) -> str | None:
        return isoformat(parse_utc(text)) if text else None

    @property
    def as_of(self) -> datetime | None:
        """The time as of which the page is shown, None for now."""
        return parse_time(self.at) if self.at else None

    @classmethod
    def parse(cls, search: str | None) -> Self:
        """Read ``?a=1&b=2``; unknown names are ignored.

        Raises
        ------
        InvalidInputError
            Naming every invalid field and its value.
        """
        text = (search or "").removeprefix("?")
        if len(text) > LONGEST_SEARCH:
            raise InvalidInputError(
                f"The address is too long: {len(text)} characters behind the path, of at most"
                f" {LONGEST_SEARCH}. Open the page without them."
            )
        return cls._read(dict(parse_qsl(text, keep_blank_values=False)))

    def search(self) -> str:
        """Write the fields that differ from their defaults as ``?a=1``; empty without any."""
        changed = self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        # The time stands last, behind what the page is about.
        ordered = sorted(changed.items(), key=lambda field: field[0] == "at")
        return f"?{urlencode(ordered)}" if ordered else ""

    def changed(self, **fields: Any) -> Self:
        """Return the same state with some fields replaced; raises as `parse` does."""
        return self._read({**self.model_dump(), **fields})

    @classmethod
    def _read(cls, fields: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidInputError(_explain(error, fields)) from error
        except NotFoundError as error:  # it passes through pydantic
            raise InvalidInputError(str(error)) from error


def _explain(error: ValidationError, fields: Mapping[str, Any]) -> str:
    parts = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "the address"
        value = fields.get(name)
        shown = f"{name}={value!r}" if value is not None else name
        parts.append(f"{shown}: {item['msg'].removeprefix('Value error, ')}")
    return (
        "The address cannot be read. "
        + "; ".join(parts)
        + ". Correct it, or open the page without it."
    )


class TargetQuery(Query):
    """A query that names an event and, beside it, its window.

    The event may name its window as well: ``event=M1.0/d2`` is M1.0 in the window d2.
    """

    event: str = ""
    window: str = DAY.name

    @model_validator(mode="before")
    @classmethod
    def _divide_event(cls, fields: Any) -> Any:
        name = str(fields.get("event", ""))
        if "/" not in name:
            return fields
        event = find_event(name)
        window = fields.get("window", event.window.name)
        if forecast_window(window) != event.window:
            raise InvalidInputError(f"{name} is not of window {window}; name one window")
        return {**fields, "event": event.goes_class, "window": window}

    @field_validator("event")
    @classmethod
    def _is_an_event(cls, name: str) -> str:
        return find_event(name).name if name else ""

    @field_validator("window")
    @classmethod
    def _is_a_window(cls, name: str) -> str:
        return forecast_window(name).name

    @property
    def of(self) -> ForecastWindow:
        """The window of the event."""
        return forecast_window(self.window)


def with_time(address: str, at: datetime | None) -> str:
    """Return an address as of a time, or, for None, of now."""
    parts = urlsplit(address)
    others = [pair for pair in parse_qsl(parts.query) if pair[0] != "at"]
    query = urlencode([*others, *([] if at is None else [("at", isoformat(at))])])
    return parts._replace(query=query).geturl()


def keep_time(address: str, search: str | None) -> str:
    """Return an address as of the same time as another one."""
    return with_time(address, as_of_time(search))


def as_of_time(search: str | None) -> datetime | None:
    """Return the time as of which an address shows its page; None is now, or an unreadable one."""
    try:
        return Query.parse(search).as_of
    except InvalidInputError:
        return None  # the page says what is wrong with it


def read_region_numbers(text: str) -> tuple[int, ...]:
    """Read region numbers between commas or blanks, with or without ``AR`` or ``HARP``.

    Raises
    ------
    InvalidInputError
        For anything else, or more than `MOST_REGIONS` numbers.
    """
    parts = re.findall(r"[^\s,;]+", re.sub(r"(?i)\b(noaa|ar|harp)\b", " ", text))
    for part in parts:
        if not re.fullmatch(r"\d{1,7}", part, re.ASCII):
            raise InvalidInputError(
                f"{part!r} is no region number; write HARP or NOAA numbers, as in 3894, 12017"
            )
    if len(parts) > MOST_REGIONS:
        raise InvalidInputError(f"{len(parts)} regions are too many; name at most {MOST_REGIONS}")
    return tuple(int(part) for part in parts)
