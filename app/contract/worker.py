"""Schemas of what workers of the Lab and their jobs say, and are told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.contract.answers import Answer
from app.contract.queries import UrlQuery
from app.contract.schemas import Strict
from database.lab.attempts import OUTCOMES
from database.lab.streams import LARGEST_CHUNK
from solar.machine import Gpu, MachineSample

_LARGEST_RUN = 2**40
Id = Annotated[str, Field(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
Host = Annotated[str, Field(min_length=1, max_length=255)]
Ascii = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AttemptNumber = Annotated[int, Field(ge=1, le=10**6)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=0, le=_LARGEST_RUN)]


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Load = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Celsius = Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)]
MachineSize = Annotated[int, Field(ge=0, le=2**60)]


class GpuBody(Strict):
    """A GPU; null is what it does not say."""

    name: Annotated[str, Field(max_length=100)]
    memory: MachineSize
    memory_used: MachineSize
    use: Share | None
    celsius: Celsius | None


class MachineBody(Strict):
    """What the machine of a worker has, and how much of it is in use; sizes in bytes."""

    cores: Annotated[int, Field(ge=1, le=10_000)]
    cpu: Share
    load: Load
    memory: MachineSize
    memory_used: MachineSize
    swap: MachineSize
    swap_used: MachineSize
    disk: MachineSize
    disk_used: MachineSize
    gpus: Annotated[list[GpuBody], Field(max_length=64)]
    no_gpu: Annotated[str, Field(max_length=200)] | None

    def sample(self) -> MachineSample:
        """Return it as the store takes it."""
        gpus = tuple(Gpu(**dict(gpu)) for gpu in self.gpus)
        return MachineSample(**dict(self) | {"gpus": gpus})


class RegisterBody(Strict):
    """A worker that begins (without an id), or that goes on."""

    worker_id: Id | None = None
    host: Host
    code_version: Ascii
    offers: Annotated[list[Ascii], Field(max_length=100)]
    queue: Annotated[str, Field(pattern=r"^(cpu|gpu\.[A-Za-z0-9._-]{1,64}\.\d{1,3})$")]
    slots: Annotated[int, Field(ge=1, le=256)]
    free: Annotated[int, Field(ge=0, le=256)]
    is_draining: bool = False
    machine: MachineBody | None = None


class RegisterAnswer(Answer):
    """Who the worker is, whether it gets more to do, and for how long a job may be silent."""

    worker_id: str
    state: Literal["ready", "draining"]
    lease_seconds: float
    grace_seconds: float


class ClaimBody(Strict):
    """A job that begins an attempt; its token tells it from another job of the same message."""

    attempt: AttemptNumber
    worker_id: Id
    token: Id
    host: Host
    code_version: Ascii
    libraries: Annotated[
        dict[Annotated[str, Field(max_length=80)], Annotated[str, Field(max_length=80)]],
        Field(max_length=200, default_factory=dict),
    ]


class FileItem(Answer):
    """A file that a job reads."""

    name: str
    sha256: str
    bytes: int


class DatasetInput(Answer):
    """A data set that a job reads, and how."""

    dataset_id: str
    name: str
    layout: dict[str, Any] | None
    files: list[FileItem]


class ClaimAnswer(Answer):
    """What the job is to do, with what, and within which times."""

    kind: str
    number: int
    recipe: str | None
    parameters: dict[str, Any]
    datasets: list[DatasetInput]
    inputs: list[FileItem]
    checkpoints: list[FileItem]
    time_limit_s: int
    lease_seconds: float
    grace_seconds: float


class PieceBody(Strict):
    """Text of a stream, and at which byte of it the text begins."""

    from_byte: Size = 0
    text: Annotated[str, Field(max_length=LARGEST_CHUNK)] = ""


class ReportBody(Strict):
    """What a job says while it works."""

    attempt: AttemptNumber
    log: PieceBody = PieceBody()
    events: PieceBody = PieceBody()
    rss: Size | None = None
    progress: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    doing: Annotated[str, Field(max_length=200)] | None = None
    eta_s: Seconds | None = None


class ReportAnswer(Answer):
    """Whether to stop, and how much of each stream has arrived."""

    stop: bool
    log_bytes: int
    event_bytes: int


class OutputQuery(UrlQuery):
    """A piece of an output: where it belongs in a file of so many bytes with this hash."""

    attempt: AttemptNumber
    kind: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
    offset: Size
    bytes: Size
    sha256: Sha256


class OutputAnswer(Answer):
    """How much of the output is here."""

    received: int
    is_complete: bool


class FileQuery(UrlQuery):
    """The attempt that reads the file."""

    run_id: Id
    attempt: AttemptNumber


class StoreQuery(UrlQuery):
    """The attempt that reads the store, and where its next page begins."""

    attempt: AttemptNumber
    cursor: str | None = Field(default=None, max_length=500)


class Interval(Strict):
    """A skill score with its interval."""

    bss: float | None
    low: float | None = None
    high: float | None = None


class DescriptionBody(Strict):
    """What a job found in a data set."""

    layout: dict[str, Any] | None = None
    breakdown: dict[str, Any] | None = None
    question: dict[str, Any] | None = None
    rows: Annotated[int, Field(ge=0, le=2**53)] | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None


class EndBody(Strict):
    """What a job says last."""

    attempt: AttemptNumber
    outcome: Annotated[str, Field(json_schema_extra={"enum": list(OUTCOMES)})]
    reason: Annotated[str, Field(max_length=2000)] | None = None
    headline: (
        Annotated[dict[Annotated[str, Field(max_length=16)], Interval], Field(max_length=8)] | None
    ) = None
    cpu_s: Seconds | None = None
    peak_rss: Size | None = None
    dataset: DescriptionBody | None = None


class StateAnswer(Answer):
    """The state in which the run is now."""

    state: str
