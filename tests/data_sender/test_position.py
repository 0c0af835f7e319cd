from __future__ import annotations

import numpy as np

from data_sender.position import Position, PositionFile


def test_positions_of_several_sources_are_kept_side_by_side(tmp_path):
    through, covered_to = np.array(["2014-03-01T01", "2014-03-01T00"], "datetime64[us]")
    first, second = PositionFile(tmp_path, "a"), Position(7, through, covered_to, 3, 500)
    first.sequence = 3
    first.write(second)

    other = PositionFile(tmp_path, "b")
    other.write(Position(1, None))

    assert other.sequence == 3
    assert PositionFile(tmp_path, "a").read() == second
    assert PositionFile(tmp_path, "b").read() == Position(1, None)


def test_a_position_that_cannot_be_read_starts_over(tmp_path):
    (tmp_path / "position.json").write_text('{"sequence": 3, "sou')

    assert PositionFile(tmp_path, "a").read() == Position()
