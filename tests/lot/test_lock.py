from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
SERVING, TRAINING = LOCK.split("# Training and development\n")


def names(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


def test_every_pin_has_a_hash_and_none_names_a_place() -> None:
    blocks = re.findall(r"^[a-z0-9][^\n]*(?:\n {4}[^\n]*)*", LOCK, re.MULTILINE)

    assert len(blocks) == len(names(LOCK))
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|find-links|index-url", LOCK)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [project["dependencies"], *project["optional-dependencies"].values()]

    wanted = {re.split(r"[=<>\[]", name)[0].lower() for names in declared for name in names}

    assert wanted <= names(LOCK)


def test_serving_installs_no_training_framework() -> None:
    frameworks = {"torch", "pandas", "scikit-learn", "scipy", "lightgbm", "onnx", "skl2onnx"}

    assert names(SERVING).isdisjoint(frameworks)
    assert names(SERVING).isdisjoint(names(TRAINING))
