from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from pyarrow.parquet import read_table

from database.engine import reading, transact
from database.flares.coverage import covered_windows
from database.flares.flare_files import import_flares
from database.flares.flares import flare_history
from database.harps import RegionName, import_harp_map, resolve_many
from solar.flares import event
from solar.time import Window, tai_to_utc
from solar.truth import EVENT, UNKNOWN

MIDNIGHT = datetime(2014, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def test_truth_agrees_with_the_labels_of_the_hourly_set(
    engine_sqlite: sa.Engine, shared_data: Path
) -> None:
    def work(connection: sa.Connection) -> None:
        lines = (shared_data / "maps" / "all_harps_with_noaa_ars.txt").read_text().splitlines()
        import_harp_map(connection, lines)
        path = shared_data / "flares" / "goes_flares.parquet"
        import_flares(connection, path, now=MIDNIGHT)

    transact(engine_sqlite, work)
    hourly = read_table(shared_data / "sharp" / "hourly_2014.parquet")
    noaa_ars = hourly.column("noaa_ar").to_pylist()
    t = tai_to_utc(hourly.column("t_rec").to_numpy().astype("datetime64[us]"))

    with reading(engine_sqlite) as connection:
        regions = resolve_many(connection, [RegionName(None, (int(ar),)) for ar in noaa_ars])
        around = Window(MIDNIGHT - 30 * DAY, MIDNIGHT + 60 * DAY)
        truth = flare_history(connection, around).truth(covered_windows(connection))

    def agreeing(name: str, label: str) -> float:
        observed = truth.of_regions(event(name), np.array(regions), t)
        known = observed != UNKNOWN
        labels = hourly.column(label).to_numpy() == 1
        return float(np.mean((observed == EVENT)[known] == labels[known]))

    # The labels count starts in (t, t + 24 h], the truth counts peaks in [t, t + 24 h).
    assert agreeing("M1.0", "y24_M") > 0.996
    assert agreeing("M5.0", "y24_M5") > 0.9997
    assert agreeing("X1.0", "y24_X") == 1
