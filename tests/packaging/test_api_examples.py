from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import free_port, serving

ROOT = Path(__file__).parents[2]
BLOCKS = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/api.md").read_text(), re.S | re.M)
    if "curl " in block
]
DOCUMENTED = "127.0.0.1:8000"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("examples"), free_port()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    environment = plain | {
        "FLARE_DATABASE_URL": f"sqlite:///{folder}/store.db",
        "FLARE_DATA_DIR": str(folder),
        "FLARE_API_PORT": port,
        "PYTHONPATH": str(ROOT),
    }
    address = f"127.0.0.1:{port}"
    with serving("app", "serve", ready=f"http://{address}/ready", environment=environment):
        yield address


def run(block: str, address: str) -> list[dict[str, Any]]:
    """Paste a block into a shell; return the bodies of the answers, none of which is an error."""
    pasted = block.replace(DOCUMENTED, address)
    # With each body on a line of its own, and an error of the API as an error of the shell.
    commands = 'curl() { command curl -sS --fail-with-body "$@" && echo; }\nset -e\n' + pasted
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def test_the_commands_of_the_page_work_one_after_the_other_on_a_new_store(address: str) -> None:
    answers = [run(block, address) for block in BLOCKS]

    ((first,), *_) = answers
    assert (first["accepted"], first["rejected"]) == (2, [])
    assert len(first["predictions"]) >= 2
    assert all(0 < item["probabilities"]["M1.0"] < 1 for item in first["predictions"])
    listed, acknowledged = next(pair for pair in answers if "comment" in pair[-1])
    assert acknowledged["id"] == listed["items"][0]["id"]
    assert (acknowledged["state"], acknowledged["acknowledged_by"]) == ("acknowledged", "local")
