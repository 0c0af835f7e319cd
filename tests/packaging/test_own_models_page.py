"""The example of docs/own-models.md is run as it stands, from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_package import blocks
from ports import free_port

SECTION = "A model made elsewhere"


@pytest.fixture
def environment() -> dict[str, str]:
    """Find the commands of this environment first, and the API on a free port."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    port = str(free_port())
    return found | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FLARE_API_PORT": port,
        "FLARE_API_URL": f"http://127.0.0.1:{port}",
    }


def test_the_example_serves_what_scikit_learn_says(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (code,) = blocks("python", section=SECTION)
    (home / "my_model.py").write_text(code)
    commands = "".join(blocks("sh", section=SECTION))
    script = commands.replace("http://127.0.0.1:8000", environment["FLARE_API_URL"])

    ended = subprocess.run(
        ["bash", "-e", "-c", f"trap 'kill $! 2>/dev/null; wait' EXIT\n{script}"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ended.returncode == 0, ended.stderr
    assert "\ncan serve\n" in ended.stdout
    assert "not audited: my-regression@1.0.0: trying the example" in ended.stdout
    expected = json.loads((home / "expected.json").read_text())
    items = json.loads((home / "forecasts.json").read_text())["items"]
    assert len(expected) == len(items) == 5
    # The graph computes in single precision.
    assert {str(item["region"]): item["probabilities"]["M1.0"] for item in items} == (
        pytest.approx(expected, abs=1e-6)
    )
