"""The trial: a file of data is read to its end in a limited child, which forgets what it holds.

The headers of a file may lie about what it unpacks to, and its content may keep a reader busy.
"""

from __future__ import annotations

import sys
from pathlib import Path

from model_training.data.declared import read_arrays
from model_training.data.files import read_table
from model_training.data.limits import Limits, refuse_oversized
from model_training.limited import run_limited
from solar.errors import InvalidInputError


def trial(path: Path, limits: Limits) -> None:
    """Read a table, or the arrays of an .npz file, in a child that is stopped at the limits.

    Raises
    ------
    InvalidInputError
        Saying why the file was not read to its end.
    """
    refuse_oversized(path, limits)
    ended = run_limited(__name__, [str(path)], limits.process)
    if ended.stopped is not None:
        raise InvalidInputError(f"{path.name} {ended.stopped}; cut it into smaller files")
    if ended.output:
        raise InvalidInputError(ended.output)


def _main(name: str) -> None:
    path = Path(name)
    try:
        (read_arrays if path.suffix == ".npz" else read_table)(path)
    except InvalidInputError as error:
        sys.stdout.write(str(error))


if __name__ == "__main__":
    _main(*sys.argv[1:])
