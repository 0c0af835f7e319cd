"""The journal of a run: progress on the terminal, events in a file, checkpoints, and a stop."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import FrameType

import orjson
from tqdm import tqdm

from model_training.features import Floats, Inputs
from solar.errors import FlarewatchError
from solar.probability import brier_skill
from solar.time import isoformat

EVENTS = "events.jsonl"
_PARTS, _DOING = "parts", "doing"
# Before this share of a run is done, its speed tells nothing of the rest.
_LEAST_SHARE = 0.02
_log = logging.getLogger(__name__)


class StoppedError(FlarewatchError):
    """The run was asked to stop and has kept a checkpoint of its work."""

    title = "Stopped"


@dataclass
class Stop:
    """Whether the run was asked to stop; work checks it between two steps."""

    is_requested: bool = False

    def request(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ask for a stop, as a signal handler may."""
        self.is_requested = True


@dataclass(frozen=True)
class FoldSkill:
    """The Brier skill of a fit in progress on the held-out cases of its fold.

    It is written down and nothing else: no fit learns, chooses or stops by it.

    Parameters
    ----------
    make_inputs : makes the inputs of the n cases, if a fit asks for its skill
    outcome : (n,) 0 or 1
    finish : from (n,) forecasts of the estimator to those of the model
    """

    make_inputs: Callable[[], Inputs]
    outcome: Floats
    finish: Callable[[Floats], Floats] = lambda probability: probability

    @cached_property
    def _inputs(self) -> Inputs:
        return self.make_inputs()

    def behind(self, prepare: Callable[[Inputs], Inputs]) -> FoldSkill:
        """Return the skill of what reads these inputs only after a preparation."""
        return replace(self, make_inputs=lambda: prepare(self.make_inputs()))

    def of(self, forecast: Callable[[Inputs], Floats]) -> float | None:
        """Return 1 - Brier score / that of the event rate; None if all have one outcome.

        Range to 1, no skill 0, perfect 1. The forecasts are raw: calibration comes later.
        """
        probability = self.finish(forecast(self._inputs))
        return brier_skill(probability, self.outcome, reference=self.outcome.mean())


