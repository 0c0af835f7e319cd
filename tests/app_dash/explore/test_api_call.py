from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from app.contract.queries import PredictionsQuery
from app_dash.explore.filters import ApiCall, api_call
from app_dash.explore.query import ExploreQuery
from database.exploration.selection import Selection
from solar.flares import event
from solar.time import Window

WINDOW = Window(datetime(2014, 3, 1, tzinfo=UTC), datetime(2014, 3, 2, tzinfo=UTC))
BASE = "http://127.0.0.1:8000"


def call(query: ExploreQuery, regions: list[int] | None = None) -> ApiCall:
    selection = Selection(
        "logistic@1.0.0",
        WINDOW,
        event=event(query.event) if query.event else None,
        min_probability=query.least / 100,
        limits=tuple(one.limit() for one in query.filters),
    )
    return api_call(query, selection, regions=regions, base=BASE)


def asked(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_the_call_names_model_and_range_as_the_api_reads_them() -> None:
    (address,) = call(ExploreQuery()).addresses

    assert address.startswith(f"{BASE}/api/v1/predictions?model=logistic@1.0.0&from=2014-03-01T00")
    read = PredictionsQuery.model_validate(asked(address))
    assert read.window == WINDOW
    assert read.model == "logistic@1.0.0"


def test_a_class_and_its_minimum_probability_are_parameters() -> None:
    found = call(ExploreQuery(event="M1.0", least=5))

    read = PredictionsQuery.model_validate(asked(found.addresses[0]))
    assert (read.event, read.min_probability) == ("M1.0", 0.05)
    assert found.left_out == ()


def test_the_lower_limit_of_a_probability_is_a_parameter_and_other_filters_are_named() -> None:
    found = call(ExploreQuery(where="m1:5..10;usflux:12..", rung="full"))

    assert asked(found.addresses[0])["min_probability"] == "0.05"
    assert found.left_out == (
        "P(M1.0+) below 10\u202f%",
        "USFLUX from 12 × 10²¹ Mx",
        "fallback level or reason “full”",
    )


def test_every_region_is_a_call_of_its_own() -> None:
    found = call(ExploreQuery(regions="3894,12024"), regions=[-12024, 3894])

    assert [asked(address)["region"] for address in found.addresses] == ["-12024", "3894"]
    assert found.command.count("curl") == 1
    assert found.command.count("'") == 4


def test_without_a_stored_region_there_is_no_call() -> None:
    assert call(ExploreQuery(regions="99999"), regions=[]).addresses == ()
