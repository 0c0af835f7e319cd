from __future__ import annotations

import zlib

import numpy as np
import pytest

from data_sender.options import parse_arguments
from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sharding.shard import (
    FLARES,
    REGION_SHARDS,
    FixedShard,
    SourcePart,
    halves_by_region,
    parse_shard,
    shards_of,
)
from data_sender.sharding.shared_replay import step_end, whole_steps
from data_sender.source import Chunk
from data_sender.sources.simulation.region_statistics import load_statistics
from data_sender.sources.simulation.simulation import Simulation, Sun
from solar.errors import InvalidInputError

START = np.datetime64("2023-01-01", "us")


def simulation(days=2):
    return Simulation(Sun(1, 8.0, load_statistics()), START, START + np.timedelta64(days, "D"))


def rows_of(source, position=None):
    return Rows.concatenate([chunk.rows for chunk in source.chunks(position or Position())])


def flares_of(source):
    return [flare.body for chunk in source.chunks(Position()) for flare in chunk.flares]


def names(rows):
    return sorted(zip(rows.harpnum.tolist(), rows.t_rec.tolist(), strict=True))


def test_the_shard_of_a_region_is_the_crc_of_its_name():
    rows = rows_of(simulation()).take(slice(0, 2))
    rows.harpnum[1] = 0

    shards = shards_of(rows)

    harp, noaa = rows.harpnum[0], rows.noaa_ars.rows()[1][0]
    assert shards.tolist() == [
        zlib.crc32(b"harp:%d" % harp) % 64, zlib.crc32(b"noaa:%d" % noaa) % 64,
    ]  # fmt: skip


def test_the_halves_of_a_batch_hold_every_row_once_and_a_region_stays_whole():
    rows = rows_of(simulation())
    alone = rows.take(rows.harpnum == rows.harpnum[0])

    one, other = halves_by_region(rows)

    assert names(Rows.concatenate([one, other])) == names(rows)
    assert not set(one.harpnum) & set(other.harpnum)
    assert abs(len(one) - len(other)) <= np.bincount(shards_of(rows)).max()
    assert [names(half) for half in halves_by_region(alone)] == [names(alone)]
    assert halves_by_region(rows.take(slice(0))) == []


def test_the_parts_of_a_source_hold_every_row_once_and_all_flares_each():
    parts = [SourcePart(simulation(), FixedShard(index, 3)) for index in (1, 2, 3)]

    assert names(Rows.concatenate([rows_of(part) for part in parts])) == names(
        rows_of(simulation())
    )
    assert {part.flare_source for part in parts} == {"simulated"}
    assert [flares_of(part) for part in parts] == [flares_of(simulation())] * 3
    assert len({part.fingerprint for part in parts}) == 3
    assert sum(FixedShard(index, 3).holds() for index in (1, 2, 3)).tolist() == [1] * (FLARES + 1)


@pytest.mark.parametrize("sent", [1, 7, 100, 101, 102, 103])
def test_a_part_goes_on_behind_the_last_row_also_in_the_middle_of_a_time(sent):
    part = SourcePart(simulation(), FixedShard(1, 2))
    whole = rows_of(part)
    position = Position()
    for start in range(0, sent, 40):
        position = position.after(whole.t_rec[start : min(start + 40, sent)])

    rest = rows_of(part, position)

    assert position.rows == sent
    assert rest.observations() == whole.take(slice(sent, None)).observations()


def test_a_sender_of_one_part_sends_nothing_of_the_others(api, sender, write_table):
    path = write_table(hours=20)

    counts = [sender.run("replay", path, "--shard", f"{part}/3")[1]["sent"] for part in (1, 2, 3)]
    again = sender.run("replay", path, "--shard", "3/3")[1]["sent"]

    # CRC-32 modulo 64 is 2 for harp:3721 and 18 for harp:3740.
    assert counts == [20, 0, 20]
    assert again == 0
    assert len(api.stored) == 40


def test_whole_steps_keep_rows_of_one_time_together_and_lose_none():
    rows = rows_of(simulation(days=1))
    pieces = [Chunk(rows.take(slice(i, i + 37))) for i in range(0, len(rows), 37)]

    chunks = [chunk.rows for chunk in whole_steps(pieces) if len(chunk.rows)]

    assert Rows.concatenate(chunks).observations() == rows.observations()
    ends = [chunk.t_rec[-1] for chunk in chunks[:-1]]
    assert all(end < chunk.t_rec[0] for end, chunk in zip(ends, chunks[1:], strict=True))


@pytest.mark.parametrize(
    ("start", "due", "batch", "end"), [(0, 3, 3, 3), (0, 2, 2, 1), (1, 2, 2, 3), (3, 2, 2, 7)]
)
def test_a_step_ends_between_two_times(start, due, batch, end):
    times = START + np.array([0, 1, 1, 2, 2, 2, 2, 3], "timedelta64[s]")

    assert step_end(times, start, due=due, batch=batch) == end


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1/65", "a/b", "1", "Auto"])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(InvalidInputError, match="--shard"):
        parse_shard(text)


def test_senders_of_parts_have_names_of_their_own():
    def name(*options):
        return parse_arguments(["replay", "x.parquet", *options]).sender

    assert name("--shard", "2/3") == f"{name()}-2of3"
    assert name("--shard", "auto") is None
    assert name("--shard", "auto", "--sender", "s1") == "s1"
    assert parse_shard("64/64").index == REGION_SHARDS
