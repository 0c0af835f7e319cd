from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from solar.stream import DEAD_TOPIC, OBSERVATIONS_TOPIC, PREDICTIONS_TOPIC

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
BUILT = sorted(name for name, service in SERVICES.items() if "build" in service)


def test_the_services_are_the_products_rooms() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}

    assert always == {"mysql", "migrations", "app", "app_dash", "data_sender"}


def test_the_stream_is_a_profile_of_its_own_with_a_broker_that_keeps_what_it_holds() -> None:
    stream = {name for name, service in SERVICES.items() if "kafka" in service.get("profiles", ())}

    assert stream == {"kafka", "topics", "consumer", "kafka_sender"}
    assert SERVICES["consumer"]["command"] == ["python", "-m", "app", "consume"]
    assert SERVICES["kafka"]["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert SERVICES["kafka"]["volumes"] == ["stream:/var/lib/kafka/data"]
    for name in ("consumer", "kafka_sender"):
        waits_for = SERVICES[name]["depends_on"]
        assert waits_for["topics"]["condition"] == "service_completed_successfully"
        assert "container_name" not in SERVICES[name]


def test_the_live_sources_keep_their_position_under_a_name_of_their_own() -> None:
    live = {name for name, service in SERVICES.items() if "live" in service.get("profiles", ())}

    assert live == {"jsoc_sender", "swpc_sender"}
    for source in ("jsoc", "swpc"):
        command = SERVICES[f"{source}_sender"]["command"]
        assert command[2:] == ["data_sender", source, "--sender", source]


def test_the_topics_are_those_that_the_services_use() -> None:
    topics = SERVICES["topics"]
    made = set(re.findall(r"make \"\$\$(\w+)\" \d+", topics["command"][-1]))

    assert {name: topics["environment"][name] for name in made} == {
        f"FLARE_KAFKA_{name}": f"${{FLARE_KAFKA_{name}:-{topic}}}"
        for name, topic in (
            ("OBSERVATIONS", OBSERVATIONS_TOPIC),
            ("DEAD", DEAD_TOPIC),
            ("PREDICTIONS", PREDICTIONS_TOPIC),
        )
    }


def test_every_service_waits_for_the_store_through_the_one_before_it() -> None:
    conditions = {name: SERVICES[name].get("depends_on", {}) for name in SERVICES}

    assert conditions["migrations"]["mysql"]["condition"] == "service_healthy"
    assert conditions["app"]["migrations"]["condition"] == "service_completed_successfully"
    assert conditions["data_sender"]["app"]["condition"] == "service_healthy"
    assert conditions["app_dash"]["app"]["condition"] == "service_healthy"


def test_senders_can_be_scaled_because_nothing_binds_them_to_one_name_or_port() -> None:
    assert not {"container_name", "ports", "hostname"} & set(SERVICES["data_sender"])


def test_no_password_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    assert not re.search(r"\$\{\w*(PASSWORD|KEY):-", text)


@pytest.mark.parametrize("name", BUILT)
def test_an_image_is_pinned_hashed_and_runs_without_root(name: str) -> None:
    lines = (ROOT / SERVICES[name]["build"]["dockerfile"]).read_text().splitlines()

    assert re.fullmatch(r"FROM python:3\.11-slim-bookworm", lines[1])
    assert any("--require-hashes" in line for line in lines)
    assert lines.index("USER flarewatch") < next(
        i for i, line in enumerate(lines) if line.startswith("CMD")
    )
    for package in re.findall(r"^COPY (\w+) \w+$", "\n".join(lines), re.MULTILINE):
        assert (ROOT / package).is_dir()


@pytest.mark.parametrize("name", ["app", "app_dash"])
def test_a_server_image_reports_its_health(name: str) -> None:
    assert "HEALTHCHECK" in (ROOT / SERVICES[name]["build"]["dockerfile"]).read_text()


def test_every_container_file_system_is_read_only_and_unprivileged() -> None:
    for name in BUILT:
        assert SERVICES[name]["read_only"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
