"""The data of the Pipeline page, read in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app_dash.pipeline.query import PipelineQuery
from database.clock.clock import SILENT_AFTER, read_clock
from database.delivery.flow import Flow, flow, predictions_since
from database.delivery.rejections import RejectionTotal, top_rejections
from database.delivery.senders import list_senders, sender_activity
from database.delivery.stream import StreamPartition, list_partitions, stream_state
from database.engine import reading
from database.injected_faults import Statement, StoredFault, list_faults, statements
from database.known import known_at
from database.lineups import LineUp, list_lineups
from database.maintenance.size import Balance, StoreSize, balance, store_size
from database.models import ModelRow, list_models, stage_history
from database.notifications import notification_counts
from database.observations.versions import count_conflicts
from database.predictions.predictions import newest_forecast
from database.server_processes import ServerProcess, list_processes
from database.version_cache import VersionCache
from solar.time import Window

# A consumer reports every five seconds, also without messages.
CONSUMER_SILENT_AFTER = timedelta(seconds=30)
MOST_SENDERS = 100
MOST_REJECTIONS = 8
MOST_MODELS = 12
# Those that a process may still serve.
MOST_LINEUPS = 50

_sizes: VersionCache[sa.URL, StoreSize] = VersionCache(most=4)


@dataclass(frozen=True)
class ModelStatus:
    """A model, since when it has its stage, and the newest record it has forecast from."""

    model: ModelRow
    since: datetime | None
    newest_t_rec: datetime | None


@dataclass(frozen=True)
class PipelineData:
    """The state of the pipeline at `now`; figures and rejections cover `window`."""

    now: datetime
    window: Window
    senders: list[dict[str, Any]]
    balance: Balance
    flow: Flow
    rejections: list[RejectionTotal]
    conflicts: int
    size: StoreSize
    models: list[ModelStatus]
    forecasts_today: int
    notifications: dict[str, int]
    stream: list[StreamPartition]
    faults: list[tuple[StoredFault, Statement]]
    sun_now: datetime
    processes: list[ServerProcess]
    lineups: dict[int, LineUp]


def read_pipeline(engine: sa.Engine, query: PipelineQuery, *, now: datetime) -> PipelineData:
    """Read everything; the size of the store, a slow query, once a minute."""
    window = query.window(now)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # What was received counts, also where a replay shows it later.
    received = known_at(engine, None)
    size = _size(received, int(now.timestamp()) // 60)
    with reading(engine) as connection:
        sun_now = read_clock(connection).now(now)
        faults = list_faults(connection, until=sun_now)
        told = statements(connection, faults, now=sun_now)
        models = _models(connection)
    with reading(received) as connection:
        return PipelineData(
            now=now,
            window=window,
            senders=list_senders(connection, limit=MOST_SENDERS),
            balance=balance(connection),
            flow=flow(connection, window),
            rejections=top_rejections(connection, window, limit=MOST_REJECTIONS),
            conflicts=count_conflicts(connection, since=window.start_at),
            size=size,
            models=models,
            forecasts_today=predictions_since(connection, midnight),
            notifications=notification_counts(connection),
            stream=list_partitions(connection),
            faults=list(zip(faults, told, strict=True)),
            sun_now=sun_now,
            processes=list_processes(connection),
            lineups={one.number: one for one in list_lineups(connection, limit=MOST_LINEUPS)},
        )


def state_key(engine: sa.Engine, *, now: datetime) -> str:
    """Return a short text that changes when rows arrive or somebody falls silent.

    So it does when a process comes, goes, or serves other models.
    """
    with reading(engine) as connection:
        last_at, active = sender_activity(connection, since=now - SILENT_AFTER)
        stream = stream_state(connection, since=now - CONSUMER_SILENT_AFTER)
        # While a fault goes on the product may say more of it although no rows come.
        minute = read_clock(connection).now(now).replace(second=0, microsecond=0)
        faults = minute if list_faults(connection, until=minute, limit=1) else None
        processes = [(one.process_id, one.line_up, one.fault) for one in list_processes(connection)]
        notices = notification_counts(connection)
        return f"{last_at}|{active}|{notices}|{stream}|{faults}|{processes}"


def _size(engine: sa.Engine, minute: int) -> StoreSize:
    size = _sizes.get(engine.url, version=minute)
    if size is None:
        with reading(engine) as connection:
            size = store_size(connection)
        _sizes.put(engine.url, size, version=minute)
    return size


def _models(connection: sa.Connection) -> list[ModelStatus]:
    since = {(row.model_id, row.stage): row.from_at for row in stage_history(connection)}
    return [
        ModelStatus(
            model,
            since.get((model.model_id, model.stage)),
            newest_forecast(connection, model.model_id),
        )
        for model in list_models(connection)[:MOST_MODELS]
    ]
