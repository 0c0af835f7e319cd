from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from dash import no_update
from plotly.utils import PlotlyJSONEncoder
from stocked_store import HOURS, MANIFEST, NOW, REGIONS, stock

from app_dash.frame import delta, routing, shell
from app_dash.pipeline import page as pipeline
from app_dash.pipeline.panels import advised, byte_text
from app_dash.pipeline.query import PipelineQuery
from app_dash.pipeline.senders import balance_line
from app_dash.settings import DashSettings
from database.delivery.rejections import RejectionCause, record_rejections
from database.delivery.row_outcomes import ACCEPTED, DUPLICATE, REJECTED, RowOutcomes
from database.delivery.senders import Delivery, record_deliveries, record_heartbeat
from database.engine import writing
from database.lineups import apply_stage_file
from database.maintenance.size import Balance
from database.models import register
from database.observations.versions import CONFLICT_COLUMNS, keep_superseded_arrivals
from database.people.principal import PROGRAM
from database.server_processes import note_process
from solar.errors import InvalidInputError
from solar.stages import Stages
from solar.time import isoformat

RECORDS = HOURS * len(REGIONS)
DAY = timedelta(days=1)


def deliver(
    engine: sa.Engine, name: str, outcomes: list[int], *, sent: int | None, now: datetime
) -> None:
    receipt = RowOutcomes(
        np.array(outcomes, np.int8), np.zeros(len(outcomes), bool), np.full(len(outcomes), 720.0),
        predictions=1, seconds=0.02,
    )  # fmt: skip
    with writing(engine) as connection:
        delivery = Delivery(name, receipt, sequence=1, sent=sent)
        record_deliveries(connection, [delivery], now=now)


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    """A store whose records came from two senders a moment ago."""
    stock(engine_sqlite)
    now = datetime.now(UTC)
    deliver(engine_sqlite, "s1", [ACCEPTED] * RECORDS, sent=RECORDS, now=now)
    deliver(engine_sqlite, "s2", [DUPLICATE, DUPLICATE, REJECTED], sent=3, now=now)
    cause = RejectionCause(
        "keywords.TOTUSJH", "~", 1, "observations[0].keywords.TOTUSJH: 9 G; check the unit", "s2"
    )
    with writing(engine_sqlite) as connection:
        record_rejections(connection, [cause], now=now)
    return engine_sqlite


def as_text(drawn: Any) -> str:
    return json.dumps(drawn, cls=PlotlyJSONEncoder, ensure_ascii=False)


def drawn(engine: sa.Engine, search: str = "") -> str:
    view = routing.read_context(engine, settings=DashSettings(), theme="light", search=search)
    return as_text(pipeline.layout(view, "/pipeline", search))


def test_the_page_proves_that_what_was_sent_is_stored(stocked: sa.Engine) -> None:
    text = drawn(stocked)

    assert "Sent = stored." in text
    assert f"2 senders sent {RECORDS + 3} rows = {RECORDS} accepted + 2 duplicate" in text
    assert f"the store holds {RECORDS} records" in text


def test_what_was_received_counts_also_where_the_page_is_as_of_an_earlier_time(
    stocked: sa.Engine,
) -> None:
    assert f"the store holds {RECORDS} records" in drawn(stocked, f"?at={isoformat(NOW - DAY)}")


def test_the_page_shows_every_sender_with_its_state(stocked: sa.Engine) -> None:
    before = datetime.now(UTC) - timedelta(hours=2)
    deliver(stocked, "old", [DUPLICATE], sent=None, now=before)
    deliver(stocked, "done", [DUPLICATE], sent=None, now=before)
    with writing(stocked) as connection:
        record_heartbeat(connection, "done", is_finished=True, now=before)

    text = drawn(stocked)

    assert text.count("sender-state active") == 2
    assert f"silent since {before:%-d %b %H:%M}" in text
    assert "'finished'" in text or '"finished"' in text


def test_the_page_says_why_a_model_made_elsewhere_serves(stocked: sa.Engine) -> None:
    foreign = MANIFEST | {"name": "mine", "made_by": "elsewhere", "unaudited": "compared by hand"}
    with writing(stocked) as connection:
        register(connection, foreign, sha256="1", stage="live", now=NOW)

    text = drawn(stocked)

    assert "elsewhere, not audited: compared by hand" in text
    view = routing.read_context(stocked, settings=DashSettings(), theme="light")
    assert "mine@1.0.0 (made elsewhere)" in as_text(shell.chips(view.state))


def test_the_page_says_which_models_each_process_serves_and_why_one_does_not(
    stocked: sa.Engine,
) -> None:
    assert "Processes" not in drawn(stocked)
    key = pipeline.state_key(stocked, now=NOW)
    fault = "line-up 2: new@1.0.0 cannot be loaded: its graph fails"
    with writing(stocked) as connection:
        for sha256, live in (("a", "old@1.0.0"), ("b", "new@1.0.0")):
            stages = Stages(live=live, shadow=("dark@1.0.0",))
            apply_stage_file(connection, PROGRAM, stages, sha256=sha256, why="", now=NOW)
        note = partial(note_process, connection, host="flare", line_up=2, fault=None)
        note("1", kind="api", pid=101)
        note("2", kind="consumer", pid=102, line_up=1, fault=fault)

    text = drawn(stocked)

    assert "1 of 2 serve the newest line-up" in text
    assert "api flare 101" in text
    assert "new@1.0.0, dark@1.0.0" in text
    assert "old@1.0.0, dark@1.0.0" in text
    assert fault in text
    assert pipeline.state_key(stocked, now=NOW) != key


