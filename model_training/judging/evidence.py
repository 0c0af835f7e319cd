"""The evidence of a run: forecasts beside outcomes, all that a model can be judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from solar.errors import InvalidInputError

Floats = NDArray[np.float64]
Part = Literal["validation", "test"]

# How the two forecasts of the model are called in the `entrant` column of the file.
MODEL, UNCALIBRATED = "model", "model-uncalibrated"
_HEADS = b"flarewatch.evidence"
_NAME = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("us", tz="UTC")
_SCHEMA = pa.schema(
    [
        ("part", _NAME),
        ("event", _NAME),
        ("entrant", _NAME),
        ("region_id", pa.int64()),
        ("t_rec", _TIME),
        ("outcome", pa.int8()),
        ("probability", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Evidence:
    """Forecasts of one event on the cases of one part whose truth is known.

    Parameters
    ----------
    region_id : (n,) number of the active region
    t_rec : (n,) datetime64, UTC, the time at which the forecast is issued
    outcome : (n,) 1 event, 0 none
    raw, calibrated : (n,) probabilities of the model; NaN = no forecast
    entrants : other forecaster -> (n,) probabilities; NaN = no forecast
    threshold : calibrated probability from which the model says yes, frozen on validation cases;
        None where it never does
    n_unknown : number of cases left out because their truth is unknown
    thresholds : entrant -> its own frozen threshold; one that is absent has no yes/no scores,
        unless it only ever says 0 or 1
    """

    part: Part
    event: str
    region_id: NDArray[np.int64]
    t_rec: NDArray[np.datetime64]
    outcome: Floats
    raw: Floats
    calibrated: Floats
    entrants: Mapping[str, Floats]
    threshold: float | None
    n_unknown: int
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {
            "t_rec": self.t_rec,
            "outcome": self.outcome,
            "raw": self.raw,
            "calibrated": self.calibrated,
            **self.entrants,
        }
        for name, column in columns.items():
            if len(column) != len(self):
                raise InvalidInputError(
                    f"evidence of {self.part} {self.event}: {name} has {len(column)} cases and"
                    f" region_id {len(self)}; give every column the same cases"
                )
        if not np.isin(self.outcome, (0, 1)).all():
            raise InvalidInputError(
                f"evidence of {self.part} {self.event}: an outcome is neither 0 nor 1;"
                " leave cases of unknown truth out and count them in n_unknown"
            )

    def __len__(self) -> int:
        return len(self.region_id)

    @property
    def day(self) -> NDArray[np.datetime64]:
        """The UTC day of each case, (n,)."""
        return self.t_rec.astype("datetime64[D]")


def write(evidences: Sequence[Evidence], path: Path) -> None:
    """Write evidence as one Parquet file: a row per part, event, entrant and case."""
    heads = [_head(evidence) for evidence in evidences]
    rows = pa.concat_tables([_rows(evidence) for evidence in evidences] or [_SCHEMA.empty_table()])
    pq.write_table(
        rows.replace_schema_metadata({_HEADS: orjson.dumps(heads)}),
        path,
        compression="zstd",
        # Hardly two probabilities are alike.
        use_dictionary=[name for name in _SCHEMA.names if name != "probability"],
    )


def read(path: Path) -> tuple[Evidence, ...]:
    """Read the evidence of a run back, in the order in which it was written."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInputError(f"{path} is no evidence of a run: {error}") from error
    kept = (table.schema.metadata or {}).get(_HEADS)
    if kept is None:
        raise InvalidInputError(
            f"{path} is a Parquet file but no evidence of a run; give the evidence.parquet of one"
        )
    evidences, first = [], 0
    for head in orjson.loads(kept):
        n_rows = head["n"] * (2 + len(head["entrants"]))
        evidences.append(_evidence(head, table.slice(first, n_rows)))
        first += n_rows
    return tuple(evidences)


def _head(evidence: Evidence) -> dict[str, Any]:
    """Return what is the same in all rows of an evidence, and how many cases it has."""
    return {
        "part": evidence.part,
        "event": evidence.event,
        "n": len(evidence),
        "entrants": list(evidence.entrants),
        "threshold": None if evidence.threshold is None else float(evidence.threshold),
        "n_unknown": int(evidence.n_unknown),
        "thresholds": {name: float(value) for name, value in evidence.thresholds.items()},
    }


def _rows(evidence: Evidence) -> pa.Table:
    forecasts = {MODEL: evidence.calibrated, UNCALIBRATED: evidence.raw, **evidence.entrants}
    n, times = len(evidence), len(forecasts)
    arrays = [
        _named([evidence.part], np.zeros(n * times)),
        _named([evidence.event], np.zeros(n * times)),
        _named(list(forecasts), np.repeat(np.arange(times), n)),
        pa.array(np.tile(evidence.region_id, times), pa.int64()),
        pa.array(np.tile(evidence.t_rec.astype("datetime64[us]"), times), _TIME),
        pa.array(np.tile(evidence.outcome, times).astype(np.int8)),
        pa.array(np.concatenate([np.asarray(column, float) for column in forecasts.values()])),
    ]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


def _named(names: Sequence[str], places: NDArray[Any]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(places.astype(np.int32), list(names))


def _evidence(head: Mapping[str, Any], rows: pa.Table) -> Evidence:
    n, names = head["n"], head["entrants"]
    forecasts = _column(rows, "probability").reshape(2 + len(names), n)
    return Evidence(
        part=head["part"],
        event=head["event"],
        region_id=_column(rows, "region_id")[:n],
        t_rec=_column(rows, "t_rec")[:n],
        outcome=_column(rows, "outcome")[:n].astype(float),
        calibrated=forecasts[0],
        raw=forecasts[1],
        entrants=dict(zip(names, forecasts[2:], strict=True)),
        threshold=head["threshold"],
        n_unknown=head["n_unknown"],
        thresholds=head["thresholds"],
    )


def _column(rows: pa.Table, name: str) -> NDArray[Any]:
    column: NDArray[Any] = rows[name].to_numpy()
    return column
