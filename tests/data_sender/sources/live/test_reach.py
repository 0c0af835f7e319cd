"""Before the real Sun is shown, JSOC and SWPC are asked, and what fails is named."""

from __future__ import annotations

from ports import free_port
from replayed_agencies import Agencies, fill_products, html, late, out_of_order

from data_sender.settings import SenderSettings
from data_sender.sources.live.reach import unreachable_sources


def settings_of(agencies: Agencies) -> SenderSettings:
    return SenderSettings(jsoc_url=agencies.jsoc_url, swpc_url=agencies.swpc_url)


def test_agencies_that_answer_are_not_named(agencies: Agencies) -> None:
    fill_products(agencies)

    assert unreachable_sources(settings_of(agencies)) == {}


def test_a_server_that_gives_an_error_or_a_page_is_reached_but_of_no_use(
    agencies: Agencies,
) -> None:
    fill_products(agencies)
    agencies.faults.extend([out_of_order, html])

    away = unreachable_sources(settings_of(agencies))

    assert away["JSOC"].startswith("127.0.0.1 is reached, but gives nothing of use")
    assert "status 503" in away["JSOC"]
    assert "not JSON" in away["SWPC"]


def test_an_answer_that_does_not_come_in_time_is_named_so(agencies: Agencies) -> None:
    fill_products(agencies)
    agencies.faults.append(late)

    away = unreachable_sources(settings_of(agencies), timeout_seconds=0.1)

    assert "no answer in time" in away["JSOC"]
    assert "SWPC" not in away


def test_a_host_without_a_server_and_a_name_that_nobody_knows_are_told_apart() -> None:
    settings = SenderSettings(
        jsoc_url=f"http://127.0.0.1:{free_port()}", swpc_url="http://swpc.invalid"
    )

    away = unreachable_sources(settings, timeout_seconds=1)

    assert away["JSOC"].startswith("127.0.0.1 cannot be reached: Connection refused")
    assert away["SWPC"].startswith("the name swpc.invalid is not known here")
