from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade_models import HandmadeModel, line_up


@pytest.mark.parametrize(
    ("features", "fields", "said"),
    [
        (("USFLUX", "MCINTOSH"), {}, "model odd-1.0.0: MCINTOSH: called keyword and not known"),
        (
            ("USFLUX", "MCINTOSH"),
            {"features": [{"name": name, "unit": "", "kind": "other"} for name in ("A", "B")]},
            "model odd@1.0.0 cannot serve: A, B come neither",
        ),
        (
            ("USFLUX", "R_VALUE"),
            {"made_by": "flarewatch"},
            "model odd-1.0.0: made_by is flarewatch and sources, split, leak_audit",
        ),
        (
            ("USFLUX", "R_VALUE"),
            {"parity": 0.0, "scored_graph": "0" * 64},
            "model odd-1.0.0: parity belong to the graph 000000000000 and model.onnx is",
        ),
        (("USFLUX", "R_VALUE"), {"window_length": 3}, "describes (3, 2): 3 steps of USFLUX"),
    ],
)
def test_the_server_ends_with_one_sentence_about_a_model_that_cannot_serve(
    tmp_path: Path, features: tuple[str, ...], fields: dict[str, Any], said: str
) -> None:
    odd = HandmadeModel("odd", features, np.array([[0.1, 0.2]]))
    line_up(tmp_path / "models", odd)
    manifest = tmp_path / "models" / "odd-1.0.0" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | fields))
    environment = {
        **os.environ,
        "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/store.db",
        "FLARE_ARTIFACTS_DIR": str(tmp_path / "models"),
    }

    ended = subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert ended.returncode == 1
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
