"""A letter: a notice as people read it, with a subject that says it all."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import quote

from database.notifications import Notification
from solar.flares import event as find_event

_JUDGED = "judged"
# The longest line that mail may have (RFC 5322 2.1.1): some readers lose a Message-ID that is
# broken into two.
_POLICY = SMTP.clone(max_line_length=998)


def letter(
    notice: Notification, *, sender: str, recipients: Sequence[str], now: datetime
) -> EmailMessage:
    """Write the message of a notice; sent again, it carries the same Message-ID.

    A header with a line break in it is refused by the standard library, so that nothing in a
    notice can add a header or a recipient.
    """
    said = json.loads(notice.body)
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = subject(said)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = email.utils.format_datetime(now)
    # Quoted, because a model's name holds an @ and an address may hold only one.
    message["Message-ID"] = f"<{quote(notice.notice_id, safe='')}@{sender.rpartition('@')[2]}>"
    # Keeps holiday replies away (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # Not every server on the way takes letters beyond ASCII as they are.
    message.set_content(_text(said), cte="quoted-printable")
    return message


def subject(said: dict[str, Any]) -> str:
    """Return for example ``[R1] M1.0+ alert opened: AR 12017, P 23 %``."""
    change = said["change"]
    end = _outcome(said) if change == _JUDGED else f"P {_percent(said['probability'])}"
    label = find_event(said["event"]).label
    return f"[{said['severity']}] {label} alert {change}: {_region(said)}, {end}"


def _text(said: dict[str, Any]) -> str:
    now_over = f"{_percent(said['probability'])} (threshold {_percent(said['threshold'])})"
    rows = {
        "Region": _region(said) + (f" (HARP {said['region']})" if said["region"] > 0 else ""),
        "Probability": now_over,
        "Highest so far": f"{_percent(said['peak_probability'])} at {said['peak_at']}",
        "Opened": f"{_percent(said['opened_probability'])} at {said['opened_at']}",
        "Closed": said["closed_at"] or "–",
        "Outcome": _outcome(said),
        "Model": said["model"],
        "Alert": said["alert_id"],
    }
    head = f"{find_event(said['event']).label} alert {said['change']}, severity {said['severity']}"
    lines = [f"{name + ':':<16}{value}" for name, value in rows.items()]
    return "\n".join([head, "", *lines, "", "Times are UTC.", ""])


def _region(said: dict[str, Any]) -> str:
    if not said["noaa_ars"]:
        return f"HARP {said['region']}"
    return f"AR {', '.join(str(noaa_ar) for noaa_ar in said['noaa_ars'])}"


def _outcome(said: dict[str, Any]) -> str:
    return " ".join(part for part in (said["outcome"], said["outcome_class"]) if part) or "–"


def _percent(probability: float | None) -> str:
    return "–" if probability is None else f"{100 * probability:.2g} %"
