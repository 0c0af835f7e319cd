from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_lab import Lab, running_lab

# Estimators whose fit never ends. The first asks nobody whether to stop, and starts a process of
# its own; the second keeps a checkpoint when it is asked to, and goes on from it; the third keeps
# one all the time; the last tells nothing.
PLUGIN = """
import subprocess
import time

import numpy as np

from model_training.journal import StoppedError

class Deaf:
    reads_windows = False
    takes_missing = False

    def fit(self, X, y, sample_weight=None, *, journal):
        # The noise test, which comes first, keeps no journal.
        if journal.folder is not None:
            self.fit_for_ever(journal)
        return self

    def fit_for_ever(self, journal):
        subprocess.Popen(["sleep", "600"])
        journal.steps("fit", 2).advance()
        time.sleep(600)

    def predict_proba(self, X):
        return np.tile([0.7, 0.3], (len(X), 1))

    def to_onnx(self, graph, inputs):
        return inputs

class Patient(Deaf):
    def fit_for_ever(self, journal):
        kept = journal.checkpoint(".pt")
        done = int(kept.read_text()) if journal.resumes and kept.exists() else 0
        steps = journal.steps("fit", 10**6, done=done)
        while not journal.stop.is_requested:
            time.sleep(0.01)
            steps.advance()
            done += 1
        kept.write_text(str(done))
        raise StoppedError("stopped")

class Keeping(Deaf):
    def fit_for_ever(self, journal):
        kept = journal.checkpoint(".pt")
        done = int(kept.read_text()) if journal.resumes and kept.exists() else 0
        steps = journal.steps("fit", 10**6, done=done)
        while True:
            time.sleep(0.05)
            steps.advance()
            done += 1
            kept.write_text(str(done))
"""


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Install them in a folder, and return the search path of modules with it."""
    site = tmp_path_factory.mktemp("site")
    (site / "endless.py").write_text(PLUGIN)
    info = site / "endless-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: endless\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[flarewatch.estimators]\ndeaf = endless:Deaf\npatient = endless:Patient\n"
        "keeping = endless:Keeping\n"
    )
    return os.pathsep.join([str(site), str(Path.cwd())])


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, plugins: str) -> Iterator[Lab]:
    """One API for all tests of this folder."""
    with running_lab(tmp_path_factory.mktemp("lab"), PYTHONPATH=plugins) as lab:
        yield lab
