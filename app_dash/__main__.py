"""The command ``flarewatch dash serve``."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# As in the API: the threads of the server share the cores as it is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker
from pydantic import SecretStr

from app_dash.create_app import create_app
from app_dash.health import next_steps
from app_dash.lab.downloads import PIECE_BYTES
from app_dash.settings import DashSettings, signing_key
from database.engine import create_engine, reading, refuse_wrong_store, wait_for_store
from database.people.people import is_anybody_registered
from database.settings import DatabaseSettings
from solar.errors import FlarewatchError, InvalidInputError
from solar.server import shared_options
from solar.settings import require_address, require_temporary_folder

# Requests in progress have so long to finish when the server stops.
STOP_SECONDS = 5


class Server(BaseApplication):
    """Gunicorn, configured here and not by files; each worker opens its own engine."""

    def __init__(self, settings: DashSettings, database: DatabaseSettings) -> None:
        self.settings = settings
        self.database = database
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        options = {
            **shared_options(settings.dash_host, settings.dash_port, PIECE_BYTES),
            "workers": settings.dash_workers,
            "threads": settings.dash_threads,
            "graceful_timeout": STOP_SECONDS,
            "proc_name": "flarewatch-dashboard",
            "post_worker_init": self._start_greeting,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        # pyarrow imports it at its first use, where it is installed; in another thread plotly would
        # take it half imported for whole.
        if find_spec("pandas"):
            import_module("pandas")
        server = create_app(create_engine(self.database), self.settings).server
        _tune_garbage_collection()
        return server

    def _start_greeting(self, worker: Worker) -> None:
        # Once, from the first worker, in a thread: an unavailable store must not delay it.
        if worker.age == 1:
            threading.Thread(target=self._log_next_steps, args=[worker.log], daemon=True).start()

    def _log_next_steps(self, log: Any) -> None:
        engine = create_engine(self.database)
        for line in next_steps(engine, self.settings.shown_dash_url):
            log.info(line)
        engine.dispose()


def _tune_garbage_collection() -> None:
    # Components form no reference cycles. Scanning them and the long-lived objects made every
    # tenth page twice as slow as the others.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


def serve() -> int:
    """Run the server until it is stopped."""
    settings, database = DashSettings(), DatabaseSettings()
    require_temporary_folder()
    require_address(settings.dash_host, settings.dash_port, service="DASH")
    engine = create_engine(database)
    refuse_wrong_store(engine)
    engine.dispose()
    # Chosen before the workers fork, so that all sign with the same key.
    key = SecretStr(signing_key(settings))
    signed = settings.model_copy(update={"secret_key": key})
    refuse_open_door(settings, database)
    Server(signed, database).run()
    return 0


def refuse_open_door(settings: DashSettings, database: DatabaseSettings) -> None:
    """Refuse to serve other machines while nobody could sign in; waits for the store."""
    if settings.is_loopback or settings.has_proxy or settings.api_key is not None:
        return
    engine = create_engine(database)
    try:
        wait_for_store(engine)
        with reading(engine) as connection:
            if is_anybody_registered(connection):
                return
    finally:
        engine.dispose()
    raise InvalidInputError(
        "FLARE_DASH_HOST lets other machines in, but nobody could sign in; run"
        " `flarewatch database users add NAME --role admin --invite`"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser().parse_args(arguments)
    try:
        return serve()
    except FlarewatchError as error:
        sys.stderr.write(f"{error.title}: {error}\n")
        return 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="flarewatch dash", description="The dashboard")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the dashboard at FLARE_DASH_HOST:FLARE_DASH_PORT")
    return top


if __name__ == "__main__":
    sys.exit(main())
