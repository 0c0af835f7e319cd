"""What this installation can execute; asked in a process of its own, for libraries are large."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import get_args

from solar.errors import InvalidInputError

_PACKAGES = ("pandas", "sklearn", "imblearn", "lightgbm", "networkx", "gensim", "onnx", "skl2onnx")


def find_offers(gpu: int | None) -> list[str]:
    """Return the kinds of run, and ``estimator:KIND`` for each estimator that is installed.

    Raises
    ------
    InvalidInputError
        When the packages for training are absent, or the GPU is.
    """
    done = subprocess.run(  # noqa: S603  this module
        [sys.executable, "-m", __name__, *([] if gpu is None else [str(gpu)])],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise InvalidInputError(f"this installation executes no runs: {reason[0]}")
    offers: list[str] = json.loads(done.stdout)
    return offers


def _offers() -> list[str]:
    absent = [name for name in _PACKAGES if find_spec(name) is None]
    if absent:
        sys.exit(f"{', '.join(absent)} is not installed; install flarewatch[training]")
    # Not before it is known that there is what it imports.
    from model_training.recipe.estimators import Single
    from model_training.recipe.kinds import KINDS

    estimators = [one.model_fields["kind"].annotation for one in get_args(Single)]
    kinds = [get_args(kind)[0] for kind in estimators]
    extras = ["picture:umap"] if find_spec("umap") else []
    return [
        *KINDS,
        *extras,
        *(f"estimator:{kind}" for kind in kinds if kind != "gru" or find_spec("torch")),
    ]


def _refuse_absent_gpu(number: str) -> None:
    import torch

    if not torch.cuda.is_available():
        sys.exit(f"torch finds no GPU {number} on this machine")


if __name__ == "__main__":
    for given in sys.argv[1:]:
        _refuse_absent_gpu(given)
    sys.stdout.write(json.dumps(_offers()))
