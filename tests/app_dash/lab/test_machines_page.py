"""The page Machines: what is absent is shown absent, and a silence is said."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from lab_calls import Lab
from office import Office

from app_dash.shared.numbers import NARROW
from database.engine import store_time, writing
from database.lab.machines import add_sample
from solar.machine import MachineSample

GIB = 2**30


def say(engine: sa.Engine, *minutes: int) -> None:
    with writing(engine) as connection:
        now = store_time(connection)
        for ago in minutes:
            sample = MachineSample(
                8, 0.25, 2.0, 16 * GIB, 4 * GIB, 0, 0, 100 * GIB, 40 * GIB, (), "NVML is absent"
            )
            add_sample(connection, "helios", sample, now=now - timedelta(minutes=ago))


def test_a_machine_is_drawn_with_its_numbers_and_its_silence(office: Office, lab: Lab) -> None:
    say(lab.engine, *range(59, 30, -1), *range(20, 0, -1), 0)

    said = office.open("/machines", of="vic")

    assert f"25{NARROW}%" in said
    assert "2.0 of 8 cores" in said
    assert "load 2.0" in said
    assert "swap none" in said
    assert "of 17.2 GB" in said
    assert " · NVML is absent" in said
    assert "no report" in said


def test_a_worker_that_says_nothing_of_its_machine_is_shown_with_its_slots(
    office: Office, lab: Lab
) -> None:
    lab.worker("train")

    said = office.open("/machines", of="vic")

    assert "says nothing of its machine" in said
    assert "free" in said


def test_without_any_host_the_page_says_how_a_worker_starts(office: Office) -> None:
    assert "flarewatch work" in office.open("/machines", of="vic")
