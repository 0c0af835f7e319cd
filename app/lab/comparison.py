"""The comparison of runs: their scores side by side, and how they differ on the same cases.

What a run has forecast is in its evidence; `flarewatch compare` reads the same file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from database.verification.skill import bin_body, estimate_body
from solar.bootstrap import RESAMPLES, RUN_SEED, seeded_draw
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.histogram import stack_cases
from solar.skill import Entry, Estimate, Summary, compare, rounded

EVIDENCE = "evidence.parquet"
KINDS = ("train", "evaluate")
SCORES = ("bss", "tss")
# Of a file that is read in a request: a hundred times what ten years of days take.
MOST_BYTES, MOST_ROWS = 32 * 2**20, 3_000_000
_HEADS = b"flarewatch.evidence"
_COUNTS = ("n", "n_events", "n_unknown", "n_withheld", "threshold", "block_days")
_UNDEFINED = Estimate(None, None, None)
_COLUMNS = ["region_id", "t_rec", "outcome", "probability"]
_EVENT_ORDER = {event.name: place for place, event in enumerate(EVENTS)}


@dataclass(frozen=True)
class Forecasts:
    """What a run has forecast for one event, its cases ordered by region and time.

    Parameters
    ----------
    case : (n, 2) number of the region, and time of the forecast [microseconds since 1970]
    outcome : (n,) 1 event, 0 none
    probability : (n,) of the model; NaN = no forecast
    is_scored : (n,) whether every reference forecast exists, without which no case is scored
    threshold : probability from which the model says yes; None where it never does
    """

    case: NDArray[np.int64]
    outcome: NDArray[np.float64]
    probability: NDArray[np.float64]
    is_scored: NDArray[np.bool_]
    threshold: float | None
    n_unknown: int


def read_forecasts(content: bytes, part: str) -> dict[str, Forecasts]:
    """Return the forecasts of a part, by event; raises InvalidInputError for any other file."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        heads = orjson.loads((file.schema_arrow.metadata or {})[_HEADS])
        if file.metadata.num_rows > MOST_ROWS:
            raise InvalidInputError("has too many rows for a page; use flarewatch compare")
        return dict(_forecasts(heads, file.read(columns=_COLUMNS), part))
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        # A worker has sent it, perhaps one of another version.
        raise InvalidInputError("cannot be read as evidence; run it again") from error


def _forecasts(
    heads: Sequence[Mapping[str, Any]], table: pa.Table, part: str
) -> Iterator[tuple[str, Forecasts]]:
    first = 0
    for head in heads:
        n, forecasters = head["n"], 2 + len(head["entrants"])
        if head["part"] == part:
            yield head["event"], _read_one(head, table.slice(first, n * forecasters))
        first += n * forecasters


def _read_one(head: Mapping[str, Any], rows: pa.Table) -> Forecasts:
    n = head["n"]
    region, at, outcome = (rows[name][:n].to_numpy() for name in _COLUMNS[:3])
    # Each forecaster has its rows: the model, the model before calibration, the references.
    probability = rows["probability"].to_numpy().reshape(2 + len(head["entrants"]), n)
    references = probability[2:]
    used = references[~np.isnan(references).all(axis=1)]
    case = np.stack((region, at.astype("datetime64[us]").astype(np.int64)), axis=1)
    order = np.lexsort((case[:, 1], case[:, 0]))
    return Forecasts(
        case[order],
        outcome[order].astype(float),
        probability[0][order],
        np.isfinite(used).all(axis=0)[order],
        head["threshold"],
        head["n_unknown"],
    )


