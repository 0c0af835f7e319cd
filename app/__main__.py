"""The command line of the API: ``flarewatch api serve | consume | notify``."""

from __future__ import annotations

import argparse
import logging.config
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Workers and their threads share the cores as it is. A helper thread of BLAS would wait for its
# next share of a product by spinning, which takes a core from the store.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from app.settings import ApiSettings, refuse_without_broker
from solar.errors import FlarewatchError
from solar.settings import require_address, require_temporary_folder

_PREPARED = "--prepared"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        options.run(ApiSettings(), options)
    except FlarewatchError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe every command and its arguments."""
    top = argparse.ArgumentParser(prog="flarewatch api", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve", help="serve the API until SIGTERM or Ctrl-C")
    server.add_argument(
        _PREPARED, action="store_true", help="skip the checks of store, schema, keys and models"
    )
    server.set_defaults(run=_run_server)
    consumer = commands.add_parser("consume", help="ingest observations from Kafka until SIGTERM")
    consumer.set_defaults(run=_consume)
    worker = commands.add_parser(
        "notify", help="deliver the notifications of alerts, without a server"
    )
    worker.add_argument("--once", action="store_true", help="deliver what is due now, then end")
    worker.add_argument("--dry-run", action="store_true", help="do everything except sending")
    worker.add_argument(
        "--retry-failed", action="store_true", help="make failed notifications due again"
    )
    worker.set_defaults(run=_notify)
    return top


def _run_server(settings: ApiSettings, options: argparse.Namespace) -> None:
    _serve(settings) if options.prepared else _prepare(settings)


def _consume(settings: ApiSettings, _options: argparse.Namespace) -> None:
    from app.logs import configuration
    from app.services import prepare

    # The library of the broker is imported only where one is used.
    from app.stream.consumer import consume

    logging.config.dictConfig(configuration())
    refuse_without_broker(settings)
    prepare(settings)
    consume(settings)


def _notify(settings: ApiSettings, options: argparse.Namespace) -> None:
    from app.logs import configuration
    from app.notifications.delivery import deliver_once, keep_delivering, retry_failed

    logging.config.dictConfig(configuration())
    if options.retry_failed:
        sys.stdout.write(f"{retry_failed(settings)}\n")
    if options.once:
        sys.stdout.write(f"{deliver_once(settings, is_dry_run=options.dry_run)}\n")
    else:
        keep_delivering(settings, is_dry_run=options.dry_run)


def _prepare(settings: ApiSettings) -> None:
    # Before the imports, which take a second.
    require_temporary_folder()
    require_address(settings.api_host, settings.api_port, service="API")
    from app.logs import configuration
    from app.services import prepare

    logging.config.dictConfig(configuration())
    prepare(settings)
    # The checks load models, and onnxruntime does not survive the fork of the workers, so the
    # server begins as a fresh program in the same process.
    # With an arena for each thread the C library would keep what large bodies leave behind in many
    # places, and after the first of them the place of each next one too. It reads these when a
    # program begins.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2 * 2**20))
    command = [sys.executable, "-m", "app", "serve", _PREPARED]
    os.execv(sys.executable, command)  # noqa: S606  no word comes from outside


def _serve(settings: ApiSettings) -> None:
    folder, pid = Path(tempfile.mkdtemp(prefix="flarewatch-metrics-")), os.getpid()
    # The measuring library looks for this when it is imported, so it is imported afterwards.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from app.server import serve

    try:
        serve(settings, metrics_dir=folder)
    finally:
        # A worker that ends runs this too, while the others still count in the folder.
        if os.getpid() == pid:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse(reason: str) -> int:
    sys.stderr.write(f"flarewatch api: {reason}\n")
    return 1


if __name__ == "__main__":
    # During the wait for the store; each service installs its own handler later.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.exit(main())
