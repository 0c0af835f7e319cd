from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_lab import Lab, running_lab

# A fit that never ends and asks nobody whether to stop; it has started a process of its own.
DEAF = """
import subprocess
import time

class Deaf:
    reads_windows = False
    takes_missing = False

    def fit(self, X, y, sample_weight=None, *, journal):
        subprocess.Popen(["sleep", "600"])
        journal.steps("fit", 2).advance()
        time.sleep(600)

    def predict_proba(self, X):
        return X

    def to_onnx(self, graph, inputs):
        return inputs
"""


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One API for all tests of this folder, and the plug-in `deaf` for its workers."""
    site = tmp_path_factory.mktemp("site")
    (site / "deaf.py").write_text(DEAF)
    info = site / "deaf-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deaf\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flarewatch.estimators]\ndeaf = deaf:Deaf\n")
    path = os.pathsep.join([str(site), str(Path.cwd())])
    with running_lab(tmp_path_factory.mktemp("lab"), PYTHONPATH=path) as lab:
        yield lab
