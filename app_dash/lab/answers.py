"""What the API says of the Lab, read once: runs, experiments, workers, who waits, outputs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app_dash.shared.verification.report import Score
from database.lab.runs import UNDER_WAY


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


class BrierSkill(Score):
    """A Brier skill score with its interval."""

    value: float | None = Field(default=None, validation_alias="bss")


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
    tags: list[str] = []
    note: str = ""
    progress: float | None = None
    doing: str | None = None
    eta_s: float | None = None
    headline: dict[str, BrierSkill] | None = None
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


class SlotRun(Placed):
    """A run that a worker has, and what its job has used."""

    started_at: datetime | None = None
    cpu_s: float | None = None
    rss: int | None = None


class Worker(Answer):
    """A worker, its slots, and the runs that sit in them."""

    worker_id: str
    host: str = ""
    queue: str = "cpu"
    slots: int = 0
    free: int = 0
    state: str = "ready"
    last_seen_at: datetime | None = None
    runs: list[SlotRun] = []


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
    made_by_run: str | None = None

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


class Gpu(Answer):
    """A GPU; None is what it does not say."""

    name: str = ""
    memory: int = 0
    memory_used: int = 0
    use: float | None = None
    celsius: float | None = None


class MachineFacts(Answer):
    """The newest sample of a machine; sizes in bytes."""

    cores: int = 0
    cpu: float = 0.0
    load: float = 0.0
    memory: int = 0
    memory_used: int = 0
    swap: int = 0
    swap_used: int = 0
    disk: int = 0
    disk_used: int = 0
    gpus: list[Gpu] = []
    no_gpu: str | None = None


class MachineSeries(Answer):
    """Columns of what was in use; a machine that was silent has no point."""

    at: list[datetime] = []
    cpu: list[float] = []
    memory_used: list[float] = []
    disk_used: list[float] = []
    gpu: list[float | None] = []


class Machine(Answer):
    """A machine: of a worker, or of the API."""

    host: str
    seen_at: datetime | None = None
    facts: MachineFacts = MachineFacts()
    series: MachineSeries = MachineSeries()
