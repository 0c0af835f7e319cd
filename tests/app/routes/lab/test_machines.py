"""Machines: what each host has, how much of it was in use, and when it was silent."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from lab_calls import Lab

from database.engine import reading, store_time, writing
from database.lab.machines import add_sample
from database.schema.lab_tables import machine_samples
from model_training.jobs.machine_watch import MachineWatch
from solar.machine import Gpu, MachineSample

GIB = 2**30
SAMPLE = MachineSample(
    cores=8,
    cpu=0.25,
    load=2.0,
    memory=16 * GIB,
    memory_used=4 * GIB,
    swap=0,
    swap_used=0,
    disk=100 * GIB,
    disk_used=40 * GIB,
    gpus=(),
    no_gpu="NVML is absent on this host",
)
TRAIN = ("train", "estimator:logistic-regression")


def test_a_look_agrees_with_what_the_system_says(tmp_path: Path) -> None:
    watch = MachineWatch(tmp_path / "not" / "there" / "yet")
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass

    sample = watch.look()

    assert 0 < sample.cpu <= 1
    assert sample.memory == psutil.virtual_memory().total
    assert sample.disk == psutil.disk_usage(str(tmp_path)).total
    assert 0 < sample.disk_used <= sample.disk
    # Where there is no GPU there is no number of one either.
    assert sample.gpus or sample.no_gpu


def test_a_host_is_shown_with_its_newest_sample_and_without_points_where_it_was_silent(
    lab: Lab,
) -> None:
    with writing(lab.engine) as connection:
        now = store_time(connection)
        for minutes, cpu in ((50, 0.5), (49, 0.7), (2, 0.25)):
            ago = now - timedelta(minutes=minutes)
            add_sample(connection, "helios", replace(SAMPLE, cpu=cpu), now=ago)

    (machine,) = lab.get("vic", "/machines")["items"]

    assert machine["host"] == "helios"
    assert machine["series"]["cpu"] == [0.5, 0.7, 0.25]
    assert machine["facts"]["memory_used"] == 4 * GIB
    assert machine["facts"]["no_gpu"] == "NVML is absent on this host"
    assert machine["series"]["gpu"] == [None] * 3


def test_of_a_day_the_means_of_four_minutes_are_shown_and_older_samples_go(lab: Lab) -> None:
    gpu = Gpu("H200", memory=141 * GIB, memory_used=GIB, use=0.5, celsius=58.0)
    with writing(lab.engine) as connection:
        now = store_time(connection)
        begin = now - timedelta(hours=5)
        begin -= timedelta(seconds=begin.timestamp() % 240)
        add_sample(connection, "corona", SAMPLE, now=begin - timedelta(hours=20))
        for place, cpu in enumerate((0.2, 0.4, 0.6)):
            at = begin + timedelta(seconds=10 * place)
            sample = replace(SAMPLE, cpu=cpu, gpus=(gpu,), no_gpu=None)
            add_sample(connection, "corona", sample, now=at)
        # Within ten seconds there is one sample, whoever sends it.
        add_sample(connection, "corona", sample, now=at + timedelta(seconds=1))

    (day,) = lab.get("vic", "/machines?span=day")["items"]
    assert day["series"]["cpu"] == pytest.approx([0.4])
    assert day["series"]["gpu"] == [0.5]
    assert lab.get("vic", "/machines")["items"][0]["series"]["cpu"] == []

    with writing(lab.engine) as connection:
        late = begin + timedelta(hours=24, minutes=4)
        add_sample(connection, "corona", SAMPLE, now=late)
    with reading(lab.engine) as connection:
        left = connection.execute(machine_samples.select()).all()
    assert len(left) == 1


def test_a_job_is_shown_with_what_it_has_used(lab: Lab) -> None:
    run_id = lab.run(start=True)["run_id"]
    lab.claimed(run_id, lab.worker(*TRAIN))

    (run,) = lab.get("olga", "/workers")["items"][0]["runs"]

    assert run["started_at"] is not None
    assert (run["cpu_s"], run["rss"]) == (None, None)
