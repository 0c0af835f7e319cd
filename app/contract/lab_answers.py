"""Schemas of what the Lab answers people: experiments, recipes, runs, outputs, line, workers."""

from __future__ import annotations

from typing import Any, Literal

from app.contract.answers import TIME, Answer, FaultAnswer
from app.contract.lab import Visibility
from app.contract.pages import Page


class Owner(Answer):
    """To whom something belongs."""

    id: str
    name: str


class ExperimentItem(Answer):
    """An experiment, with the number of its runs by state, of those that may be seen."""

    experiment_id: str
    owner: Owner
    name: str
    description: str
    tags: list[str]
    visibility: Visibility
    created_at: str = TIME
    archived_at: str | None
    runs: dict[str, int]


class ExperimentDetail(ExperimentItem):
    """An experiment, with the bytes of the files that its runs have made."""

    bytes: int


class ExperimentsPage(Page):
    """Experiments, the newest first."""

    items: list[ExperimentItem]


class SplitSpan(Answer):
    """A stretch of one part of a split; without a time it is where the data begin or end.

    `cases` are those of a part that the source has made, where its data set tells of them.
    """

    part: Literal["train", "validation", "test"]
    from_at: str | None
    to_at: str | None
    cases: int | None


class SplitLane(Answer):
    """What one fit is fitted on, and what it forecasts."""

    name: str
    spans: list[SplitSpan]


class DerivedAnswer(Answer):
    """What follows from the window and the split of a recipe."""

    reach_hours: float
    embargo_hours: float | None
    first_at: str | None
    last_at: str | None
    split: list[SplitLane]


class SameRun(Answer):
    """A run of the same recipe, data, code and seed."""

    run_id: str
    number: int
    state: str


class RecipeCheckAnswer(Answer):
    """Whether a recipe can be used: errors by JSON pointer, or itself with every option.

    `toml` is that as a document. `estimate_s` is how long it would take by the runs of its kind
    that ended, null without any.
    """

    ok: bool
    errors: list[FaultAnswer]
    warnings: list[str]
    needs: list[str]
    recipe: dict[str, Any] | None
    toml: str | None
    derived: DerivedAnswer | None
    estimate_s: float | None
    same_as: list[SameRun]


class OffersAnswer(Answer):
    """What the workers that are there execute, and the inputs that the program knows."""

    workers: int
    queues: list[str]
    offers: list[str]
    keywords: list[str]
    history: list[str]


class SchemaAnswer(Answer):
    """The JSON Schema of recipes, that of the parameters of each kind of run, and the offers."""

    recipe: dict[str, Any]
    parameters: dict[str, dict[str, Any]]
    without_recipe: list[str]
    offers: OffersAnswer


class RecipeItem(Answer):
    """A recipe that is kept."""

    recipe_id: str
    owner: Owner
    name: str
    visibility: Visibility
    schema_version: int
    parent: str | None
    created_at: str = TIME


class RecipeDetail(RecipeItem):
    """A recipe with its document.

    `differs` are the options that are not those of its parent, as [parent's, its own] by path. It
    is null without a parent that one may see.
    """

    document: str
    differs: dict[str, list[Any]] | None = None


class RecipesPage(Page):
    """Recipes, the newest first."""

    items: list[RecipeItem]


class RunWorker(Answer):
    """Who executes, or last executed, a run; the host is null once it is forgotten."""

    id: str
    host: str | None


class RunItem(Answer):
    """A run in a list: note and reason may be cut.

    `actions` are what the asker may do now, `position` is its place among all that is queued, by
    the time of queueing. `bytes` are those of its files. `differs`, in the list of one experiment,
    are the options that the first of its runs has otherwise; null is what this one has not. Of a
    run that the asker may not see, but stopped, most is null.
    """

    run_id: str
    experiment_id: str | None
    owner: Owner
    kind: str
    number: int
    name: str
    visibility: Visibility
    state: str
    attempt: int
    queue: str
    worker: RunWorker | None
    recipe_id: str | None
    tags: list[str]
    note: str
    progress: float | None
    doing: str | None
    eta_s: float | None
    headline: dict[str, Any] | None
    reason: str | None
    stop_asked_at: str | None
    restarts_at: str | None
    created_at: str = TIME
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    position: int | None
    bytes: int
    differs: dict[str, Any] | None
    actions: list[str]


