"""The status as an aligned table for a terminal or a file."""

from __future__ import annotations

from solar.status.checks import BROKEN, LATE, OK, Status
from solar.status.page import SIGNS

_COLOURS = {OK: "\033[32m", LATE: "\033[33m", BROKEN: "\033[31m"}
_PLAIN = "\033[0m"


def text_table(status: Status, *, is_coloured: bool = False) -> str:
    """Return the status in lines; in colours only where somebody sees them."""
    names = max(len(check.name) for check in status.checks)
    words = max(len(check.word) for check in status.checks)
    lines = [
        _painted(status.headline, status.state, is_coloured=is_coloured),
        f"Checked {status.checked_at:%d %b %Y %H:%M:%S} UTC",
        "",
    ]
    for check in status.checks:
        word = f"{SIGNS[check.state]} {check.word:<{words}}"
        painted = _painted(word, check.state, is_coloured=is_coloured)
        lines.append(f"{check.name:<{names}}  {painted}  {check.detail}".rstrip())
    return "\n".join([*lines, "", status.note, ""])


def _painted(text: str, state: str, *, is_coloured: bool) -> str:
    colour = _COLOURS.get(state)
    return f"{colour}{text}{_PLAIN}" if is_coloured and colour else text
