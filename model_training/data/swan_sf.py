"""SWAN-SF instances (Angryk et al. 2020): one tab-separated window of 12 hours in each file.

The class in the name is that of the strongest flare of the region in the 24 h after the window;
its times are labels of the 12-minute grid of T_REC, hence TAI.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.files import existing_folder, names, refuse_pickle, to_utc
from model_training.data.limits import UNREADABLE, one_line, refuse_oversized
from model_training.features import Floats
from model_training.recipe.data import SwanSfConfig
from solar.errors import InvalidInputError
from solar.flares import EVENTS, peak_flux
from solar.sharp import CADENCE_SECONDS, QUALITY_LIMIT
from solar.truth import reaches

# The rest of the columns tell of flares, X-ray flux and position: none becomes a feature.
FEATURES = (
    "TOTUSJH", "TOTBSQ", "TOTPOT", "TOTUSJZ", "ABSNJZH", "SAVNCPP", "USFLUX", "TOTFZ", "MEANPOT",
    "EPSZ", "MEANSHR", "SHRGT45", "MEANGAM", "MEANGBT", "MEANGBZ", "MEANGBH", "MEANJZH", "TOTFY",
    "MEANJZD", "MEANALP", "TOTFX", "EPSY", "EPSX", "R_VALUE",
)  # fmt: skip
_QUALITY = "QUALITY"
_QUIET = ("NF", "FQ")
_TIME = r"\d{4}-\d{2}-\d{2}T[\d:_-]{6,8}"
_NAMES = tuple(
    re.compile(pattern + r"\.csv(\.gz)?")
    for pattern in (
        rf"lab\[(?P<letter>[A-Z]+)\](?P<level>[\d.]*)(@\d+)?_id\[(?P<harp>\d+)\]"
        rf"_st\[{_TIME}\]_et\[(?P<end>{_TIME})\]",
        rf"(?P<letter>FQ|NF|[ABCMX])(?P<level>[\d.]*)(@\d+)?([:_]\w+?)?_ar(?P<harp>\d+)"
        rf"_s{_TIME}_e(?P<end>{_TIME})",
    )
)
_PARTITION = re.compile(r"partition(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Instance:
    """One file: the region, the end of its window, the flux of the flare, the partition."""

    path: Path
    harpnum: int
    end_at: np.datetime64
    flux: float
    partition: int | None


def load_swan_sf(config: SwanSfConfig, folder: Path) -> Dataset:
    """Read all instances below the folder; no two share records."""
    instances = instances_of(config, folder)
    tables = [_read(instance.path) for instance in instances]
    lengths = {len(table) for table in tables}
    if len(lengths) > 1:
        raise InvalidInputError(
            f"instances of {config.folder} differ in length ({sorted(lengths)[:5]} steps);"
            " a data set has windows of one length"
        )
    values = np.concatenate(tables)
    steps = np.arange(len(values), dtype=np.int64).reshape(len(tables), -1)
    is_bad = ~_is_usable(values[:, -1])
    partitions = [instance.partition for instance in instances]
    return Dataset(
        records={name: values[:, place] for place, name in enumerate(FEATURES)},
        steps=np.where(is_bad[steps], NO_RECORD, steps),
        region_id=np.array([instance.harpnum for instance in instances], np.int64),
        t_rec=to_utc(
            np.array([instance.end_at for instance in instances]), where="et", scale="TAI"
        ),
        truth=_truth(np.array([instance.flux for instance in instances])),
        flared_before={},
        fold=None if None in partitions else np.array(partitions, np.int64),
        cadence_hours=CADENCE_SECONDS / 3600,
        rejected=int(np.count_nonzero(is_bad)),
    )


def instances_of(config: SwanSfConfig, folder: Path) -> list[Instance]:
    """Find the instances below the folder, in the order of their paths."""
    files = sorted(path for path in existing_folder(folder, config.folder).rglob("*"))
    instances = [instance for path in files if (instance := read_name(path)) is not None]
    if instances:
        return instances
    for path in files:
        refuse_pickle(path)
    raise InvalidInputError(
        f"{config.folder} holds no SWAN-SF instance; files are named like"
        " M1.0@265_Primary_ar115_s2010-08-06T06_36_00_e2010-08-06T18_24_00.csv"
    )


def read_name(path: Path) -> Instance | None:
    """Read what the name of a file says; None where it is not that of an instance."""
    match = next((match for name in _NAMES if (match := name.fullmatch(path.name))), None)
    if match is None:
        return None
    day, clock = match["end"].split("T")
    digits = re.sub(r"\D", "", clock)
    level = "" if match["letter"] in _QUIET else match["letter"] + match["level"].strip(".")
    partition = _PARTITION.findall(str(path.parent))
    return Instance(
        path=path,
        harpnum=int(match["harp"]),
        end_at=np.datetime64(f"{day}T{digits[:2]}:{digits[2:4]}:{digits[4:6]}", "us"),
        flux=peak_flux(level) if level else 0.0,
        partition=int(partition[-1]) if partition else None,
    )


def _read(path: Path) -> Floats:
    """Read the features and QUALITY of an instance, (steps, features + 1)."""
    columns = [*FEATURES, _QUALITY]
    options = csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.float64()),
        null_values=["", "None", "nan", "NaN", "NA"],
    )
    refuse_oversized(path)
    try:
        table = csv.read_csv(
            path, parse_options=csv.ParseOptions(delimiter="\t"), convert_options=options
        )
    except UNREADABLE as error:
        raise InvalidInputError(
            f"{path.name} is no SWAN-SF instance: {one_line(error)}; it needs tab-separated columns"
            f" {names(columns)}"
        ) from error
    if not len(table):
        raise InvalidInputError(f"{path.name} holds no rows; fetch the file again")
    return np.stack([column.to_numpy() for column in table.columns], axis=1)


def _is_usable(quality: Floats) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = (quality >= 0) & (quality < QUALITY_LIMIT)
    return usable


def _truth(flux: Floats) -> dict[str, Floats]:
    return {event.name: reaches(flux, event.peak_flux_w_m2).astype(float) for event in EVENTS}