@dataclass(frozen=True)
class Journal:
    """The event log, progress bars and checkpoints of a run.

    Parameters
    ----------
    folder : where the event log and the checkpoints go; None keeps neither
    place : what the run is doing, outermost first; part of every event and checkpoint name
    shows_bars : draw progress bars on standard error
    resumes : continue from the checkpoints found in the folder
    fold_skill : what tells the skill of a fit between its steps; None in a fit without a fold
    """

    folder: Path | None = None
    place: tuple[str, ...] = ()
    shows_bars: bool = False
    resumes: bool = False
    stop: Stop = field(default_factory=Stop)
    fold_skill: FoldSkill | None = None

    def within(self, name: str) -> Journal:
        """Return the journal of a part of the run."""
        return replace(self, place=(*self.place, name))

    def turn_to(self, work: str) -> None:
        """Say in words what the run does next, in its log and its events.

        Raises
        ------
        StoppedError
            When the run was asked to stop.
        """
        self.check()
        _log.info("%s", ": ".join([*self.place, work]))
        self.tell(_DOING, text=work)

    def tell_parts(self, names: Sequence[str]) -> None:
        """Tell which parts this one will have, in their order, so that its progress is known."""
        self.tell(_PARTS, names=names)

    def tell(self, event: str, **figures: float | str | Sequence[str] | None) -> None:
        """Write one event with its time and place; figures must be finite or None."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        line = {"at": isoformat(datetime.now(UTC)), "place": "/".join(self.place), "event": event}
        with (self.folder / EVENTS).open("ab") as file:
            file.write(orjson.dumps(line | figures, option=orjson.OPT_APPEND_NEWLINE))

    def lines(self) -> list[bytes]:
        """Return the events of this part that were told so far, one line of JSON each."""
        log = None if self.folder is None else self.folder / EVENTS
        if log is None or not log.is_file():
            return []
        lines = log.read_bytes().splitlines()
        place = orjson.dumps("/".join(self.place))[:-1]
        within = tuple(b'"place":' + place + end for end in (b'"', b"/"))
        return [line for line in lines if not self.place or any(one in line for one in within)]

    @contextmanager
    def of_run(self, recipe: str) -> Iterator[None]:
        """Tell when a run begins and how it ends; one that was stopped has told so itself."""
        self.tell("begin", recipe=recipe)
        try:
            yield
        except StoppedError:
            raise
        except FlarewatchError as error:
            # Who follows the log must not take a run that failed for one that goes on.
            self.tell("failed", reason=str(error))
            raise
        self.tell("end", recipe=recipe)

    def checkpoint(self, suffix: str) -> Path | None:
        """Return where a checkpoint of this part of the run is kept, or None without a folder."""
        if self.folder is None:
            return None
        path = self.folder / "checkpoints" / ("-".join(self.place).replace("/", "-") + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def steps(self, unit: str, total: int, *, done: int = 0) -> Steps:
        """Begin counting the steps of this part, `done` of which a checkpoint already holds."""
        return Steps(self, unit, total, done)

    def check(self) -> None:
        """Raise `StoppedError` where no checkpoint is needed because little would be lost."""
        if self.stop.is_requested:
            self.tell("stopped")
            raise StoppedError("the run was stopped; run it again with --resume")


class Steps:
    """Counted steps of a part of a run, with the time that the rest will take."""

    def __init__(self, journal: Journal, unit: str, total: int, done: int) -> None:
        self._journal, self._unit, self._total = journal, unit, total
        self._first, self._done, self._began = done, done, time.monotonic()
        self._bar = tqdm(
            total=total,
            initial=done,
            unit=unit,
            desc="/".join(journal.place),
            disable=not journal.shows_bars,
            leave=False,
        )

    def advance(self, **figures: float | None) -> None:
        """Count one step and write its figures, such as the loss, with the seconds left."""
        self._done += 1
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in figures.items() if value})
        self._bar.update()
        per_step = (time.monotonic() - self._began) / (self._done - self._first)
        self._journal.tell(
            self._unit,
            step=self._done,
            of=self._total,
            eta_seconds=round(per_step * (self._total - self._done), 1),
            **figures,
        )
        if self._done == self._total:
            self._bar.close()

    def close(self) -> None:
        """End early."""
        self._bar.close()


class Progress:
    """How far a run has come, read from its events one after the other.

    Parts weigh the same, so that `eta_s`, the seconds left, is a rough figure; it and `share`
    (0 to 1) are None while they are unknown.
    """

    def __init__(self) -> None:
        self.share: float | None = None
        self.doing = ""
        self.eta_s: float | None = None
        self._parts: dict[tuple[str, ...], list[str]] = {}
        self._began: datetime | None = None

    def read(self, line: str | bytes) -> None:
        """Take in one event; a line that is not whole is passed over."""
        try:
            event = orjson.loads(line)
            at, place = datetime.fromisoformat(event["at"]), tuple(event["place"].split("/"))
        except (ValueError, LookupError, TypeError, AttributeError):
            # A run that was killed leaves half a line behind.
            return
        place = place if place != ("",) else ()
        self._began = self._began or at
        if event["event"] == _PARTS:
            known = self._parts.setdefault(place, [])
            known += [name for name in event["names"] if name not in known]
        if event["event"] == _DOING:
            self.doing = ": ".join([*place, event["text"]])
        if "of" in event:
            self.doing = f"{', '.join(place)}: {event['event']} {event['step']} of {event['of']}"
        if self._parts.get(()):
            steps = 1.0 if event["event"] == "end" else event.get("step", 0) / event.get("of", 1)
            self.share = max(self.share or 0.0, self._share_before(place, steps))
            self.eta_s = self._eta(self.share, (at - self._began).total_seconds())

    def _share_before(self, place: tuple[str, ...], done: float) -> float:
        """Return the share of the run before a place of which so much is done."""
        before, width = 0.0, 1.0
        for depth, name in enumerate(place):
            parts = self._parts.get(place[:depth], [])
            if name not in parts:
                break
            width /= len(parts)
            before += width * parts.index(name)
        else:
            # Where a part is divided further, its own steps do not measure it, but its end does.
            done = 0.0 if done < 1 and self._parts.get(place) else done
        return before + width * done

    @staticmethod
    def _eta(share: float, elapsed: float) -> float | None:
        return round(elapsed * (1 - share) / share, 1) if share >= _LEAST_SHARE else None


def progress_of(lines: Iterable[str | bytes]) -> tuple[float | None, str, float | None]:
    """Read from the events of a run how far it is (0 to 1), what it does and the seconds left."""
    progress = Progress()
    for line in lines:
        progress.read(line)
    return progress.share, progress.doing, progress.eta_s


@contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for a stop instead of ending the process at once."""
    before = {
        number: signal.signal(number, stop.request) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
