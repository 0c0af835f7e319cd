"""Data configuration: files, layout, columns, and the observation window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from model_training.recipe.config import Config, option
from solar.flares import EVENTS

TimeScale = Literal["UTC", "TAI"]
RegionNumbers = Literal["noaa", "harp"]
Axis = Literal["cases", "features", "steps"]
_FLARES = "GOES flare list (parquet): gives the truth, what flared before, and the flare history"
_HARPS = "JSOC's list of HARPs with their NOAA regions; joins flares to regions named by HARP"
_SHARP_HARPS = _HARPS + ", and puts rows that name a NOAA region alone under its first HARP"
_LABELS = "column of 0 and 1 that is the truth of an event, instead of the flare list"


class WindowConfig(Config):
    """The observation window that ends at t; one step is the record at t alone."""

    steps: int = option(1, "records in the window, the one at t included", ge=1, le=1000)
    cadence_hours: float = option(0.2, "time between two steps", unit="h", gt=0, le=48)
    tolerance_hours: float = option(
        0.1, "a record this far from its step still stands for it", unit="h", ge=0, le=24
    )
    stride: int = option(1, "keep every so many-th case of a region", unit="cases", ge=1, le=10**6)


def _known(name: str) -> str:
    if name not in {event.name for event in EVENTS}:
        raise ValueError(f"no event {name}; there are {', '.join(e.name for e in EVENTS)}")
    return name


EventName = Annotated[str, AfterValidator(_known)]


class SourceConfig(Config):
    """What every layout has; all paths are relative to the data folder."""

    licence: str = option("", "as the source states it, for the model card")


class FillConfig(Config):
    """Where region-days come from that the main rows leave out by construction.

    Those are days after an `event` and before none; only rows of this `licence` are read.
    """

    rows: str = Field(description="file of rows like the main one, with columns licence, LON_FWT")
    licence: str = Field(description="rows of this licence alone are read")
    event: EventName = Field(description="the event that the days follow")


class AddedConfig(Config):
    """Rows of another file that are only learned from, with less weight.

    A series of records is thinned to the last one of each region and stretch of hours.
    """

    rows: str = Field(description="file of rows like the main one, with columns licence and src")
    licence: str = Field(description="rows of this licence alone are read")
    src: str = Field(description="rows with this in their column src alone are read")
    every_hours: int = option(
        6, "the last record of each region in so many hours is taken", unit="h", ge=1, le=24
    )
    weight: float = option(0.3, "of a row, where one of the main file weighs 1", gt=0, le=1)


class SharpConfig(SourceConfig):
    """Rows of SHARP keywords with columns noaa_ar or harpnum, and t_rec (TAI)."""

    layout: Literal["sharp"] = "sharp"
    rows: str = Field(description="parquet or csv")
    flares: str | None = option(None, _FLARES)
    harps: str | None = option(None, _SHARP_HARPS)
    issue: Literal["record", "day-end"] = option(
        "record",
        "when a forecast is issued: at the record itself, or at 23:48 TAI of its day with one row"
        " per region and day, for sets that sample flaring regions at a fixed time before a flare",
    )
    flares_known_from: Literal["peak", "end"] = option(
        "peak",
        "from when on a flare counts in the flare history: its end, as in serving, or its peak, as"
        " the committed models were fitted",
    )
    fill: FillConfig | None = option(None, "days that the set leaves out, from another file")
    added: AddedConfig | None = option(None, "rows from another file, only to learn from")
    licences: tuple[str, ...] | None = option(
        None, "rows with one of these in their column licence are read; none: all rows"
    )
    labels: dict[EventName, str] = option({}, _LABELS)

    @model_validator(mode="after")
    def _fill_needs_flares(self) -> SharpConfig:
        if self.flares is None and self.fill is not None:
            raise ValueError("fill looks for days after a flare: give flares as well")
        return self


class M24Config(SourceConfig):
    """Line-of-sight samples every 96 min in HARP-disjoint files, of HMI or of MDI."""

    layout: Literal["m24"]
    folder: str = Field(description="of files sharp_N.parquet or smarp_N.parquet; N is the fold")
    instrument: Literal["sharp", "smarp"] = option("sharp", "HMI since 2010, or MDI before")
    pooled: Literal["sharp", "smarp"] | None = option(
        None, "another instrument whose cases are trained on too, moved onto the scale of the first"
    )
    pooled_weight: float = option(0.3, "of a case of that instrument", gt=0, le=1)
    event: EventName = option("M1.0", "the event that the column label tells of")
    flares: str | None = option(None, _FLARES + "; the truth stays that of the files")
    harps: str | None = option(None, _HARPS)

    @model_validator(mode="after")
    def _flares_need_a_map(self) -> M24Config:
        if self.flares is not None and self.instrument == "smarp":
            raise ValueError("smarp regions are TARPs, which no HARP map knows: leave out flares")
        if self.flares is not None and self.harps is None:
            raise ValueError("flares name NOAA regions and these files HARPs: give harps as well")
        if self.pooled == self.instrument:
            raise ValueError("pooled must be the other instrument")
        if self.pooled is not None and self.flares is not None:
            raise ValueError(
                "the flare history of the two instruments does not join; leave out flares"
            )
        return self


class Li2024Config(SourceConfig):
    """One of ten published splits into train, valid and test files, of z-scored keywords."""

    layout: Literal["li2024"]
    folder: str = Field(description="of files train_data_N.parquet, valid_data_N and test_data_N")
    number: int = Field(ge=0, le=9, description="of the split")


class SwanSfConfig(SourceConfig):
    """SWAN-SF instances: a tab-separated file for each window, named by class, HARP and time."""

    layout: Literal["swan-sf"]
    folder: str = Field(description="read with all folders in it; partitionN is fold N")


class ColumnConfig(Config):
    """A feature: its name, and the unit of its values."""

    name: str = Field(min_length=1, description="of the feature")
    unit: str = option("", "none needed for a SHARP keyword in the units of JSOC")


class TableConfig(SourceConfig):
    """Any table whose columns are declared."""

    layout: Literal["table"]
    rows: str = Field(description="parquet, csv or tab-separated")
    region: str = Field(description="column with the number of the region")
    region_numbers: RegionNumbers | None = option(
        None, "what these numbers are; none: HARP numbers where harps is given, else NOAA numbers"
    )
    time: str = Field(description="column with the time t of the row")
    time_scale: TimeScale = Field(description="of times that name no zone")
    keywords: dict[str, ColumnConfig] = Field(min_length=1, description="column -> feature")
    labels: dict[EventName, str] = option({}, _LABELS)
    fold: str | None = option(None, "column with the number of the fold")
    flares: str | None = option(None, _FLARES)
    harps: str | None = option(None, _HARPS)

    @model_validator(mode="after")
    def _has_a_truth(self) -> TableConfig:
        if self.flares is None and not self.labels:
            raise ValueError("flares or labels must give the truth")
        return self

    @model_validator(mode="after")
    def _numbers_meet_the_flares(self) -> TableConfig:
        if self.region_numbers == "noaa" and self.harps is not None:
            raise ValueError("harps is for regions named by HARP: leave it out, or region_numbers")
        if self.region_numbers == "harp" and self.flares is not None and self.harps is None:
            raise ValueError("flares name NOAA regions and these rows HARPs: give harps as well")
        return self


class WindowsConfig(SourceConfig):
    """Arrays of whole windows in one .npz file."""

    layout: Literal["windows"]
    file: str = Field(description=".npz without pickled objects")
    windows: str = Field(description="name of the array of windows")
    axes: tuple[Axis, ...] = Field(description="of that array; without steps a case is one record")
    features: tuple[ColumnConfig, ...] = Field(min_length=1, description="in their order there")
    cadence_hours: float = Field(gt=0, le=48, description="time between two steps")
    labels: dict[EventName, str] = Field(min_length=1, description="event -> array of 0 and 1")
    region: str | None = option(
        None, "name of the array of region numbers; none: every case is a region of its own"
    )
    time: str | None = option(
        None, "name of the array of the times t; none: every case has an hour of its own"
    )
    time_scale: TimeScale = option("UTC", "of the times")
    fold: str | None = option(None, "name of the array of fold numbers")

    @model_validator(mode="after")
    def _axes_are_whole(self) -> WindowsConfig:
        if sorted(self.axes) not in (["cases", "features"], ["cases", "features", "steps"]):
            raise ValueError("axes are cases and features, or cases, features and steps, in order")
        return self


class McIntoshConfig(SourceConfig):
    """Region-days at 00:30 UT with McIntosh class and the flares of the 24 hours after."""

    layout: Literal["mcintosh"]
    rows: str = Field(description="csv or csv.gz")
    flares: str | None = option(None, _FLARES + "; the truth stays that of the file")


# The options that name a file or folder; every layout has some of them.
_PATHS = ("rows", "file", "folder", "flares", "harps")


def paths_of(config: SourceConfig) -> dict[str, str]:
    """Return the files and folders that a configuration names: option -> path."""
    named = {name: getattr(config, name, None) for name in _PATHS}
    for other in ("fill", "added"):
        named[f"{other}.rows"] = getattr(getattr(config, other, None), "rows", None)
    return {name: path for name, path in named.items() if path is not None}


def paths_outside(config: SourceConfig) -> dict[str, str]:
    """Return the paths of a configuration that lead out of the data folder: option -> path."""
    return {name: path for name, path in paths_of(config).items() if _leaves(path)}


def _leaves(path: str) -> bool:
    plain = PurePosixPath(path.replace("\\", "/"))
    return plain.is_absolute() or ".." in plain.parts or "\0" in path


def _layout(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("layout", "sharp"))
    return str(getattr(value, "layout", "sharp"))


AnyData = Annotated[
    Annotated[SharpConfig, Tag("sharp")]
    | Annotated[M24Config, Tag("m24")]
    | Annotated[Li2024Config, Tag("li2024")]
    | Annotated[SwanSfConfig, Tag("swan-sf")]
    | Annotated[TableConfig, Tag("table")]
    | Annotated[WindowsConfig, Tag("windows")]
    | Annotated[McIntoshConfig, Tag("mcintosh")],
    Discriminator(_layout),
]
