from __future__ import annotations

import re
from typing import Any

import pytest

from app.notifications.channels import DryRunChannel, Mail, Webhook
from app.notifications.delivery import channels_of
from app.settings import NotificationSettings
from solar.errors import InvalidInputError

HOOK = {"webhook_url": "https://hooks.example.org/a?b=c", "webhook_secret": "0123456789abcdef"}
POST = {
    "smtp_url": "smtp://desk:pass%2Fword@mail.example.org:2525",
    "mail_from": "flarewatch@example.org",
    "mail_to": "desk@example.org, duty@example.org",
}


def settings(**changes: Any) -> NotificationSettings:
    return NotificationSettings(**changes)


def test_without_an_address_nobody_is_told() -> None:
    assert settings().notification_channels == ()
    assert channels_of(settings()) == {}


def test_a_channel_exists_as_soon_as_it_has_an_address() -> None:
    both = channels_of(settings(**HOOK, **POST))

    assert settings(**HOOK, **POST).notification_channels == tuple(both) == ("webhook", "mail")
    assert isinstance(both["webhook"], Webhook)
    assert isinstance(both["mail"], Mail)
    assert both["mail"].recipients == ("desk@example.org", "duty@example.org")


def test_in_a_dry_run_every_channel_is_silent() -> None:
    dry = channels_of(settings(**HOOK, **POST, notify_dry_run=True))

    assert dry == {"webhook": DryRunChannel(), "mail": DryRunChannel()}
    assert channels_of(settings(**HOOK), is_dry_run=True) == {"webhook": DryRunChannel()}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"webhook_url": HOOK["webhook_url"]}, "webhook_secret"),
        ({**HOOK, "webhook_secret": "short"}, "webhook_secret"),
        ({**HOOK, "webhook_url": "hooks.example.org"}, "webhook_url"),
        ({**HOOK, "webhook_url": "ftp://hooks.example.org"}, "webhook_url"),
        ({**HOOK, "webhook_url": "https://"}, "webhook_url"),
        ({**HOOK, "webhook_url": "https://host:70000/"}, "webhook_url"),
        ({**HOOK, "webhook_url": "https://host/a b"}, "webhook_url"),
        ({**HOOK, "webhook_url": "https://user:word@host/"}, "webhook_url"),
        ({"smtp_url": POST["smtp_url"], "mail_to": POST["mail_to"]}, "mail_from"),
        ({"smtp_url": POST["smtp_url"], "mail_from": POST["mail_from"]}, "mail_to"),
        ({**POST, "smtp_url": "https://mail.example.org"}, "smtp_url"),
        ({**POST, "smtp_url": "smtp://desk:pass/word@mail.example.org"}, "smtp_url"),
        ({**POST, "mail_from": "a@example.org,b@example.org"}, "mail_from"),
        ({**POST, "mail_to": "desk"}, "mail_to"),
        ({**POST, "mail_to": "desk@example.org,"}, "mail_to"),
        ({**POST, "mail_to": "desk@example.org\r\nBcc: thief@example.com"}, "mail_to"),
    ],
)
def test_what_cannot_be_is_refused_by_name_without_repeating_a_secret(
    changes: dict[str, str], name: str
) -> None:
    with pytest.raises(InvalidInputError) as found:
        settings(**changes)

    fault = str(found.value)
    assert re.findall(r"FLARE_(\w+): ", fault) == [name.upper()]
    assert "word" not in fault.replace("user:password@host", "").replace("user name, password", "")


def test_the_settings_show_no_secret() -> None:
    shown = repr(settings(**HOOK, **POST))

    assert "0123456789abcdef" not in shown
    assert "word@" not in shown
    assert "a?b=c" not in shown
