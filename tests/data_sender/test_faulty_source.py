"""Injected faults: the same at any batch, position and number of replicas, and as the file says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_replay import START, every_kind, sun

from data_sender.faulty_source import (
    FaultySource,
    faulty_minutes,
    read_faults,
    report,
    with_faults,
)
from data_sender.options import parse_arguments
from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sharding.shard import FixedShard, SourcePart
from data_sender.source import Chunk
from data_sender.sources.files.replay import Replay
from data_sender.sources.simulation.simulation import Simulation
from data_sender.xrays import XrayMinutes
from solar.errors import InvalidInputError
from solar.injected_faults import InjectedFault, Kind, checked_fault
from solar.time import to_datetime64


class KnownRows:
    """Rows and flares that are drawn once, and yielded from the first on for every position."""

    flare_source, covers_from, continues_past_end = "simulated", None, False

    def __init__(self, source: Simulation) -> None:
        self.fingerprint = source.fingerprint
        self._chunks = list(source.chunks(Position()))

    def listed_through(self, moment: np.datetime64) -> np.datetime64:
        return moment

    def chunks(self, _position: Position) -> Iterator[Chunk]:
        yield from self._chunks


SUN = KnownRows(sun(7, hours=18))
HOUR = np.timedelta64(1, "h")
GAP = 'kind = "gap"\nfrom = 2014-03-29T17:00:00Z\nto = "2014-03-29T18:30:00Z"\n'
EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def rows_of(source: Any, position: Position | None = None) -> Rows:
    return Rows.concatenate([chunk.rows for chunk in source.chunks(position or Position())])


def sent(rows: Rows) -> list[tuple[Any, ...]]:
    """Write rows as they leave: when, and all that they say."""
    observations = map(str, rows.observations())
    return list(zip(rows.times().tolist(), observations, strict=True))


def fault(kind: Kind, *, hour: float, hours: float = 2, **more: Any) -> InjectedFault:
    start_at = START + timedelta(hours=hour)
    return checked_fault(InjectedFault(kind, start_at, start_at + timedelta(hours=hours), **more))


def within(rows: Rows, one: InjectedFault) -> np.ndarray:
    return (rows.t_rec >= to_datetime64(one.start_at)) & (rows.t_rec < to_datetime64(one.end_at))


def test_a_sender_that_goes_on_from_any_row_sends_what_it_would_have_sent() -> None:
    source = FaultySource(SUN, every_kind(7))
    whole = rows_of(source)
    as_sent = sent(whole)

    for n in np.random.default_rng(1).integers(1, len(whole), 12).tolist():
        position = Position()
        for start in range(0, n, 7):
            position = position.after(whole.take(slice(start, min(n, start + 7))).times())
        assert sent(rows_of(source, position)) == as_sent[n:]


def test_the_parts_of_several_senders_are_those_of_one() -> None:
    faults = every_kind(7)
    parts = [FaultySource(SourcePart(SUN, FixedShard(n, 3)), faults) for n in (1, 2, 3)]

    rows = [row for part in parts for row in sent(rows_of(part))]

    assert sorted(rows) == sorted(sent(rows_of(FaultySource(SUN, faults))))


def test_another_seed_chooses_other_rows_and_another_position() -> None:
    gaps = [fault("gap", hour=2, hours=6, amount=0.5, seed=seed) for seed in (1, 2)]
    sources = [FaultySource(SUN, [gap]) for gap in gaps]

    first, second = (sent(rows_of(source)) for source in sources)

    n = int(within(rows_of(SUN), gaps[0]).sum())
    assert first != second
    assert all(0.3 * n < len(rows_of(SUN)) - len(rows) < 0.7 * n for rows in (first, second))
    assert len({SUN.fingerprint, *(source.fingerprint for source in sources)}) == 3


def test_a_fault_of_a_region_leaves_the_others_as_they_are() -> None:
    rows = rows_of(SUN)
    region = int(rows.harpnum[0])
    source = FaultySource(SUN, [fault("corrupt", hour=1, region=region)])

    is_corrupt = rows_of(source).lat_fwt > 90

    assert is_corrupt.any()
    assert set(rows.harpnum[is_corrupt].tolist()) == {region}


def test_rows_that_are_late_leave_in_the_order_of_their_leaving() -> None:
    late = fault("late", hour=3, amount=45)
    rows = rows_of(FaultySource(SUN, [late]))

    chosen = within(rows, late)
    delays = rows.times()[chosen] - rows.t_rec[chosen]
    assert set(delays.tolist()) == {timedelta(minutes=45)}
    assert (np.diff(rows.times()) >= np.timedelta64(0)).all()


def test_rows_in_disorder_leave_within_their_window() -> None:
    disorder = fault("disorder", hour=3, amount=90)
    rows = rows_of(FaultySource(SUN, [disorder]))

    of_window = rows.times()[within(rows, disorder)]
    assert (of_window <= to_datetime64(disorder.end_at)).all()
    assert (np.diff(rows.t_rec) < np.timedelta64(0)).any()


def test_a_silent_sender_sends_nothing_and_everything_when_it_is_over() -> None:
    silence = fault("silence", hour=3)
    rows = rows_of(FaultySource(SUN, [silence]))

    start, end = to_datetime64(silence.start_at), to_datetime64(silence.end_at)
    assert not ((rows.times() >= start) & (rows.times() < end)).any()
    assert len(rows) == len(rows_of(SUN))


def test_a_delayed_list_stands_still_and_then_follows_until_it_has_caught_up() -> None:
    source = FaultySource(SUN, [fault("flare-list-delay", hour=2, hours=3, amount=120)])
    start = to_datetime64(START)

    listed = [source.listed_through(start + hour * HOUR) for hour in range(9)]

    assert [(at - start) // HOUR for at in listed] == [0, 1, 2, 2, 2, 3, 4, 7, 8]


def test_xray_minutes_are_left_out_or_come_from_another_satellite() -> None:
    times = to_datetime64(START) + np.arange(240) * np.timedelta64(1, "m")
    minutes = XrayMinutes(times, times, np.full(240, 1e-6), np.full(240, "G16"))
    faults = [fault("xrs-gap", hour=1, hours=1), fault("satellite-switch", hour=2, hours=1)]

    sent = faulty_minutes(faults, minutes)

    assert sent.times.tolist() == np.delete(times, range(60, 120)).tolist()
    assert sent.times[sent.satellites == "G17"].tolist() == times[120:180].tolist()
    assert set(sent.satellites) == {"G16", "G17"}
    items = report(faults, SUN, sender="tester", minutes=minutes).items
    assert [item["affected"] for item in items] == [60, 60]


def test_a_silent_sender_sends_the_xray_minutes_when_it_is_over() -> None:
    times = to_datetime64(START) + np.arange(240) * np.timedelta64(1, "m")
    minutes = XrayMinutes(times, times, np.full(240, 1e-6), np.full(240, "G16"))
    silence = fault("silence", hour=1, hours=1)

    sent = faulty_minutes([silence], minutes)

    assert (sent.leaves_at[60:120] == to_datetime64(silence.end_at)).all()
    assert sent.times.tolist() == times.tolist()


def test_the_report_counts_the_rows_that_each_fault_concerns() -> None:
    faults = [fault("gap", hour=1), fault("duplicate", hour=4, amount=3)]

    items = report(faults, SUN, sender="tester").items

    counts = [int(within(rows_of(SUN), one).sum()) for one in faults]
    assert [item["affected"] for item in items] == counts
    assert all(counts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[fault]]\n" + GAP.replace("gap", "storm"),
            "fault 1: kind: Input should be 'gap'",
        ),
        ("[[fault]]\n" + GAP + "amount = 2", "fault 1 (gap): amount: the share of the rows"),
        ("[[fault]]\n" + GAP.replace("18:30", "16:30"), "fault 1 (gap): to: must be after from"),
        ("[[fault]]\n" + GAP.replace("17:00:00Z", "17:00:00"), "fault 1 (gap): from: "),
        ("[[fault]]\n" + GAP + "share = 1", "fault 1: share: Extra inputs"),
        ("[[fault]]\n" + GAP + "[[fault]]\n" + GAP, "fault 2 is fault 1 again"),
        ("[[fault]]\n" + GAP.replace("gap", "silence") + "region = 7", "(silence): region: "),
        ("[fault]\n" + GAP, "write each fault below a line [[fault]]"),
        ("[[fault]", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_fault_and_the_field(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)

    with pytest.raises(InvalidInputError) as error:
        read_faults(path)

    assert str(error.value).startswith("faults.toml")
    assert message in str(error.value)


def test_a_command_with_a_wrong_file_ends_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(["simulate", "--faults", str(tmp_path / "absent.toml")])

    assert "absent.toml cannot be read" in capsys.readouterr().err


def test_a_fault_that_the_source_cannot_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("T_REC,HARPNUM,USFLUX\n2014-03-01T00:00:00Z,1,1e22\n")

    with pytest.raises(InvalidInputError, match="needs X-ray minutes"):
        with_faults(SUN, [fault("xrs-gap", hour=1)])
    with pytest.raises(InvalidInputError, match="give one with --flares"):
        with_faults(Replay([path]), [fault("flare-list-delay", hour=1)])


def test_the_example_of_the_documentation_has_every_kind_that_rows_and_flares_can_have(
    tmp_path: Path,
) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(EXAMPLE.read_text().split("```toml\n")[1].split("```")[0])

    faults = read_faults(path)

    assert [one.kind for one in faults] == [one.kind for one in every_kind(1)]
