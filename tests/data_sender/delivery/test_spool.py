from __future__ import annotations

import pytest

from data_sender.delivery import spool as spool_module
from data_sender.delivery.spool import Post, Spool, SpoolFullError


def _post(number):
    return Post("observations", [{"number": number}], {"sender": {"id": "s1", "sequence": number}})


def _drain(spool):
    found = []
    while (post := spool.first()) is not None:
        found.append(post.items[0]["number"])
        spool.discard_first()
    return found


def test_posts_leave_in_the_order_in_which_they_came(tmp_path):
    spool = Spool(tmp_path)
    for number in range(5):
        spool.append(_post(number))

    assert _drain(spool) == [0, 1, 2, 3, 4]
    assert spool.is_empty
    spool.close()


def test_a_spool_opened_again_goes_on_after_the_delivered_posts(tmp_path):
    spool = Spool(tmp_path)
    for number in range(5):
        spool.append(_post(number))
    spool.discard_first()
    spool.close()

    again = Spool(tmp_path)
    again.append(_post(5))

    assert _drain(again) == [1, 2, 3, 4, 5]
    again.close()


def test_an_old_pointer_does_not_skip_posts_of_a_new_segment(tmp_path):
    spool = Spool(tmp_path)
    spool.append(_post(0))
    spool.discard_first()
    spool.append(_post(1))
    spool.close()

    again = Spool(tmp_path)

    assert _drain(again) == [1]
    again.close()


def test_segments_are_dropped_once_they_are_delivered(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 100)
    spool = Spool(tmp_path)
    for number in range(9):
        spool.append(_post(number))
    segments = len(list(tmp_path.glob("*.jsonl")))

    delivered = _drain(spool)

    assert segments > 2
    assert delivered == list(range(9))
    assert list(tmp_path.glob("*.jsonl")) == []
    spool.close()


def test_a_torn_line_is_cut_away(tmp_path):
    spool = Spool(tmp_path)
    spool.append(_post(0))
    spool.close()
    segment = next(tmp_path.glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes() + b'["observations",[{"numb')

    again = Spool(tmp_path)
    again.append(_post(1))

    assert _drain(again) == [0, 1]
    again.close()


def test_a_full_spool_keeps_what_it_has_and_says_what_to_do(tmp_path):
    spool = Spool(tmp_path, limit_bytes=100)
    spool.append(_post(0))

    with pytest.raises(SpoolFullError, match="--spool-limit-mb"):
        spool.append(_post(1))

    assert _drain(spool) == [0]
    spool.close()
