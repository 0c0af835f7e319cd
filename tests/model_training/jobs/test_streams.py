"""A log arrives byte by byte as it is, however it is cut, and whatever its bytes are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from model_training.jobs.work_folder import Stream


def received(data: bytes, most: int) -> bytes:
    with TemporaryDirectory() as folder:
        (Path(folder) / "log.txt").write_bytes(data)
        stream, arrived = Stream(Path(folder) / "log.txt"), b""
        while stream.has_more:
            piece = stream.piece(most=most)
            assert piece["from_byte"] == len(arrived)
            assert len(piece["text"].encode()) <= most
            arrived += piece["text"].encode()
            stream.sent = len(arrived)
        return arrived


@given(st.text(max_size=30), st.integers(4, 9))
def test_a_text_arrives_unchanged_in_pieces_of_whole_characters(text: str, most: int) -> None:
    data = text.encode("utf-8", errors="replace")

    assert received(data, most) == data


@given(st.binary(max_size=40), st.integers(4, 9))
def test_offsets_count_bytes_also_of_what_is_no_text(data: bytes, most: int) -> None:
    assert len(received(data, most)) == len(data)
