"""JSON rows: observations from JSON become a batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from app.contract.bodies import check_rows
from app.contract.problems import Fault, Rejection, unknown_name
from app.contract.schemas import Observation
from app.ingest.batch import Batch
from solar.columns import Coded, Floats, Times
from solar.observations import KEYWORD_NAMES
from solar.sharp import BY_NAME

NAME = "observations"
_KNOWN = BY_NAME.keys()


def read_rows(rows: Sequence[Any]) -> tuple[Batch, list[Rejection]]:
    """Read JSON rows; those that do not fit the schema are rejected one by one."""
    checked, rejected = check_rows(Observation, rows, NAME)
    misnamed = [_misnamed(index, row) for index, row in checked if row.keywords.keys() - _KNOWN]
    if misnamed:
        refused = {rejection.index for rejection in misnamed}
        checked = [(index, row) for index, row in checked if index not in refused]
    return _columns(checked), rejected + misnamed


def _misnamed(index: int, row: Observation) -> Rejection:
    names = sorted(row.keywords.keys() - _KNOWN)
    return Rejection(index, tuple(misnamed_fault(f"{NAME}[{index}].", name) for name in names))


def misnamed_fault(prefix: str, name: str) -> Fault:
    """Return that a keyword is unknown, and the known one that is closest."""
    return Fault(f"{prefix}keywords.{name}", unknown_name(name, KEYWORD_NAMES, noun="keyword"))


def _columns(checked: Sequence[tuple[int, Observation]]) -> Batch:
    rows = [row for _, row in checked]
    keywords = [[row.keywords.get(name) for name in KEYWORD_NAMES] for row in rows]
    return Batch(
        index=np.array([index for index, _ in checked], np.int64),
        harpnum=np.array([row.harpnum or 0 for row in rows], np.int64),
        noaa_ars=Coded.of([tuple(row.noaa_ars) for row in rows]),
        t_rec=_times([row.t_rec for row in rows]),
        series=Coded.of([row.series for row in rows]),
        made_at=_times([row.made_at for row in rows]),
        quality=_floats([row.quality for row in rows]),
        lon_fwt=_floats([row.lon_fwt for row in rows]),
        lat_fwt=_floats([row.lat_fwt for row in rows]),
        keywords=np.array(keywords, float).reshape(len(rows), len(KEYWORD_NAMES)),
    )


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, float)


def _times(values: Sequence[datetime | None]) -> Times:
    # Times are in UTC once they are read.
    naive = [None if at is None else at.replace(tzinfo=None) for at in values]
    return np.array(naive, "datetime64[us]")
