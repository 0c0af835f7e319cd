"""The status as a page, without a script or anything from elsewhere, and as a table of text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from solar.status.checks import AGAIN_SECONDS, BROKEN, LATE, NONE, OK, UNKNOWN, Check, Status

# Each state has a sign, so that nobody needs to see colours.
SIGNS = {OK: "●", LATE: "▲", BROKEN: "■", UNKNOWN: "?", NONE: "○"}

_COLOURS = {OK: "\033[32m", LATE: "\033[33m", BROKEN: "\033[31m"}
_PLAIN = "\033[0m"

_STYLE = """
:root { color-scheme: light dark; --bg: #f5f5f5; --panel: #fff; --line: #e3e3e3; --text: #1a1a1a;
  --text2: #555; --ok: #00796b; --late: #8a5a00; --broken: #b3261e; --link: #1f66d1; }
@media (prefers-color-scheme: dark) { :root { --bg: #111; --panel: #1a1a1a; --line: #2f2f2f;
  --text: #ededed; --text2: #b0b0b0; --ok: #4db6a6; --late: #f2c766; --broken: #ff8a80;
  --link: #74a9ff; } }
* { box-sizing: border-box; margin: 0; }
body { font: 13px/20px Inter, system-ui, sans-serif; font-variant-numeric: tabular-nums;
  background: var(--bg); color: var(--text); padding: 24px 12px; }
main { max-width: 560px; margin: auto; padding: 20px 24px; background: var(--panel);
  border: 1px solid var(--line); border-radius: 8px; }
h1 { font-size: 16px; line-height: 24px; font-weight: 600; }
h2 { font-size: 18px; line-height: 26px; font-weight: 600; margin: 12px 0 8px; padding-left: 12px;
  border-left: 4px solid; }
p, td { color: var(--text2); overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin: 12px 0 16px; }
th, td { border-top: 1px solid var(--line); padding: 6px 0; text-align: left; font-weight: 400;
  vertical-align: top; }
th, .state { padding-right: 12px; }
td:last-child { text-align: right; }
.state { font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); } .late { color: var(--late); } .broken { color: var(--broken); }
a { color: var(--link); }
@media (max-width: 480px) { main { padding: 16px; } th, td { padding: 10px 0; } }
""".strip()


def html_page(status: Status) -> str:
    """Return the page, at most 5 kB."""
    rows = "".join(map(_row, status.checks))
    sun = ""
    if status.clock == "replay" and status.sun_now is not None:
        sun = f"<p>Ages are by the clock of the replay, {status.sun_now:%d %b %Y %H:%M} UTC.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(status.headline)} · Flarewatch status</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{AGAIN_SECONDS}"><style>{_STYLE}</style></head>'
        f'<body><main><h1>Flarewatch status</h1><h2 class="{status.state}">'
        f"{escape(status.headline)}</h2><p>Checked {status.checked_at:%d %b %Y %H:%M:%S} UTC,"
        f" again in {AGAIN_SECONDS} s</p>{sun}"
        f"<table>{rows}</table><p>{escape(status.note)}"
        ' <a href="?format=text">Plain text</a> · <a href="?format=json">JSON</a></p>'
        "</main></body></html>"
    )


def _row(check: Check) -> str:
    sign = f'<span aria-hidden="true">{SIGNS[check.state]}</span>'
    return (
        f'<tr><th scope="row">{escape(check.name)}</th><td class="state {check.state}">{sign}'
        f" {escape(check.word)}</td><td>{escape(check.detail)}</td></tr>"
    )


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


def machine_line(machine: Mapping[str, Any]) -> str:
    """Return in one line how a machine is, as the API tells of it."""
    facts, gib = machine["facts"], 2**30
    uses = [gpu["use"] for gpu in facts["gpus"] if gpu["use"] is not None]
    gpu = f"{sum(uses) / len(uses):.0%}" if uses else facts["no_gpu"] or "we do not know"
    sizes = "  ".join(
        f"{name} {facts[f'{name}_used'] / gib:.1f} of {facts[name] / gib:.1f} GiB"
        for name in ("memory", "disk")
    )
    at = machine["seen_at"][11:19]
    return (
        f"{machine['host']}  {at}  cpu {facts['cpu']:.0%} of {facts['cores']}  {sizes}  gpu: {gpu}"
    )


def _painted(text: str, state: str, *, is_coloured: bool) -> str:
    colour = _COLOURS.get(state)
    return f"{colour}{text}{_PLAIN}" if is_coloured and colour else text
