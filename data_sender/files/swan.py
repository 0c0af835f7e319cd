"""SWAN-SF: instance files of the Space Weather ANalytics benchmark (doi 10.7910/DVN/EBCFKM)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from data_sender.files.table_rows import SHARP_LAYOUT, Layout, read_rows
from data_sender.rows import Rows
from solar.sharp import SHARP_SERIES

# lab[M]1.5@7571_id[3686]_st[2014-02-03T170000]_et[2014-02-04T044800].csv.gz: the label with the
# flare's number, the HARPNUM, and the first and the last T_REC.
_INSTANCE = re.compile(r"lab\[.*\].*_id\[(\d+)\]_st\[.*\]_et\[.*\]\.csv(\.gz)?")


def is_instance(path: Path) -> bool:
    """Tell by its name whether a file is a SWAN-SF instance."""
    return _INSTANCE.fullmatch(path.name) is not None


def read_instance(path: Path, layout: Layout = SHARP_LAYOUT) -> Rows:
    """Read one instance: 60 rows, 12 min apart, of the HARP in its name.

    The benchmark was made from hmi.sharp_cea_720s. Its column Timestamp is T_REC without the
    suffix, on JSOC's 12-min slots, hence TAI. LON_MIN and LON_MAX bound the patch and give no
    flux-weighted position, so the position stays unknown unless the file has LON_FWT.
    """
    match = _INSTANCE.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is not the name of a SWAN-SF instance")
    layout = replace(layout, default_series=SHARP_SERIES)
    return read_rows(path, layout, harpnum=int(match.group(1)))
