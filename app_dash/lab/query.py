"""The addresses of the Lab: what the query behind each of its paths selects."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app_dash.shared.url_state import Query

Tab = Literal["progress", "log", "result", "recipe", "outputs", "machine", "history"]
Sort = Literal["made", "state", "name", "bss", "took", "ended", "owner"]
Event = Literal["M1.0", "C1.0", "M5.0", "X1.0"]
_Begun = Literal["", "draft", "queued", "published", "running"]
_Ended = Literal["succeeded", "failed", "cancelled", "timed_out", "lost"]
State = Literal[_Begun, _Ended]
Scale = Literal["auto", "linear", "log"]
AnalysisKind = Literal["", "cluster", "forecast", "network", "augment"]
DataState = Literal["", "checking", "asks", "ready", "refused"]


class RunQuery(Query):
    """The tab of a run, and of its tab the attempt (0 for the newest), file, event, cases, part."""

    tab: Tab = "progress"
    attempt: int = Field(default=0, ge=0, le=1_000_000)
    file: str = Field(default="", max_length=200)
    event: str = Field(default="", max_length=20)
    part: Literal["", "test", "validation"] = ""
    show: str = Field(default="", max_length=80)


class CompareQuery(Query):
    """Which runs are compared, by event and cases, and which of their parameters are shown."""

    runs: str = Field(default="", max_length=300, pattern="^[0-9A-Z]*(,[0-9A-Z]+)*$")
    event: str = Field(default="", max_length=20)
    part: Literal["test", "validation"] = "test"
    parameters: Literal["differences", "all"] = "differences"


class TableQuery(Query):
    """What the address of any table of the Lab selects; each table knows its own states."""

    state: str = Field(default="", max_length=20)
    tag: str = Field(default="", max_length=40)
    text: str = Field(default="", max_length=100)
    owner: str = Field(default="", max_length=80)
    recipe: str = Field(default="", max_length=100)
    least: str = Field(default="", pattern=r"^(-?\d{1,3}(\.\d{1,9})?)?$")
    event: Event = "M1.0"
    sort: Sort = "made"
    up: bool = False
    after: str = Field(default="", max_length=500)

    def filters(self) -> dict[str, str]:
        """Return the parameters of the request for the rows."""
        given = {name: getattr(self, name) for name in ("state", "tag", "text", "owner")}
        given["cursor"] = self.after
        return {name: value for name, value in given.items() if value}


class RunsQuery(TableQuery):
    """Which runs a table lists, in which order, and from which place on."""

    state: State = ""
    kind: AnalysisKind = ""

    def filters(self) -> dict[str, str]:
        """Return the parameters of the request for the rows."""
        given = {"recipe": self.recipe, "sort": self.sort, "event": self.event}
        given["bss_min"] = f"{self.event}:{self.least}" if self.least else ""
        given["up"] = "true" if self.up else ""
        return super().filters() | {name: value for name, value in given.items() if value}


class ExperimentsQuery(TableQuery):
    """Which experiments the table lists."""

    state: Literal["", "open", "archived"] = ""

    def filters(self) -> dict[str, str]:
        """Return the parameters of the request for the rows."""
        archived = {"archived": str(self.state == "archived").lower()} if self.state else {}
        given = {"text": self.text, "owner": self.owner}
        return {name: value for name, value in given.items() if value} | archived


class DataQuery(TableQuery):
    """Which data sets the table lists."""

    state: DataState = ""


class DatasetQuery(Query):
    """How the page of a data set draws: the scale of the histograms, which lag is correlated."""

    scale: Scale = "auto"
    lag: int = Field(default=0, ge=0, le=2)


class NewRunQuery(Query):
    """What the form of a new run begins with."""

    experiment: str = Field(default="", pattern=r"^[0-9A-Z]{0,26}$")
    recipe: str = Field(default="", pattern=r"^[0-9A-Z]{0,26}$")
    dataset: str = Field(default="", pattern=r"^[0-9A-Z]{0,26}$")
    run: str = Field(default="", pattern=r"^[0-9A-Z]{0,26}$")
    kind: str = Field(default="", pattern=r"^[a-z-]{0,16}$")


class MachinesQuery(Query):
    """For how long back machines are shown."""

    span: Literal["hour", "day"] = "hour"
