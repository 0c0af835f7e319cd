"""What the API says of the Lab, read once: runs, experiments, workers, who waits, outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from app_dash.api_client import TIMEOUT_SECONDS, ApiUnavailableError, api_of, ask
from app_dash.settings import DashSettings
from database.lab.runs import UNDER_WAY
from solar.errors import InvalidInputError

LAB = "/lab"
# Of a stream so many pieces are read for the curves, which is a megabyte.
_MOST_PIECES = 16
MOST_SHOWN_BYTES = 4 * 2**20
A = TypeVar("A", bound="Answer")


class Answer(BaseModel):
    """A part of an answer; what an asker may not see is absent."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Owner(Answer):
    """Whose an object is."""

    id: str = ""
    name: str = ""


class Place(Answer):
    """The worker that executes a run; of one that is forgotten the host is unknown."""

    id: str = ""
    host: str | None = None


class Score(Answer):
    """A Brier skill score with its interval."""

    bss: float | None = None
    low: float | None = None
    high: float | None = None


class Run(Answer):
    """A run; `actions` is what the asker may do with it now."""

    run_id: str
    experiment_id: str | None = None
    owner: Owner = Owner()
    kind: str = ""
    number: int = 0
    name: str | None = None
    visibility: str = "private"
    state: str = "draft"
    attempt: int = 0
    queue: str = ""
    worker: Place | None = None
    recipe_id: str | None = None
    datasets: list[str] = []
    parameters: dict[str, Any] = {}
    fingerprint: str = ""
    same_as: list[str] = []
    time_limit_s: int | None = None
    tags: list[str] = []
    note: str = ""
    progress: float | None = None
    doing: str | None = None
    eta_s: float | None = None
    headline: dict[str, Score] | None = None
    reason: str | None = None
    stop_asked_at: datetime | None = None
    restarts_at: datetime | None = None
    created_at: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    position: int | None = None
    bytes: int = 0
    differs: dict[str, Any] | None = None
    actions: list[str] = []

    @property
    def is_under_way(self) -> bool:
        """Tell whether its state changes by itself."""
        return self.state in UNDER_WAY or self.restarts_at is not None

    @property
    def took(self) -> timedelta | None:
        """How long it took, None where it has not begun or not ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at

    @property
    def label(self) -> str:
        """Name the run in words."""
        return f"{self.name}, run {self.number}" if self.name else f"run {self.number}"


class Experiment(Answer):
    """An experiment, which groups runs."""

    experiment_id: str
    owner: Owner = Owner()
    name: str = ""
    description: str = ""
    tags: list[str] = []
    visibility: str = "private"
    runs: dict[str, int] = {}
    bytes: int = 0
    created_at: datetime | None = None
    archived_at: datetime | None = None


class Placed(Answer):
    """A run in a slot or in the line; of what the asker may not see, owner and kind alone."""

    run_id: str | None = None
    owner: Owner = Owner()
    kind: str = ""
    name: str | None = None
    number: int | None = None
    actions: list[str] = []

    @property
    def label(self) -> str:
        """Name the run in few words."""
        return f"{self.name} › {self.number}" if self.name else self.kind


class Waiting(Placed):
    """A run in the line; `waits_for` is None where it only waits for its turn."""

    position: int = 0
    queue: str = ""
    waits_for: str | None = None
    queued_at: datetime | None = None


class Worker(Answer):
    """A worker, its slots, and the runs that sit in them."""

    worker_id: str
    host: str = ""
    queue: str = "cpu"
    slots: int = 0
    free: int = 0
    state: str = "ready"
    last_seen_at: datetime | None = None
    runs: list[Placed] = []


class Output(Answer):
    """A file that a run has made."""

    name: str
    kind: str = ""
    sha256: str = ""
    bytes: int = 0
    created_at: datetime | None = None


class Attempt(Answer):
    """One try of a run on a worker."""

    attempt: int
    host: str = ""
    code_version: str = ""
    libraries: dict[str, str] = {}
    began_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    cpu_s: float | None = None
    peak_rss: int | None = None


class Entry(Answer):
    """What somebody did to a run."""

    at: datetime
    actor: str = ""
    action: str = ""
    via: str = ""
    before: Any = None
    after: Any = None


class History(Answer):
    """The attempts of a run and what was done to it."""

    attempts: list[Attempt] = []
    audit: list[Entry] = []


class Dataset(Answer):
    """A data set that runs may use."""

    dataset_id: str
    name: str = ""
    version: int = 1
    state: str = ""
    rows: int | None = None

    @property
    def label(self) -> str:
        """Name the data set in words."""
        return f"{self.name} v{self.version}"


class Recipe(Answer):
    """A stored recipe."""

    recipe_id: str
    name: str = ""
    document: str = ""
    differs: dict[str, list[Any]] | None = None
    created_at: datetime | None = None


class Fault(Answer):
    """One thing that is wrong with a recipe, and where."""

    path: str = ""
    message: str = ""


class Span(Answer):
    """A stretch of one part of a split; without a time it is where the data begin or end."""

    part: str = ""
    from_at: datetime | None = None
    to_at: datetime | None = None
    cases: int | None = None


class Lane(Answer):
    """What one fit is fitted on, and what it forecasts."""

    name: str = ""
    spans: list[Span] = []


class Derived(Answer):
    """What follows from a recipe."""

    reach_hours: float = 0
    embargo_hours: float | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    split: list[Lane] = []


class SameRun(Answer):
    """A run of the same recipe, data, code and seed."""

    run_id: str
    number: int = 0
    state: str = ""


class Check(Answer):
    """What the API says of a recipe."""

    ok: bool
    errors: list[Fault] = []
    warnings: list[str] = []
    needs: list[str] = []
    derived: Derived | None = None
    estimate_s: float | None = None
    same_as: list[SameRun] = []


class Offers(Answer):
    """What the workers that are there execute, and the inputs that the program knows."""

    workers: int = 0
    queues: list[str] = []
    offers: list[str] = []
    keywords: list[str] = []
    history: list[str] = []


class Schemas(Answer):
    """The JSON Schema of recipes, that of the parameters of each kind of run, and the offers."""

    recipe: dict[str, Any]
    parameters: dict[str, dict[str, Any]] = {}
    without_recipe: list[str] = []
    offers: Offers = Offers()


@dataclass(frozen=True)
class Listing:
    """One page of runs; `following` is the cursor of the next one."""

    runs: Sequence[Run]
    following: str | None = None


class Lab:
    """The Lab as the API shows it to whoever is signed in; methods raise what `ask` raises."""

    def __init__(self, settings: DashSettings) -> None:
        self._settings = settings

    def runs(self, **filters: str) -> Listing:
        """Return a page of runs, the newest first."""
        return Listing(*self.page(Run, f"{LAB}/runs", **filters))

    def run(self, run_id: str) -> Run:
        """Return a run."""
        return _read(Run, self._get(f"{LAB}/runs/{_part(run_id)}"))

    def outputs(self, run_id: str) -> list[Output]:
        """Return the files that a run has made."""
        return self.all(Output, f"{run_path(run_id)}/outputs")

    def output(self, run_id: str, name: str) -> bytes:
        """Return the first bytes of a file that a run has made, as many as a page shows."""
        path = f"/api/v1{run_path(run_id)}/outputs/{quote(name)}"
        shown = {"Range": f"bytes=0-{MOST_SHOWN_BYTES - 1}"}
        try:
            return api_of(self._settings).call("GET", path, headers=shown).content
        except InvalidInputError:
            # An empty file has no such range.
            return b""

    def events(self, run_id: str) -> str:
        """Return what the current attempt has told so far, as lines of JSON."""
        told, place = b"", 0
        for _ in range(_MOST_PIECES):
            piece, following = self._piece(run_id, place)
            told += piece
            if following <= place:
                break
            place = following
        return told.decode(errors="replace")

    def _piece(self, run_id: str, place: int) -> tuple[bytes, int]:
        answer = api_of(self._settings).get(
            f"/api/v1{LAB}/runs/{_part(run_id)}/log", {"stream": "events", "from": str(place)}
        )
        following = answer.headers.get("X-Next-Offset", "")
        return answer.content, int(following) if following.isdecimal() else place

    def experiments(self, **filters: str) -> list[Experiment]:
        """Return the newest experiments that the asker sees."""
        return _read_all(Experiment, self._get(f"{LAB}/experiments", limit="200", **filters))

    def experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment."""
        return _read(Experiment, self._get(f"{LAB}/experiments/{_part(experiment_id)}"))

    def datasets(self) -> list[Dataset]:
        """Return the data sets that the asker may use."""
        return _read_all(Dataset, self._get(f"{LAB}/datasets", limit="200"))

    def one(self, kind: type[A], path: str, **parameters: str) -> A:
        """Return the answer at a path of the API."""
        return _read(kind, self._get(path, **parameters))

    def all(self, kind: type[A], path: str) -> list[A]:
        """Return the items of a list of the API."""
        return _read_all(kind, self._get(path))

    def page(self, kind: type[A], path: str, /, **filters: str) -> tuple[list[A], str | None]:
        """Return a page of a list, and the cursor of the next one."""
        answer = self._get(path, **filters)
        cursor = answer.get("next_cursor")
        return _read_all(kind, answer), cursor if isinstance(cursor, str) else None

    def longest_upload(self) -> int | None:
        """Return how many bytes a file may have, None where the API does not say."""
        told = api_of(self._settings).call("OPTIONS", f"/api/v1{LAB}/uploads").headers
        size = told.get("Tus-Max-Size", "")
        return int(size) if size.isdecimal() else None

    def recipes(self) -> list[Recipe]:
        """Return the stored recipes, without their documents where the API leaves these out."""
        return _read_all(Recipe, self._get(f"{LAB}/recipes", limit="200"))

    def recipe(self, recipe_id: str) -> Recipe:
        """Return a stored recipe with its document."""
        return _read(Recipe, self._get(f"{LAB}/recipes/{_part(recipe_id)}"))

    def schemas(self) -> Schemas:
        """Return what the form of a new run is drawn from."""
        return _read(Schemas, self._get(f"{LAB}/schema"))

    def check(self, document: str, **run: Any) -> Check:
        """Have a recipe checked for a run; nothing is stored."""
        body = {"document": document} | run
        return _read(Check, self.do("POST", f"{LAB}/recipes/check", body))

    def do(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> dict[str, Any]:
        """Have the API do something."""
        return ask(
            self._settings, method, path, body, headers=headers, timeout_seconds=timeout_seconds
        )

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        return ask(self._settings, "GET", path, parameters=parameters)


def run_path(run_id: str) -> str:
    """Return where the API has a run."""
    return f"{LAB}/runs/{_part(run_id)}"


def dataset_path(dataset_id: str) -> str:
    """Return where the API has a data set."""
    return f"{LAB}/datasets/{_part(dataset_id)}"


def experiment_path(experiment_id: str) -> str:
    """Return where the API has an experiment."""
    return f"{LAB}/experiments/{_part(experiment_id)}"


def _part(identity: str) -> str:
    return quote(identity, safe="")


def _read(kind: type[A], answer: object) -> A:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ApiUnavailableError(
            f"the API and this dashboard differ about {kind.__name__}.{place}: {first['msg']};"
            " see that both run the same version"
        ) from error


def _read_all(kind: type[A], answer: Mapping[str, Any]) -> list[A]:
    items = answer.get("items")
    return [_read(kind, item) for item in items] if isinstance(items, list) else []
