"""The state of a page as its address holds it: parsed with care, written without noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from solar.errors import InvalidInputError


class Query(BaseModel):
    """The part of an address behind ``?``; a page declares its fields and their defaults."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    @classmethod
    def parse(cls, search: str | None) -> Self:
        """Read ``?a=1&b=2``; names that the page does not know are ignored.

        Raises
        ------
        InvalidInputError
            Naming every field that cannot be used, and what it was.
        """
        given = dict(parse_qsl((search or "").removeprefix("?"), keep_blank_values=False))
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidInputError(_explain(error, given)) from error

    def search(self) -> str:
        """Write the fields that differ from their defaults as ``?a=1``, or nothing."""
        changed = self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return f"?{urlencode(changed)}" if changed else ""

    def changed(self, **fields: Any) -> Self:
        """Return the same state with some fields replaced."""
        return self.model_validate({**self.model_dump(), **fields})


def _explain(error: ValidationError, given: Mapping[str, str]) -> str:
    parts = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "the address"
        value = given.get(name)
        shown = f"{name}={value!r}" if value is not None else name
        parts.append(f"{shown}: {item['msg'].removeprefix('Value error, ')}")
    return (
        "The address cannot be read. "
        + "; ".join(parts)
        + ". Correct it, or open the page without it."
    )
