"""Unknown data: files that somebody brought, read and described in a process with limits.

The headers of a file may lie about what it unpacks to, and its content may keep a reader busy. The
process that reads it to its end, guesses its layout and describes it is stopped at the limits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import orjson

from model_training.analysis.description import describe, text
from model_training.data import loading
from model_training.data.files import names, refuse_pickle
from model_training.data.guessing import COMPANIONS, guess, guess_folder
from model_training.data.limits import Limits, refuse_oversized
from model_training.data.questions import QuestionError, Reading, answers_of
from model_training.limited import ProcessLimits, run_limited
from model_training.recipe.data import AnyData, M24Config, paths_of, paths_outside
from solar.errors import InvalidInputError

_DATA = {".parquet", ".csv", ".tsv", ".npz"}


def describe_unknown(
    path: Path,
    *,
    answer: str | None = None,
    limits: ProcessLimits | None = None,
    between: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Describe a file, or a folder of the files of one data set, that nobody vouches for.

    Parameters
    ----------
    answer : the value that was chosen when this asked a question before
    between : called twice a second while the other process works; what it raises ends that

    Returns
    -------
    ``layout``, the [data] table of a recipe whose paths start from the folder of the file, or from
    the folder that was given; ``breakdown`` (`Description.to_dict`), the same as ``text``, and
    ``rows``, the number of cases. Or one of ``question`` (`QuestionError.to_dict`) and
    ``reason``, why it is refused and the way out; what is not known is None.
    """
    limits = limits or Limits().process
    nothing = dict.fromkeys(("layout", "breakdown", "text", "rows", "question", "reason"))
    ended = run_limited(__name__, [str(path), answer or ""], limits, between=between)
    if ended.stopped is not None:
        what = path.name if path.is_file() else "the data set"
        return nothing | {"reason": f"{what} {ended.stopped}; cut it into smaller files"}
    told: dict[str, Any] = orjson.loads(ended.output)
    return nothing | told


def _described(path: Path, answer: str | None) -> dict[str, Any]:
    config, folder = _layout(path, answer)
    dataset = loading.load(config, folder)
    description = describe(dataset)
    plain = config.model_dump(mode="json", exclude_defaults=True)
    return {
        "layout": {"layout": config.layout} | plain,
        "breakdown": description.to_dict(),
        "text": text(description),
        "rows": len(dataset),
    }


def _layout(path: Path, answer: str | None) -> tuple[AnyData, Path]:
    """Guess the layout; return it with the folder that its paths start from."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    for file in files:
        refuse_pickle(Path(file.name))
        refuse_oversized(file, Limits())
    if path.is_file():
        return guess(path, answer), path.parent
    top = _top(path)
    config = guess_folder(top)
    if isinstance(config, M24Config) and not top.name.startswith(("m24", "x24")):
        readings = [Reading(event, f"{event}+") for event in ("M1.0", "X1.0")]
        asked = answers_of(answer, f"{top.name} does not say of which event label tells")
        event = asked.choose("event", "Of which flares does the column label tell?", readings)
        config = config.model_copy(update={"event": event})
    if config is None:
        top = _main_file(files, path, answer)
        config = guess(top, answer)
    return _from(path, config, top.parent), path


def _top(folder: Path) -> Path:
    """Go down where a folder holds nothing but another one."""
    inside = list(folder.iterdir())
    return _top(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder


def _main_file(files: Sequence[Path], folder: Path, answer: str | None) -> Path:
    """Choose the file of the cases; others may be a flare list, a HARP map or a licence."""
    tables = [one for one in files if _DATA & set(one.suffixes) and one.name not in COMPANIONS]
    if not tables:
        raise InvalidInputError(
            f"no table and no arrays among {names([one.name for one in files]) or 'no file'}; bring"
            " .parquet, .csv, .tsv or .npz, or a folder of a layout that is known by its names"
        )
    by_name = {one.relative_to(folder).as_posix(): one for one in tables}
    readings = [
        Reading(name, name, f"{one.stat().st_size:,} bytes") for name, one in by_name.items()
    ]
    hint = f"{len(tables)} files may hold the cases; name one in a recipe"
    asked = answers_of(answer, hint)
    return by_name[asked.choose("file", "Which file holds the cases?", readings)]


def _from(folder: Path, config: AnyData, base: Path) -> AnyData:
    """Let the paths of a configuration start from a folder; what lies outside is left out."""
    paths = {
        name: Path(os.path.relpath(base / path, folder)).as_posix()
        for name, path in paths_of(config).items()
    }
    moved = config.model_copy(update=paths)
    return moved.model_copy(update=dict.fromkeys(paths_outside(moved)))


def _main(path: str, answer: str) -> None:
    try:
        # A library that prints must not be taken for the description.
        with redirect_stdout(sys.stderr):
            told = _described(Path(path), answer or None)
    except QuestionError as error:
        told = {"question": error.to_dict()}
    except InvalidInputError as error:
        told = {"reason": str(error)}
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS))


if __name__ == "__main__":
    _main(*sys.argv[1:])
