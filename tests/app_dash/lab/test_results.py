"""What runs have found, in the page: results, runs side by side, and files, none of which runs."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from component_tree import words
from lab_calls import RECIPE, Lab
from office import Office, message_of

from app_dash.lab.result import verdict_sentence
from app_dash.shared.verification.report import Score
from model_training.judging import evidence as evidence_files
from model_training.judging.evidence import Evidence
from model_training.judging.importance import Importance
from model_training.judging.judgement import judge, to_json
from solar.skill import Estimate

OUTCOME = np.array([1, 0, 0, 0] * 3, float)


def evidence(probability: Any, *, part: Any = "test", event: str = "M1.0") -> Evidence:
    """Return forecasts of twelve days with three events; the reference always says one fourth."""
    return Evidence(
        part=part,
        event=event,
        region_id=np.full(12, 377, np.int64),
        t_rec=np.datetime64("2014-01-01", "us") + np.arange(12) * np.timedelta64(1, "D"),
        outcome=OUTCOME,
        raw=np.asarray(probability),
        calibrated=np.asarray(probability),
        entrants={"climatology-365d": np.full(12, 0.25)},
        threshold=0.5,
        n_unknown=0,
    )


SHARP, DULL = evidence(0.25 + OUTCOME / 2), evidence(np.full(12, 0.5))


def succeeded(lab: Lab, files: dict[str, bytes], **changes: Any) -> str:
    """Have a run that succeeded and made these files."""
    run_id: str = lab.run(start=True, **changes)["run_id"]
    lab.claimed(run_id, lab.worker("train", "estimator:logistic-regression"))
    lab.ended(run_id, "succeeded")
    for name, content in files.items():
        lab.delivered(run_id, name, content)
    return run_id


@pytest.fixture
def pair(lab: Lab, tmp_path: Path) -> str:
    """Return two runs with evidence, the second worse than the first, as an address names them."""
    ids = []
    for seed, one in enumerate((SHARP, DULL)):
        evidence_files.write([one], tmp_path / "evidence.parquet")
        content = (tmp_path / "evidence.parquet").read_bytes()
        recipe = RECIPE.replace("= 7", f"= {seed}")
        ids.append(succeeded(lab, {"evidence.parquet": content}, recipe=recipe))
    return ",".join(ids)


def test_runs_side_by_side_say_what_differs(lab: Lab, office: Office, pair: str) -> None:
    page = office.open(f"/lab/compare?runs={pair}", of="ann")
    every = office.open(f"/lab/compare?runs={pair}&parameters=all&part=validation", of="ann")

    for text in ("Compare 2 runs", "by BSS against the first: 1 worse", "−1.00", "1 of "):
        assert text in page, text
    assert "mark square" in page
    assert '"seed"' in page
    assert '"estimator.kind"' not in page
    assert '"estimator.kind"' in every
    assert "No run has forecasts on these cases." in every
    assert "There is no such run" in office.open(f"/lab/compare?runs={pair}", of="ben")
    assert "press Compare" in office.open("/lab/compare", of="ann")


def test_another_run_of_the_experiment_is_added_to_a_comparison(
    lab: Lab, office: Office, pair: str
) -> None:
    one, other = pair.split(",")
    third = succeeded(lab, {})
    lab.run(start=True)

    page = office.open(f"/lab/compare?runs={pair}", of="ann")

    added = re.findall(r"/lab/compare\?runs=([0-9A-Z%]+)", page)
    assert [runs for runs in added if third in runs] == [f"{one}%2C{other}%2C{third}"]


def test_ticked_runs_are_compared(office: Office, pair: str) -> None:
    picks = {f"pick {run_id}": [run_id] for run_id in pair.split(",")}
    few = dict(list(picks.items())[:1])

    refused = office.press("lab", "compare", by="ann", pathname="/lab/runs", **few)
    done = office.press("lab", "compare", by="ann", pathname="/lab/runs", **picks)

    assert "Choose 2 to 10 runs first." in message_of(refused)
    assert f"/lab/compare?runs={pair.replace(',', '%2C')}" in there(done)


def there(answer: Any) -> str:
    url = answer.get_json()["sideUpdate"]["url"]
    return str(url["pathname"] + url["search"])


def test_a_comparison_is_a_file_too(office: Office, pair: str) -> None:
    browser = office.browser("ann")

    rows = browser.get(f"/lab/comparison.csv?runs={pair}")
    page = browser.get(f"/lab/comparison.html?runs={pair}")

    head, *lines = rows.text.splitlines()
    assert head.startswith("run,run_id,part,event,n,events,score,value")
    assert len(lines) == 4
    assert lines[3].endswith(",TSS,0.0,0.0,0.0,-1.0,-1.0,-1.0,worse,")
    assert "<td>worse</td>" in page.text
    assert {one.headers["Content-Disposition"] for one in (rows, page)} == {
        'attachment; filename="comparison.csv"',
        'attachment; filename="comparison.html"',
    }


def test_a_result_is_drawn_from_the_files(lab: Lab, office: Office) -> None:
    judged = [judge(one) for one in (SHARP, evidence(np.full(12, 0.9), event="C1.0"))]
    importance = {"M1.0": [Importance("TOTUSJH", Estimate(0.2, 0.1, 0.3))]}
    trial = {"exchanged": "inputs", "event": "M1.0", "bss": None, "note": "too few events"}
    check = {"name": "no region is in train and test", "passed": True, "detail": "0 shared"}
    audit = {"passed": True, "checks": [check], "noise": [trial]}
    files = {
        "scores.json": to_json(judged, importance),
        "small-1.0.0/manifest.json": json.dumps({"leak_audit": audit}).encode(),
    }
    run_id = succeeded(lab, files)

    page = office.open(f"/lab/runs/{run_id}?tab=result", of="ann")
    other = office.open(f"/lab/runs/{run_id}?tab=result&event=C1.0", of="ann")

    for text in (
        "On the same cases better than climatology 365 d.",
        "TOTUSJH",
        "No region is in train and test",
        "1 of 1 checks passed",
        "too few events",
        "result-reliability",
        "threshold frozen at 50",
        "Open report",
    ):
        assert text in page, text
    assert "worse than climatology 365 d (ΔBSS −2.25" in other
    assert "TOTUSJH" not in other


def test_a_result_that_cannot_be_read_leads_to_the_report(lab: Lab, office: Office) -> None:
    run_id = succeeded(lab, {"scores.json": b'{"judgements": [{}]}'})

    page = office.open(f"/lab/runs/{run_id}?tab=result", of="ann")

    assert "scores.json cannot be read here" in page


def test_the_verdict_begins_with_the_worst() -> None:
    said = {
        "persistence": Score(value=0.2, low=0.1, high=0.3),
        "plain-regression": Score(value=-0.07, low=-0.1, high=-0.04),
        "climatology-120d": Score(value=0.1, low=-0.1, high=0.3),
        "climatology-365d": Score(),
    }

    assert words(verdict_sentence(said)) == (
        "On the same cases worse than plain regression (ΔBSS −0.07, −0.10 … −0.04); no different"
        " from climatology 120 d; better than persistence."
    )
    assert words(verdict_sentence({})) == "There is no other forecast here."


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"totusjh": [1.5, None], "name": ["a", "<b>"]}), file)
    return file.getvalue()


def arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.arange(12.0).reshape(3, 4), evil=np.array([{}], dtype=object))
    return file.getvalue()


SCRIPT = "<script>alert(1)</script>"
FILES = {
    "a.csv": b"t,x\n" + b"".join(b"%d,0\n" % row for row in range(150)),
    "a.json": b'{"b":[1]}',
    "a.npz": arrays(),
    "a.parquet": parquet(),
    "a.svg": f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>'.encode(),
    "cut.parquet": parquet()[:50],
    "empty.txt": b"",
    "graph.graphml": SCRIPT.encode(),
    "model.onnx": b"onnx",
    "report.html": SCRIPT.encode(),
}
SEEN = {
    "a.csv": ("the first 100 rows", '"99"'),
    "a.json": ('{\\n  \\"b\\": [\\n    1\\n  ]\\n}',),
    "a.npz": ("2 arrays", "3 × 4", "0, 1, 2, 3", "objects, which are not read"),
    "a.parquet": ("2 rows of 2 columns", "1.5", '"<b>"'),
    "a.svg": ('"type": "Img"', "a.svg?shown=1"),
    "cut.parquet": ("It cannot be read as parquet; download it.",),
    "empty.txt": ("The file is empty.",),
    "graph.graphml": (SCRIPT, '"type": "Pre"'),
    "model.onnx": ("is not shown in the page; download it.",),
    "report.html": ("in which no script runs", "report.html?shown=1"),
    "gone.txt": ("The run has no such file.",),
}


def test_each_kind_of_file_is_seen_and_none_runs(lab: Lab, office: Office) -> None:
    run_id = succeeded(lab, FILES)
    browser = office.browser("ann")

    for name, texts in SEEN.items():
        page = office.open(f"/lab/runs/{run_id}?tab=outputs&file={name}", of="ann")
        assert [text for text in texts if text not in page] == [], name
    shown = {name: browser.get(f"/lab/outputs/{run_id}/{name}?shown=1") for name in FILES}
    kept = browser.get(f"/lab/outputs/{run_id}/report.html")

    kinds = {name: answer.mimetype for name, answer in shown.items()}
    as_it_is = {"a.svg": "image/svg+xml", "report.html": "text/html"}
    assert kinds == dict.fromkeys(FILES, "application/octet-stream") | as_it_is
    for name in as_it_is:
        policy = shown[name].headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'"), name
    assert kept.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert kept.mimetype == "application/octet-stream"
