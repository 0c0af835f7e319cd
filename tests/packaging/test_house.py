"""The house: how finely the product is divided, and which words it does without."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("solar", "database", "model_training", "app", "app_dash", "data_sender", "tests", "bench")
MOST_LINES = 400
MOST_HAND_LAID_STATEMENTS = 120
# Names that this project once coined for what has a name in the field. Everyday words that were
# used for something else are judged by readers instead.
COINED = re.compile(
    r"(lineup|courier|journey|shared_journey|shipping|flare_news|lease_office|dekads?|docket"
    r"|housekeeper|chores?|give_way|go_on|bury|frontiers|novelty|fates|standings?|standing_of"
    r"|made_up|hiding|outranked|pooling|told_accounts|newcomers|theatre|sightings?"
    r"|is_standing|made_up_events)"
)
# A table and a column of the store, and a key of recipes.
WIRE_NAMES = {"verification_dekads", "dekad", "hiding"}


def sources() -> list[Path]:
    return [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def identifiers(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        for field in ("name", "id", "attr", "arg"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_has_to_be_decoded(room: str) -> None:
    coined = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources()
        if path.is_relative_to(ROOT / room)
        for name in identifiers(path)
        if COINED.fullmatch(snake(name)) and name not in WIRE_NAMES
    }
    assert not coined


def test_a_file_can_be_read_at_one_sitting() -> None:
    product = [path for path in sources() if path.relative_to(ROOT).parts[0] not in ("tests",)]
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in product}
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_the_formatter_lays_out_all_but_tables() -> None:
    product = (
        path for path in sources() if path.relative_to(ROOT).parts[0] not in ("tests", "bench")
    )
    assert (
        sum(path.read_text().count("# fmt: skip") for path in product) <= MOST_HAND_LAID_STATEMENTS
    )
