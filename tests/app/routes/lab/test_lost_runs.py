"""Lost runs: who judges their leases, and when."""

from __future__ import annotations

import time
from pathlib import Path

from lab_calls import Lab

from app.lab.publishing import Publisher
from app.settings import LabSettings


def test_a_process_that_was_there_meanwhile_judges_at_the_begin_of_its_turn(
    lab_sqlite: Lab, tmp_path: Path
) -> None:
    lab = lab_sqlite
    run_id = lab.run(start=True)["run_id"]
    lab.claimed(run_id, lab.worker("train", "estimator:logistic-regression"))
    settings = LabSettings(lab_lease_seconds=1, data_dir=tmp_path)
    present, new = Publisher(settings), Publisher(settings)

    end = time.monotonic() + 1.1
    while time.monotonic() < end:
        # As the scheduler does each second while another process has its turn.
        present.note_presence()
        time.sleep(0.1)

    new.do_round(lab.engine)
    assert lab.get("ann", f"/runs/{run_id}")["state"] == "running"
    present.do_round(lab.engine)
    assert lab.get("ann", f"/runs/{run_id}")["state"] == "lost"
