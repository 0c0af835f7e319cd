"""What the tests of the live sources share: both agencies, on the loopback, and who reads them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from agency_readers import JsocReader, SwpcReader
from replayed_agencies import Agencies, fill_products, replaying
from werkzeug.serving import make_server

from app.create_app import create_app
from app.services import prepare
from app.settings import ApiSettings
from data_sender.__main__ import main
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


@pytest.fixture
def api_url(engine_sqlite: sa.Engine) -> Iterator[str]:
    """Serve the API itself on the store of the test."""
    address = engine_sqlite.url.render_as_string(hide_password=False)
    settings = ApiSettings(database_url=address)
    prepare(settings)
    app = create_app(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["flarewatch"].engine.dispose()


Run = Callable[..., int]


@pytest.fixture
def run(
    agencies: Agencies, api_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    monkeypatch.setenv("FLARE_API_URL", api_url)
    monkeypatch.setenv("FLARE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FLARE_JSOC_URL", agencies.jsoc_url)
    monkeypatch.setenv("FLARE_SWPC_URL", agencies.swpc_url)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield lambda *arguments: main([*arguments, "--sender", "live"])
    # The time that a sender is given to stop would run on into the next test.
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)
