"""The email of a notification: its subject, text and headers."""

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
from database.nowcast.notices import FLARE, LEVEL
from solar.flares import event as find_event

_JUDGED = "judged"
# The flux that reached a level, and a flare that has ended.
_NOWCAST = {
    LEVEL: "X-ray flux {goes_class} at {changed_at}",
    FLARE: "{goes_class} flare, peak {peak_at}",
}
_NOWCAST_ROWS = {
    "goes_class": "Class",
    "flux_w_m2": "Flux [W m-2]",
    "peak_flux_w_m2": "Peak [W m-2]",
    "changed_at": "Known at",
    "start_at": "Start",
    "peak_at": "Peak",
    "end_at": "End",
    "satellite": "Satellite",
    "flux_scale": "Scale",
}
# The longest line that mail may have (RFC 5322 2.1.1): some readers lose a Message-ID that is
# broken into two.
_POLICY = SMTP.clone(max_line_length=998)


def email_message(
    notice: Notification, *, sender: str, recipients: Sequence[str], now: datetime
) -> EmailMessage:
    """Return the email of a notification; sent again, it carries the same Message-ID.

    A header with a line break in it is refused by the standard library, so that nothing in a
    notification can add a header or a recipient.
    """
    alert = json.loads(notice.body)
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = subject(alert)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = email.utils.format_datetime(now)
    # Quoted, because a model's name holds an @ and an address may hold only one.
    message["Message-ID"] = f"<{quote(notice.notice_id, safe='')}@{sender.rpartition('@')[2]}>"
    # Suppresses automatic replies (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # Not every server on the way accepts text beyond ASCII as it is.
    message.set_content(_text(alert), cte="quoted-printable")
    return message


def subject(alert: dict[str, Any]) -> str:
    """Return for example ``[R1] M1.0+ alert opened: AR 12017, P 23 %``."""
    change = alert["change"]
    if change in _NOWCAST:
        return f"[{alert['severity']}] {_NOWCAST[change].format(**alert)}"
    end = _outcome(alert) if change == _JUDGED else f"P {_percent(alert['probability'])}"
    label = find_event(alert["event"]).label
    return f"[{alert['severity']}] {label} alert {change}: {_region(alert)}, {end}"


def _text(alert: dict[str, Any]) -> str:
    if alert["change"] not in _NOWCAST:
        return _alert_text(alert)
    rows = {label: alert[name] for name, label in _NOWCAST_ROWS.items() if name in alert}
    return _lines(f"{subject(alert)}. Own detection, not yet in the flare list.", rows)


def _alert_text(alert: dict[str, Any]) -> str:
    probability = f"{_percent(alert['probability'])} (threshold {_percent(alert['threshold'])})"
    rows = {
        "Region": _region(alert) + (f" (HARP {alert['region']})" if alert["region"] > 0 else ""),
        "Probability": probability,
        "Highest so far": f"{_percent(alert['peak_probability'])} at {alert['peak_at']}",
        "Opened": f"{_percent(alert['opened_probability'])} at {alert['opened_at']}",
        "Closed": alert["closed_at"] or "–",
        "Outcome": _outcome(alert),
        "Model": alert["model"],
        "Alert": alert["alert_id"],
    }
    head = (
        f"{find_event(alert['event']).label} alert {alert['change']}, severity {alert['severity']}"
    )
    return _lines(head, rows)


def _lines(head: str, rows: dict[str, Any]) -> str:
    lines = [f"{name + ':':<16}{value}" for name, value in rows.items()]
    return "\n".join([head, "", *lines, "", "Times are UTC.", ""])


def _region(alert: dict[str, Any]) -> str:
    if not alert["noaa_ars"]:
        return f"HARP {alert['region']}"
    return f"AR {', '.join(str(noaa_ar) for noaa_ar in alert['noaa_ars'])}"


def _outcome(alert: dict[str, Any]) -> str:
    return " ".join(part for part in (alert["outcome"], alert["outcome_class"]) if part) or "–"


def _percent(probability: float | None) -> str:
    return "–" if probability is None else f"{100 * probability:.2g} %"
