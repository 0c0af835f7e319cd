from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import ApiSettings, StreamSettings
from app.stream.broker import Publisher, Subscription
from solar.errors import InvalidInputError


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
    return subprocess.run(
        [sys.executable, *arguments], env=given | environment, capture_output=True, text=True
    )


def test_the_options_of_the_broker_are_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_KAFKA_OPTIONS", '{"security.protocol": "SSL", "max.in.flight": 3}')

    assert ApiSettings().kafka_options == {"security.protocol": "SSL", "max.in.flight": 3}


def test_a_topic_is_named_as_the_broker_allows() -> None:
    with pytest.raises(InvalidInputError, match="FLARE_KAFKA_DEAD: "):
        ApiSettings(kafka_dead="dead letters")


@pytest.mark.parametrize(
    "command", [("app", "consume"), ("data_sender", "simulate", "--via", "kafka")]
)
def test_without_a_broker_the_command_says_which_setting_names_it(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    ended = run("-m", *command, FLARE_DATA_DIR=str(tmp_path))

    assert ended.returncode > 0
    assert "set FLARE_KAFKA_BOOTSTRAP" in ended.stderr


def test_properties_that_the_library_does_not_know_are_refused() -> None:
    settings = StreamSettings(kafka_bootstrap="127.0.0.1:9", kafka_options={"made.up": 1})

    for kind in (Subscription, Publisher):
        with pytest.raises(InvalidInputError, match=r"FLARE_KAFKA_OPTIONS .*made\.up"):
            kind(settings)


def test_the_library_of_the_broker_is_imported_by_those_alone_who_speak_to_one() -> None:
    program = (
        "import sys, app.__main__, app.create_app, data_sender.__main__, app_dash.create_app;"
        "print('confluent_kafka' in sys.modules)"
    )

    assert run("-c", program).stdout.strip() == "False"
