"""The lock file is closed: pip finds in it everything that anything in it requires."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from lent_packages import is_large, lend, name_of
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
TORCH = re.search(r"^TORCH := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
# Torch and the parts of CUDA that its builds pin exactly; Makefile says why they are not locked.
OF_TORCH = re.compile("torch|triton|nvidia-|cuda-")


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.MULTILINE))


SENDER, REST = LOCK.split("# Serving\n")
SERVING, TRAINING = REST.split("# Training and development\n")
PARTS = {
    "sender": (SENDER, ("sender",)),
    "serving": (SENDER + SERVING, ("sender", "store", "api", "dashboard", "lab")),
    "everything": (LOCK, tuple(name for name in EXTRAS if name != "analysis")),
}


def requirements_of(roots: Iterable[str], python: str) -> Iterator[tuple[str, Requirement]]:
    """Follow what is required, extras included, through the metadata of what is installed."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    left = [("pyproject.toml", Requirement(root)) for root in roots]
    seen: set[tuple[str, str]] = set()
    while left:
        by, required = left.pop()
        yield by, required
        name = canonicalize_name(required.name)
        for extra in {"", *required.extras}:
            if (name, extra) in seen or (OF_TORCH.match(name) and name != "torch"):
                continue
            seen.add((name, extra))
            for line in distribution(name).requires or ():
                one = Requirement(line)
                if one.marker is None or one.marker.evaluate(environment | {"extra": extra}):
                    left.append((name, one))


PYTHONS = ("3.11", "3.12", "3.13")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("part", PARTS)
def test_everything_that_is_required_is_pinned_and_nothing_else(part: str, python: str) -> None:
    text, extras = PARTS[part]
    pinned = pins(text)
    roots = [*PROJECT["dependencies"], *(name for extra in extras for name in EXTRAS[extra])]
    if part == "everything":
        roots.append("torch")

    required = [
        (by, one) for by, one in requirements_of(roots, python) if not OF_TORCH.match(one.name)
    ]

    unmet = [
        f"{by} requires {one}"
        for by, one in required
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0.0.dev0"))
    ]
    assert unmet == []
    # What one of these Pythons needs, the lock file holds for all.
    needed = [one for version in PYTHONS for _, one in requirements_of(roots, version)]
    assert set(pinned) == {
        canonicalize_name(one.name) for one in needed if not OF_TORCH.match(one.name)
    }


def test_every_pin_has_a_hash_and_none_names_a_place() -> None:
    blocks = re.findall(r"^[a-z0-9][^\n]*(?:\n {4}[^\n]*)*", LOCK, re.MULTILINE)

    assert len(blocks) == len(pins(LOCK))
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|find-links|index-url", LOCK)


def test_what_is_installed_here_is_what_is_pinned() -> None:
    pinned = pins(LOCK)
    here = {canonicalize_name(one.name): one.version for one in distributions()}

    assert {name: here.get(name) for name in pinned} == pinned


def test_serving_installs_no_training_framework_and_a_sender_no_store() -> None:
    frameworks = {"torch", "pandas", "scikit-learn", "scipy", "lightgbm", "onnx", "skl2onnx"}

    assert pins(SENDER + SERVING).keys().isdisjoint(frameworks)
    assert pins(SENDER).keys().isdisjoint({"sqlalchemy", "flask", "dash", "onnxruntime"})


def newer_releases(folder: Path) -> Path:
    """Make a wheel of version 9999 for every package that anything installed here may require."""
    folder.mkdir()
    for name in sorted(named_in_metadata()):
        stem = f"{name.replace('-', '_')}-9999"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 9999\n"
            wheel.writestr(f"{stem}.dist-info/METADATA", about)
            wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return folder


def named_in_metadata() -> set[str]:
    required = {
        canonicalize_name(Requirement(line).name)
        for one in distributions()
        for line in one.requires or ()
    }
    return required | pins(LOCK).keys() | {"torch"}


def is_lent(one: Distribution) -> bool:
    """Tell what is linked for the second goal: torch, of some gigabytes for a GPU, and the like.

    `make setup` installs all of it; the smaller packages show that pip takes what is pinned.
    """
    return bool(OF_TORCH.match(name_of(one))) or (name_of(one) in pins(LOCK) and is_large(one))


# Debian 12 has the first; it does not run on Python 3.12 and later.
OLD_PIP = "23.0.1" if sys.version_info < (3, 12) else "24.2"
NEW_PIP = "26.3"
INSTALLED_FROM = (
    "Makefile",
    "README.md",
    "demo.py",
    "flarewatch.py",
    "pyproject.toml",
    "requirements.lock",
    "solar/__init__.py",
    "solar/version.py",
)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize(
    ("pip", "goals"), [(OLD_PIP, ("serving", "complete")), (NEW_PIP, ("serving",))]
)
def test_newer_releases_of_everything_change_nothing(
    pip: str, goals: tuple[str, ...], tmp_path: Path
) -> None:
    venv, project = tmp_path / "venv", tmp_path / "project"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/pip", "install", "--quiet", f"pip=={pip}"], check=True)
    [site] = (venv / "lib").glob("python3.*/site-packages")
    project.mkdir()
    for name in INSTALLED_FROM:
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    places = f"{os.environ.get('PIP_FIND_LINKS', '')} {newer_releases(tmp_path / 'newer')}".strip()
    environment = {**os.environ, "PIP_FIND_LINKS": places}

    for goal in goals:
        made = ["make", f"VENV={venv}", f"{venv}/{goal}"]
        subprocess.run(made, cwd=project, env=environment, check=True)
        found = {
            canonicalize_name(one.name): one.version for one in distributions(path=[str(site)])
        }
        assert "9999" not in found.values()
        assert pins(LOCK if goal == "complete" else SENDER + SERVING).items() <= found.items()
        subprocess.run([venv / "bin/pip", "check"], check=True)
        lend(site, is_lent=is_lent)
