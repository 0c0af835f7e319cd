"""Minutes of the X-ray flux: written by hand, and those of real days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pa_parquet

from solar.flare_detection import LEAST_FLUX, MINUTE, XrayMinute

START = datetime(2022, 3, 30, 17, 0, tzinfo=UTC)
XRAY_FILE = "xrs/g16_xrs_avg1m_20220101_20220814.parquet"
QUIET = 1e-6
# Rises by 1.4 in three steps, peaks at M2.0 and is half way down after nine minutes.
FLARE = [1e-6, 1.2e-6, 1.5e-6, 2e-6, 8e-6, 2e-5, 1.9e-5, 1.5e-5, 1.2e-5, 9e-6]


def minutes(
    values: Sequence[float | None], *, start: datetime = START, satellite: str = "G16"
) -> list[XrayMinute]:
    return [XrayMinute(start + i * MINUTE, value, satellite) for i, value in enumerate(values)]


def real_minutes(
    shared_data: Path, start_at: datetime | None = None, end_at: datetime | None = None
) -> list[XrayMinute]:
    """Read the minutes of GOES-16 in [start_at, end_at), all of them if not given."""
    begin = (start_at or datetime(2022, 1, 1, tzinfo=UTC)).replace(tzinfo=None)
    end = (end_at or datetime(2022, 8, 15, tzinfo=UTC)).replace(tzinfo=None)
    table = pa_parquet.read_table(
        shared_data / XRAY_FILE,
        columns=["time_utc", "xrsb_flux", "xrsb_flag"],
        filters=[("time_utc", ">=", begin), ("time_utc", "<", end)],
    )
    rows = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
    return [
        XrayMinute(at.replace(tzinfo=UTC), _measured(flux, flag), "G16") for at, flux, flag in rows
    ]


def _measured(flux: float | None, flag: int) -> float | None:
    return None if flag or flux is None or flux < LEAST_FLUX else flux