class RunsPage(Page):
    """Runs in the order that was asked for."""

    items: list[RunItem]


class RunDetail(RunItem):
    """A run with all that its result depends on; `same_as` are runs with its fingerprint."""

    datasets: list[str]
    parameters: dict[str, Any]
    fingerprint: str
    needs: list[str]
    time_limit_s: int
    same_as: list[str]


class BulkItem(Answer):
    """What became of one run: its state, or why nothing was done; deleted, the bytes that go."""

    run_id: str
    state: str | None
    bytes: int | None
    error: str | None


class BulkAnswer(Answer):
    """What became of each run."""

    items: list[BulkItem]


class DeletedAnswer(Answer):
    """What was put into the trash, and how many bytes of files go with it, where it is known."""

    deleted: str
    bytes: int | None = None


class OutputItem(Answer):
    """A file that a run made."""

    name: str
    kind: str
    bytes: int
    sha256: str
    attempt: int
    created_at: str = TIME


class OutputsPage(Page):
    """The files that a run made, by name."""

    items: list[OutputItem]


class AttemptItem(Answer):
    """An attempt: when, where and with what it worked, and how it ended."""

    attempt: int
    worker_id: str
    host: str
    code_version: str
    libraries: dict[str, str]
    began_at: str = TIME
    ended_at: str | None
    outcome: str | None
    reason: str | None
    cpu_s: float | None
    peak_rss: int | None
    rss: int | None
    log_bytes: int
    event_bytes: int


class RunAct(Answer):
    """Something that was done to a run."""

    at: str = TIME
    actor: str
    via: str
    action: str
    before: Any
    after: Any


class HistoryAnswer(Answer):
    """The attempts of a run, the first one first, and what was done to it, the newest first."""

    attempts: list[AttemptItem]
    audit: list[RunAct]


class PlacedRun(Answer):
    """A run in the line or in a slot; of what the asker may not see, its owner and kind alone."""

    run_id: str | None
    owner: Owner
    kind: str
    name: str | None
    number: int | None
    actions: list[str]


class SlotRun(PlacedRun):
    """A run that a worker has, and what its job has used by its last report."""

    started_at: str | None
    cpu_s: float | None
    rss: int | None


class LineItem(PlacedRun):
    """A run that waits: its place by the time of queueing, which turns between owners may change.

    `waits_for` is null where it only waits for its turn.
    """

    position: int
    queue: str
    queued_at: str = TIME
    waits_for: str | None


class LinePage(Page):
    """All that waits, the oldest first, two hundred at most."""

    items: list[LineItem]


class WorkerItem(Answer):
    """A worker, and what it executes."""

    worker_id: str
    host: str
    code_version: str
    offers: list[str]
    queue: str
    slots: int
    free: int
    state: Literal["ready", "draining", "away"]
    began_at: str = TIME
    last_seen_at: str = TIME
    runs: list[SlotRun]


class WorkersPage(Page):
    """Workers by host."""

    items: list[WorkerItem]


class GpuItem(Answer):
    """A GPU of a machine; null is what it does not say."""

    name: str
    memory: int
    memory_used: int
    use: float | None
    celsius: float | None


class MachineFacts(Answer):
    """The newest sample of a machine; sizes in bytes, `no_gpu` why no GPU is known."""

    cores: int
    cpu: float
    load: float
    memory: int
    memory_used: int
    swap: int
    swap_used: int
    disk: int
    disk_used: int
    gpus: list[GpuItem]
    no_gpu: str | None


class MachineSeries(Answer):
    """Columns of what was in use; without a point where the machine was silent."""

    at: list[str]
    cpu: list[float]
    memory_used: list[float]
    disk_used: list[float]
    gpu: list[float | None]


class MachineItem(Answer):
    """A machine: of a worker, or of the API."""

    host: str
    seen_at: str = TIME
    facts: MachineFacts
    series: MachineSeries


class MachinesPage(Page):
    """Machines seen within a day, by name."""

    items: list[MachineItem]
