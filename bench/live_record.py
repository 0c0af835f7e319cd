"""The live record: how long one takes from the call to the answer while others come in bulk."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import orjson

from bench.bodies import JSON, MEDIA_TYPES
from bench.clients import Connection
from solar.sharp import CADENCE_SECONDS, SIMULATED_SERIES
from solar.time import isoformat

REGIONS = 5
_FIRST_HARPNUM = 700_001
_EVERY_SECONDS = 0.1
# No record comes twice, for a duplicate is quickly answered.
_numbers = count()
_START_AT = datetime(2024, 5, 1, tzinfo=UTC)
_KEYWORDS = {"USFLUX": 2.1e22, "TOTUSJZ": 3.4e13, "TOTUSJH": 1500.0, "R_VALUE": 4.1,
             "AREA_ACR": 310.0, "MEANGAM": 38.0, "SAVNCPP": 1.1e13, "TOTPOT": 4e23}  # fmt: skip


def waits(address: str, seconds: float) -> list[float]:
    """Post a record of one region after the other, ten a second; return the times taken [s]."""
    connection = Connection(address, MEDIA_TYPES[JSON])
    found: list[float] = []
    for _ in range(int(seconds / _EVERY_SECONDS)):
        body = next_body()
        began = time.perf_counter()
        connection.post(body)
        found.append(time.perf_counter() - began)
        time.sleep(max(0.0, _EVERY_SECONDS - found[-1]))
    return found


def next_body() -> bytes:
    """Return a request with one record that has not come before."""
    return orjson.dumps({"sender": {"id": "live"}, "observations": [_record(next(_numbers))]})


def p95_ms(seconds: list[float]) -> float:
    """Return the 95th percentile in milliseconds."""
    return 1000 * float(np.percentile(seconds, 95))


def _record(number: int) -> dict[str, Any]:
    step, region = divmod(number, REGIONS)
    at = _START_AT + step * timedelta(seconds=CADENCE_SECONDS)
    return {
        "harpnum": _FIRST_HARPNUM + region, "t_rec": isoformat(at), "series": SIMULATED_SERIES,
        "quality": 0, "lon_fwt": 10.0, "lat_fwt": 12.0, "keywords": _KEYWORDS,
    }  # fmt: skip