def compare_runs(
    forecasts: Mapping[str, Mapping[str, Forecasts]], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Compare the first run with each of the others, event by event.

    Parameters
    ----------
    forecasts : run -> event -> its forecasts
    names : run -> what it is called in a reason
    """
    events = {event for of_run in forecasts.values() for event in of_run}
    ordered = sorted(events, key=lambda event: _EVENT_ORDER.get(event, len(EVENTS)))
    of_event = [{run: one.get(event) for run, one in forecasts.items()} for event in ordered]
    return [
        {"event": event, "runs": _compare(found, names)}
        for event, found in zip(ordered, of_event, strict=True)
    ]


def _compare(
    forecasts: Mapping[str, Forecasts | None], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    first = next(iter(forecasts))
    reasons = {run: _obstacle(forecasts, first, run, names) for run in forecasts}
    paired = {run: one for run, one in forecasts.items() if one is not None and not reasons[run]}
    summaries = _score(paired)
    for run, one in forecasts.items():
        if one is not None and run not in paired:
            # On its own cases, as its number of them tells.
            summaries |= _score({run: one})
    others = [run for run in paired if run != first]
    differences = {run: _differences(paired, summaries, first, run) for run in others}
    return [
        {"run_id": run, "reason": reasons[run] or None, "differences": differences.get(run)}
        | _scored(one, summaries.get(run))
        for run, one in forecasts.items()
    ]


def _obstacle(
    forecasts: Mapping[str, Forecasts | None], first: str, run: str, names: Mapping[str, str]
) -> str:
    """Say why a run is not compared with the first; empty when it is."""
    one, other = forecasts[first], forecasts[run]
    if one is None or other is None:
        return f"{names[first if one is None else run]} has no such cases of this event"
    for name, found in ((first, one), (run, other)):
        if np.isnan(found.probability).all():
            return f"{names[name]} gave no forecast of this event"
    if not np.array_equal(one.case, other.case):
        cases, of_other = (set(map(tuple, found.case.tolist())) for found in (one, other))
        return (
            f"{names[first]} was judged on {len(cases):,} cases, {names[run]} on"
            f" {len(of_other):,}, {len(cases & of_other):,} of them shared"
        )
    differing = int(np.count_nonzero(one.outcome != other.outcome))
    return f"{differing:,} of their cases have different outcomes" if differing else ""


def _score(forecasts: Mapping[str, Forecasts]) -> dict[str, Summary]:
    """Score runs on the cases that all of them have forecast, all on the same resamples."""
    if not forecasts:
        return {}
    first = next(iter(forecasts.values()))
    forecast = np.stack([one.probability for one in forecasts.values()])
    cases = first.is_scored & np.isfinite(forecast).all(axis=0)
    day = first.case[cases, 1].astype("datetime64[us]").astype("datetime64[D]")
    entries = {
        run: Entry(
            stack_cases(one.probability[cases], one.outcome[cases], day=day),
            0.5 if one.threshold is None else one.threshold,
        )
        for run, one in forecasts.items()
    }
    rows = next(iter(entries.values())).stacked
    draws = seeded_draw(
        len(rows.rows.n), row_days=rows.row_days, resamples=RESAMPLES, seed=RUN_SEED
    )
    return compare(entries, draws=draws)


def _scored(one: Forecasts | None, summary: Summary | None) -> dict[str, Any]:
    """Return the scores of a run, on which cases, and its reliability; undefined is None."""
    if one is None or summary is None:
        return {**dict.fromkeys(_COUNTS), "scores": None, "reliability": []}
    scores = summary.scores if one.threshold is not None else summary.scores | {"tss": _UNDEFINED}
    return {
        "n": summary.n,
        "n_events": summary.n_events,
        "n_unknown": one.n_unknown,
        "n_withheld": len(one.case) - summary.n,
        "threshold": one.threshold,
        "block_days": summary.block_days,
        "scores": {name: estimate_body(rounded(scores[name])) for name in SCORES},
        "reliability": [bin_body(item) for item in summary.reliability],
    }


def _differences(
    paired: Mapping[str, Forecasts], summaries: Mapping[str, Summary], first: str, run: str
) -> dict[str, Any]:
    differences = summaries[first].versus[run].differences
    if paired[first].threshold is None or paired[run].threshold is None:
        differences = differences | {"tss": _UNDEFINED}
    return {name: _turned_round(differences[name]) for name in SCORES}


def _turned_round(first_minus_run: Estimate) -> dict[str, Any]:
    """Return the run minus the first one, and say in a word what the interval shows."""
    value, low, high = (
        None if number is None else 0.0 - number
        for number in (first_minus_run.value, first_minus_run.high, first_minus_run.low)
    )
    said = "undefined" if value is None else "no interval"
    if value is not None and low is not None and high is not None:
        said = "better" if low > 0 else "worse" if high < 0 else "no difference"
    return estimate_body(rounded(Estimate(value, low, high))) | {"says": said}


def parameter_rows(runs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each parameter of any run, None where a run does not have it."""
    names = dict.fromkeys(name for settings in runs.values() for name in settings)
    rows = ((name, [settings.get(name) for settings in runs.values()]) for name in names)
    return [
        {"name": name, "values": values, "differs": any(value != values[0] for value in values)}
        for name, values in rows
    ]
