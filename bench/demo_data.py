"""The files of the example of the Lab: what simulated active regions show in 18 months."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from data_sender.sources.simulation.region_life import RegionLife
from data_sender.sources.simulation.region_statistics import NAMES, load_statistics
from data_sender.sources.simulation.simulation import EPOCH, Sun
from model_training.data.swan_sf import FEATURES
from solar.flares import peak_flux
from solar.sharp import CADENCE_SECONDS
from solar.time import tai_to_utc

SEED, REGIONS, DAYS = 15, 7.0, 540
FIRST_DAY = np.datetime64("2023-01-01", "D")
KEYWORDS = ("USFLUX", "TOTUSJH", "TOTUSJZ", "TOTPOT", "SAVNCPP", "MEANGAM", "SHRGT45", "R_VALUE")
# Further from the centre of the disk projection distorts the field.
FURTHEST_DEG = 70.0
STEPS, LAST_SLOT, SLOTS_PER_DAY = 60, 119, 120
SLOT = np.timedelta64(CADENCE_SECONDS, "s")


def lives() -> Iterator[RegionLife]:
    """Draw the regions that appear within the days of the example."""
    sun = Sun(SEED, REGIONS, load_statistics())
    first = int((FIRST_DAY - EPOCH.astype("datetime64[D]")).astype(int))
    births = sun.births()
    for day in range(first, first + DAYS):
        yield from sun.lives(day, births)


def days_file(regions: list[RegionLife]) -> bytes:
    """Write the last record of each region-day."""
    at = [
        np.flatnonzero(
            (life.slots % SLOTS_PER_DAY == LAST_SLOT) & (np.abs(life.lon_deg) <= FURTHEST_DEG)
        )
        for life in regions
    ]
    pairs = list(zip(regions, at, strict=True))
    keywords = np.concatenate([life.keywords[rows] for life, rows in pairs])
    columns = {
        "t_rec": in_utc(tai_of(np.concatenate([life.slots[rows] for life, rows in pairs]))),
        "noaa_ar": np.repeat([life.noaa_ar for life in regions], [len(rows) for rows in at]),
    }
    values = {name: rounded(keywords[:, NAMES.index(name)]) for name in KEYWORDS}
    return parquet(pa.table(columns | values).sort_by([("t_rec", "ascending")]))


def flares_file(regions: list[RegionLife]) -> bytes:
    """Write the flares of all regions, as a list of GOES flares has them."""
    flares = sorted(
        ((flare, life.noaa_ar) for life in regions for flare in life.flares),
        key=lambda one: one[0].peak_seconds,
    )

    def times(of: Callable[[Any], float]) -> pa.Array:
        return in_utc(EPOCH + np.array([of(flare) for flare, _ in flares]).astype("m8[s]"))

    return parquet(
        pa.table(
            {
                "start_time": times(lambda flare: flare.start_seconds),
                "peak_time": times(lambda flare: flare.peak_seconds),
                "end_time": times(lambda flare: flare.end_seconds),
                "goes_class": [flare.goes_class for flare, _ in flares],
                "peak_flux_wm2": [peak_flux(flare.goes_class) for flare, _ in flares],
                "noaa_ar": [noaa_ar for _, noaa_ar in flares],
            }
        )
    )


def windows_file(regions: list[RegionLife]) -> bytes:
    """Write one window of each of 100 regions, with what came in the 24 hours after."""
    cut = [cut_window(life) for life in regions if len(life.slots) > 4 * STEPS][:100]
    names = KEYWORDS[:6]
    places = [NAMES.index(name) for name in names]
    out = io.BytesIO()
    np.savez_compressed(
        out,
        windows=np.stack([rounded(life.keywords[rows][:, places]) for life, rows in cut]),
        features=np.array(names),
        cadence_hours=np.array([CADENCE_SECONDS / 3600]),
        at=np.array([f"{tai_to_utc(tai_of(life.slots[rows][-1:]))[0]}Z" for life, rows in cut]),
        harpnum=np.array([life.harpnum for life, _ in cut]),
        fold=np.array([life.harpnum % 5 for life, _ in cut]),
        flared_c=np.array([flux_after(life, rows) >= peak_flux("C1.0") for life, rows in cut], int),
        flared_m=np.array([flux_after(life, rows) >= peak_flux("M1.0") for life, rows in cut], int),
    )
    return out.getvalue()


def instances_file(regions: list[RegionLife]) -> bytes:
    """Write a zip of 24 instances, half of which come before an M1.0+ flare."""
    cut = [cut_window(life) for life in regions if len(life.slots) > 4 * STEPS]
    is_flaring = [flux_after(life, rows) >= peak_flux("M1.0") for life, rows in cut]
    picked = [
        [cut[i] for i in np.flatnonzero(np.array(is_flaring) == kind)[:12]] for kind in (1, 0)
    ]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, instances in zip(("FL", "NF"), picked, strict=True):
            for number, (life, rows) in enumerate(instances):
                folder = f"swan/partition{1 + number % 2}/{kind}"
                archive.writestr(f"{folder}/{name_of(life, rows)}", instance(life, rows))
    return out.getvalue()


def instance(life: RegionLife, rows: NDArray[np.int64]) -> str:
    columns = [(name, NAMES.index(name)) for name in FEATURES if name in NAMES]
    known = dict(columns)
    lines = ["\t".join(("Timestamp", *FEATURES, "QUALITY"))]
    for row, at in zip(rows, tai_of(life.slots[rows]), strict=True):
        values = [
            f"{life.keywords[row, known[name]]:.5g}" if name in known else "" for name in FEATURES
        ]
        lines.append("\t".join((f"{at}".replace("T", " ")[:19], *values, "0")))
    return "\n".join(lines) + "\n"


def name_of(life: RegionLife, rows: NDArray[np.int64]) -> str:
    begin, end = (f"{at}"[:19].replace(":", "_") for at in tai_of(life.slots[rows[[0, -1]]]))
    flux = flux_after(life, rows)
    kind = "NF" if flux < peak_flux("M1.0") else strongest_after(life, rows)
    return f"{kind}_ar{life.harpnum}_s{begin}_e{end}.csv"


def cut_window(life: RegionLife) -> tuple[RegionLife, NDArray[np.int64]]:
    """Choose a window before the strongest flare, or a day before the region is last seen."""
    latest = len(life.slots) - SLOTS_PER_DAY
    strongest = max(life.flares, key=lambda one: peak_flux(one.goes_class), default=None)
    end = latest
    if strongest is not None:
        end = int(strongest.start_seconds // CADENCE_SECONDS - life.slots[0]) - STEPS // 2
    end = min(max(end, STEPS), latest)
    return life, np.arange(end - STEPS, end)


def flux_after(life: RegionLife, rows: NDArray[np.int64]) -> float:
    return peak_flux(strongest_after(life, rows) or "A1.0")


def strongest_after(life: RegionLife, rows: NDArray[np.int64]) -> str:
    t = float(life.slots[rows[-1]]) * CADENCE_SECONDS
    after = [one.goes_class for one in life.flares if t <= one.peak_seconds < t + 86_400]
    return max(after, key=peak_flux, default="")


def tai_of(slots: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return EPOCH + slots * SLOT


def in_utc(times: NDArray[np.datetime64]) -> pa.Array:
    return pa.array(tai_to_utc(times)).cast(pa.timestamp("us", "UTC"))


def rounded(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Keep four digits, so that files are small."""
    scale = 10.0 ** (3 - np.floor(np.log10(np.maximum(np.abs(values), 1e-12))))
    return (np.round(values * scale) / scale).astype(np.float32)


def parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pa_parquet.write_table(table, out, compression="zstd")
    return out.getvalue()
