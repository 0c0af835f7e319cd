"""The command ``work``: a worker of the Lab."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from model_training.jobs.settings import WorkerSettings
from model_training.jobs.worker import Worker
from solar.errors import InvalidInputError

_MOST_SLOTS = 256


def add_work(parser: argparse.ArgumentParser) -> None:
    """Declare the command."""
    parser.description = (
        "Execute runs of the Lab that the API at FLARE_API_URL hands out, until SIGTERM."
    )
    parser.add_argument(
        "--slots",
        type=int,
        metavar="N",
        help="how many runs at a time (default: one less than there are processors)",
    )
    parser.add_argument(
        "--gpu",
        type=int,
        metavar="N",
        help="one run at a time, which may use the GPU of this number",
    )
    parser.set_defaults(run=_work)


def _work(options: argparse.Namespace) -> None:
    if options.gpu is not None and options.slots is not None:
        raise InvalidInputError("a worker with --gpu executes one run at a time; leave out --slots")
    if options.slots is not None and not 1 <= options.slots <= _MOST_SLOTS:
        raise InvalidInputError(f"--slots is a whole number from 1 to {_MOST_SLOTS}")
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("model_training").setLevel(logging.INFO)
    # It misses a host where messages are files; of jobs that die, the worker itself tells.
    for name in ("kombu.connection", "celery.worker.request", "multiprocessing"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    slots = 1 if options.gpu is not None else options.slots or max(1, _processors() - 1)
    sys.exit(Worker(WorkerSettings(), slots=slots, gpu=options.gpu).run())


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
