"""The steps of each Dockerfile, run without an engine, lead to a program that starts."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from lent_packages import is_large, lend, name_of

from flarewatch import PARTS

ROOT = Path(__file__).parents[2]
# What of the vocabulary only the images of the two servers run.
OF_SERVERS = {"solar.server", "solar.connection"}
# That of a worker installs the whole lock file, as the environment of these tests does.
WHOLE = "model_training/Dockerfile"
DOCKERFILES = sorted({str(path.relative_to(ROOT)) for path in ROOT.glob("*/Dockerfile")} - {WHOLE})


def steps(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile in their order, each with what it is given."""
    joined = (ROOT / dockerfile).read_text().replace("\\\n", "")
    return re.findall(r"^([A-Z]+) +(.+)$", joined, re.MULTILINE)


def copied(dockerfile: str) -> list[str]:
    return [value.split()[0] for word, value in steps(dockerfile) if word == "COPY"]


def installed(dockerfile: str, folder: Path) -> set[str]:
    """The distributions that the image installs, by the step that cuts them from the lock file."""
    shutil.copy(ROOT / "requirements.lock", folder)
    (cut,) = re.findall(r"sed .* > \w+\.lock", (ROOT / dockerfile).read_text())
    subprocess.run(["sh", "-c", cut], cwd=folder, check=True)
    text = (folder / cut.split()[-1]).read_text()
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


@cache
def imported(package: Path, *, is_server: bool) -> set[str]:
    """The names at the root of all imports of a package, of those inside functions too."""
    found: set[str] = set()
    for path in package.rglob("*.py"):
        if not is_server and f"{package.name}.{path.stem}" in OF_SERVERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


distributions_by_root = cache(packages_distributions)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_holds_what_its_packages_import(dockerfile: str, tmp_path: Path) -> None:
    distributions = distributions_by_root()
    packages = {name for name in copied(dockerfile) if (ROOT / name).is_dir()}
    # The image of the API uses a part of it, which the test of its steps imports.
    is_server = bool(packages & {"app", "app_dash"})
    roots = set().union(
        *(imported(ROOT / name, is_server=is_server) for name in packages - {"model_training"})
    )

    held = installed(dockerfile, tmp_path)

    for root in sorted(roots - packages):
        names = {name.lower().replace("_", "-") for name in distributions.get(root, [root])}
        assert names & held, f"{root} is imported but not in {dockerfile}"


def test_what_the_images_copy_is_all_that_docker_may_read() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert lines[0] == "*"
    assert allowed == {source for dockerfile in DOCKERFILES for source in copied(dockerfile)}


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_dockerfile_has_no_fault_that_hadolint_knows(dockerfile: str) -> None:
    program = Path(sys.executable).with_name("hadolint")

    shown = subprocess.run([program, "--no-color", ROOT / dockerfile], capture_output=True)

    assert shown.stdout.decode() == ""


# Imports all that a container runs; `env` is a script of alembic, and training stays outside.
IMPORT_ALL = """
import importlib, pkgutil, sys
names = ["model_training.commands.artefacts", "model_training.commands.artefacts"]
names = names if "model_training" in sys.argv else []
for package in set(sys.argv[1:]) - {"model_training"}:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith((".env", ".__main__")):
            names.append(module.name)
if not {"app", "app_dash"} & set(sys.argv):
    names = [name for name in names if name not in OF_SERVERS]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


# By the step that installs packages: images with the same step share what it installed.
pythons: dict[str, Path] = {}


class Unbuilt:
    """A folder in which the steps of a Dockerfile run as in its image, without an engine."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder / "srv"
        self.folder.mkdir()
        self.is_installed = python.exists()
        self.programs = python / "bin"
        if not self.is_installed:
            subprocess.run([sys.executable, "-m", "venv", python], check=True)
            for name in ("useradd", "chown"):
                (self.programs / name).symlink_to("/bin/true")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(folder),
            # What this machine has fetched is not fetched again.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    @property
    def site(self) -> Path:
        """The folder of its packages."""
        [found] = self.programs.parent.glob("lib/python3.*/site-packages")
        return found

    def take(self, word: str, value: str) -> None:
        """Do one step; those that say who runs it, and how it is seen from outside, are left."""
        if word == "RUN" and not ("pip install" in value and self.is_installed):
            command = value.replace("--no-cache-dir", "--no-compile")
            assert self.run("sh", "-c", command).returncode == 0
        elif word == "COPY":
            source, target = (self.inside(path) for path in value.split())
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, self.folder / target)
        elif word == "ENV":
            self.environment |= dict(self.inside(pair).split("=", 1) for pair in value.split())

    def inside(self, text: str) -> str:
        """Put the places of the image into this folder."""
        placed = text.replace("/srv/flarewatch", str(self.folder))
        return placed.replace("/usr/local/bin", str(self.programs))

    def run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE
        )


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_steps_of_an_image_lead_to_a_program_that_starts(
    dockerfile: str, tmp_path: Path
) -> None:
    [install] = [value for _, value in steps(dockerfile) if "pip install" in value]
    image = Unbuilt(tmp_path, pythons.setdefault(install, tmp_path / "python"))
    if not image.is_installed:
        held = installed(dockerfile, tmp_path)
        lend(image.site, is_lent=lambda one: name_of(one) in held and is_large(one))

    for word, value in steps(dockerfile):
        image.take(word, value)

    packages = [name for name in copied(dockerfile) if (ROOT / name).is_dir()]
    script = f"OF_SERVERS = {OF_SERVERS}{IMPORT_ALL}"
    assert image.run("python", "-c", script, *packages).returncode == 0
    (command,) = [json.loads(value) for word, value in steps(dockerfile) if word == "CMD"]
    assert image.run(*command, "--help").returncode == 0
    [name] = [name for name, (module, _) in PARTS.items() if module == command[2]]
    assert image.run("flarewatch", name, "--help").returncode == 0
    if "model_training" in packages:
        shutil.copytree(image.folder / "model_training" / "artifacts", image.folder / "models")
        promote = ["promote", "logistic-regression", "1.0.0", "--stage", "shadow"]
        promoted = image.run("python", "-m", "model_training", *promote, "--out", "models")
        assert b"shadow: blend@1.0.0, logistic-regression@1.0.0" in promoted.stdout
