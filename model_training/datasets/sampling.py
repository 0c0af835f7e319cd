"""Sampling: which record stands for a region and day, and which days a set leaves out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from solar.flares import HORIZON
from solar.flares import event as event_named
from solar.sharp import LONGITUDE_LIMIT_DEG
from solar.time import tai_to_utc
from solar.truth import Truth

# The last 12-minute record of a TAI day.
_DAY_END = pd.Timedelta(hours=23, minutes=48)
_HORIZON = np.timedelta64(HORIZON)
_KEY = ["noaa_ar", "day"]


def at_day_end(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the last record of every region and TAI day, and issue it at 23:48 of that day."""
    day = table["t_rec"].dt.floor("D")
    last = table.assign(day=day).sort_values("t_rec", kind="stable")
    last = last.drop_duplicates(_KEY, keep="last")
    issued = last["day"] + _DAY_END
    # A record after 23:48 cannot be issued before itself.
    last["t_rec"] = issued.where(issued >= last["t_rec"], last["t_rec"])
    return last.sort_values(["t_rec", "noaa_ar"], kind="stable").drop(columns="day")


def left_out(extra: pd.DataFrame, rows: pd.DataFrame, truth: Truth, *, event: str) -> pd.DataFrame:
    """Find the region-days after an event and before none, which `rows` leaves out.

    In a set without such quiet days every warning of persistence is right. They are
    looked for in `extra` among the regions of `rows`, within the longitude limit where the
    position is known and else between the first and last day of the region.
    """
    candidates = at_day_end(extra[extra["noaa_ar"].isin(rows["noaa_ar"])])
    candidates = candidates[_is_new(candidates, rows) & _is_on_disk(candidates, rows)]
    t_rec = tai_to_utc(candidates["t_rec"].to_numpy())
    region_id = candidates["noaa_ar"].to_numpy(np.int64)
    before, after = (
        truth.any_within(event_named(event), start, start + _HORIZON, region_id=region_id)
        for start in (t_rec - _HORIZON, t_rec)
    )
    found: pd.DataFrame = candidates[before & ~after]
    return found


def _is_new(candidates: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[bool]:
    present = pd.MultiIndex.from_arrays([rows["noaa_ar"], rows["t_rec"].dt.floor("D")])
    own = pd.MultiIndex.from_arrays([candidates["noaa_ar"], candidates["t_rec"].dt.floor("D")])
    return pd.Series(~own.isin(present), index=candidates.index)


def _is_on_disk(candidates: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[bool]:
    first, last = (
        candidates["noaa_ar"].map(rows.groupby("noaa_ar")["t_rec"].agg(name))
        for name in ("min", "max")
    )
    is_between = (candidates["t_rec"] > first) & (candidates["t_rec"] < last)
    longitude = candidates["LON_FWT"]
    return (longitude.abs() <= LONGITUDE_LIMIT_DEG).where(longitude.notna(), is_between)