def test_refused_rows_are_shown_with_what_to_do(stocked: sa.Engine) -> None:
    text = drawn(stocked)

    assert "keywords.TOTUSJH" in text
    assert "Check the unit" in text


def test_contradicting_records_are_counted_with_the_call_that_lists_them(
    stocked: sa.Engine,
) -> None:
    quiet = drawn(stocked)
    columns: dict[str, Any] = dict.fromkeys(CONFLICT_COLUMNS)
    columns |= {"region_id": 1, "t_rec": NOW, "series": "s", "reason": "older DATE",
                "sender_id": "s2", "received_at": NOW, "lost_at": datetime.now(UTC)}  # fmt: skip
    with writing(stocked) as connection:
        keep_superseded_arrivals(connection, columns | {"content_hash": [1, 2, 3]})

    text = drawn(stocked)

    assert "pipeline-conflicts" not in quiet
    assert "3 contradicting record versions were superseded" in text
    assert "GET /api/v1/conflicts" in text


def test_a_store_without_senders_says_how_to_start_one(engine_sqlite: sa.Engine) -> None:
    text = drawn(engine_sqlite)

    assert "Start one: flarewatch send simulate" in text
    assert "No model is registered yet" in text


def test_the_range_is_part_of_the_address(stocked: sa.Engine) -> None:
    assert "in the last 7 d" in drawn(stocked, "?range=7d")
    with pytest.raises(InvalidInputError, match="range"):
        drawn(stocked, "?range=1y")


def test_a_window_ends_with_the_bucket_of_now() -> None:
    window = PipelineQuery(range="24h").window(NOW + timedelta(seconds=1))

    assert window.end_at == NOW + timedelta(minutes=5)
    assert window.start_at == window.end_at - timedelta(hours=24)


def test_only_changed_parts_are_sent(stocked: sa.Engine) -> None:
    first, marks = pipeline.refreshed(stocked, "/pipeline", "", theme="light", previous=None)
    idle = pipeline.refreshed(stocked, "/pipeline", "", theme="light", previous=marks)
    deliver(stocked, "s3", [DUPLICATE], sent=1, now=datetime.now(UTC))
    changes, _ = pipeline.refreshed(stocked, "/pipeline", "", theme="light", previous=marks)

    # The look at the clock may fall into the next minute, which moves the figures.
    assert idle == ([], no_update) or len(as_text(idle[0])) < len(as_text(first))
    sent = as_text([update.props for update in changes])
    assert "s3" in sent
    assert len(sent) < len(as_text(first))


def test_the_last_values_stay_while_the_store_is_unavailable() -> None:
    away = sa.create_engine("sqlite:////nowhere/at/all.db")

    assert pipeline.refreshed(away, "/pipeline", "", theme=None, previous=[]) == ([], no_update)
    away.dispose()


def balance_of(**changes: int | None) -> Balance:
    given: dict[str, Any] = {
        "sent": 10, "accepted": 7, "duplicates": 2, "revised": 0, "rejected": 1, "late": 0,
        "silent": 0, "stored": 7,
    }  # fmt: skip
    return Balance(**{**given, **changes})


def test_the_proof_says_what_does_not_come_out() -> None:
    assert "Sent = stored." in as_text(balance_line(balance_of(), 1, now=NOW))
    assert "+ 2 lost" in as_text(balance_line(balance_of(sent=12), 1, now=NOW))
    assert "5 fewer than were accepted" in as_text(balance_line(balance_of(stored=2), 1, now=NOW))
    assert "beyond 200,000 records" in as_text(balance_line(balance_of(stored=None), 1, now=NOW))


def test_advice_is_the_text_after_the_fault() -> None:
    assert advised("quality", "observations[3].quality: is 0x1; send others") == (
        "is 0x1", "Send others",
    )  # fmt: skip
    assert advised("harpnum", "harpnum: is missing")[1].startswith("Correct these rows")
    assert "clock" in advised("t_rec", "t_rec: lies ahead; it is noon")[1]


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_234, "1.2 kB"),
        (345_678_901, "346 MB"),
        (2 * 10**12, "2.0 TB"),
    ],
)
def test_sizes_are_written_in_their_largest_unit(size_bytes: int, text: str) -> None:
    assert byte_text(size_bytes) == text


def test_the_parts_of_the_page_have_their_own_fingerprints(stocked: sa.Engine) -> None:
    seen = pipeline.read_pipeline(stocked, PipelineQuery(), now=datetime.now(UTC))
    page = pipeline.content(seen, PipelineQuery(), routing.tokens("light"))

    assert len(delta.fingerprints(page)) >= 9
