"""What the tests of the live sources share: both agencies, on the loopback, and who reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agency_readers import JsocReader, SwpcReader
from replayed_agencies import Agencies, fill_products, replaying

from solar.process import StopSignal


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def agencies() -> Iterator[Agencies]:
    with replaying() as served:
        yield served


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    signal = StopSignal()
    yield signal
    signal.close()


@pytest.fixture
def jsoc(agencies: Agencies, tmp_path: Path, stop: StopSignal) -> JsocReader:
    return JsocReader(agencies, tmp_path, stop)


@pytest.fixture
def swpc(agencies: Agencies, tmp_path: Path, stop: StopSignal) -> Iterator[SwpcReader]:
    fill_products(agencies)
    reader = SwpcReader(agencies, tmp_path, stop)
    yield reader
    reader.close()
