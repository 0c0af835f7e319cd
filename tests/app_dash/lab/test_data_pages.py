"""The pages of data sets, and uploads that the dashboard passes on to the API."""

from __future__ import annotations

import base64
import json
import tomllib
from typing import Any

import pytest
from lab_calls import SHA, Lab, add_dataset
from office import Office, message_of
from tus_client import VERSION
from werkzeug.test import TestResponse

from app_dash.frame.typed_fields import accept
from app_dash.lab.dataset import layout_text
from app_dash.lab.downloads import PIECE_BYTES
from app_dash.lab.query import TableQuery
from solar.identifiers import is_id

CSV = b"t_rec,harpnum\n2014-03-01T00:00:00Z,3721\n"
NAME = base64.b64encode("Röws.csv".encode()).decode()
LAYOUT = {"layout": "sharp", "rows": "rows.csv", "flares": None}
QUESTION = {
    "text": "Which axis is time?",
    "answers": [
        {
            "value": "1",
            "label": "60 steps of 18",
            "detail": "neighbours agree",
            "series": [{"name": "MEANSHR", "values": [1.0, None, 3.0, 2.5]}],
        },
        {"value": "2", "label": "18 steps of 60", "detail": ""},
    ],
}
BREAKDOWN = {
    "cases": 1920,
    "regions": 240,
    "steps": 3,
    "cadence_hours": 0.2,
    "first_at": "2011-02-14T00:00:00Z",
    "last_at": "2017-09-08T12:00:00Z",
    "features": [
        {
            "name": "TOTUSJH",
            "unit": "G²/m",
            "missing": 0.083,
            "spread": {"minimum": 23.6, "maximum": 12103.0},
        },
        {"name": "USFLUX", "unit": "Mx", "missing": 0.0, "spread": None},
    ],
    "events": [{"event": "M1.0", "events": 116, "none": 1800, "unknown": 4}],
    "remarks": ["SAVNCPP never changes"],
}
FULL = BREAKDOWN | {
    "records": 5760,
    "region_cases": {"least": 1, "median": 2.0, "most": 12, "largest": 377},
    "features": [
        {
            "name": name,
            "unit": "G²/m",
            "missing": 0.083,
            "spread": {
                "minimum": 0.0,
                "lower_quartile": 2.0,
                "upper_quartile": 4e7,
                "maximum": 1e24,
            },
            "missing_by_year": {"2011": 0.02, "2012": 0.0, "2013": 0.3},
            "missing_by_part": [0.1] * 11 + [None],
            "histogram": {"linear": [9, 1, 0], "log": [2, 6, 2], "is_skewed": True},
        }
        for name in ("TOTUSJH", "USFLUX", "MEANSHR")
    ],
    "events": [{"event": "M1.0", "events": 116, "none": 37, "unknown": 0, "regions": 40}],
    "balance_remark": "Chosen around flares.",
    "sample": {"records": 500, "cases": 200},
    "correlation_method": "Spearman",
    "correlation": [[1.0, 0.96, -0.2], [0.96, 1.0, None], [-0.2, None, None]],
    "lagged": [{"hours": 0.2, "correlation": [[0.9, 0.1, 0.3]] * 3}],
    "overlap": {"cases": 153, "shared": 131, "overlapping": 131},
}


def dataset(lab: Lab, who: str = "ann", **changes: Any) -> str:
    values = {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return add_dataset(lab.engine, lab.ids[who], "rows.csv", **values)


def send(office: Office, content: bytes, *, by: str = "ann") -> str:
    """Send a file through the dashboard in one piece; return the id of the upload."""
    begun = begin(office, len(content), by=by)
    assert begun.status_code == 201, begun.text
    bring(office, begun.headers["Location"], content, offset=0, by=by)
    return begun.headers["Location"].rpartition("/")[2]


def begin(office: Office, size: int, *, by: str = "ann") -> TestResponse:
    headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {NAME}"}
    return office.browser(by).post("/lab/uploads", headers=VERSION | headers)


def bring(
    office: Office, address: str, piece: bytes, *, offset: int, by: str = "ann"
) -> TestResponse:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return office.browser(by).patch(address, data=piece, headers=VERSION | headers)


def test_an_upload_goes_through_the_dashboard_and_on_from_where_it_ended(
    lab: Lab, office: Office
) -> None:
    address = begin(office, len(CSV)).headers["Location"]
    first = bring(office, address, CSV[:10], offset=0)
    wrong = bring(office, address, CSV[5:], offset=5)
    here = office.browser("ann").head(address, headers=VERSION)
    rest = bring(office, address, CSV[10:], offset=10)

    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "10")
    assert wrong.status_code == 409
    assert "10" in wrong.text
    assert (here.status_code, here.headers["Upload-Offset"]) == (200, "10")
    assert (rest.status_code, rest.headers["Upload-Offset"]) == (204, str(len(CSV)))
    assert office.browser("ben").head(address, headers=VERSION).status_code == 404
    assert office.browser("ann").delete(address, headers=VERSION).status_code == 204


def test_what_the_api_refuses_of_an_upload_is_passed_on_with_its_text(
    lab: Lab, office: Office
) -> None:
    too_large = begin(office, 2**50)
    address = begin(office, 2 * PIECE_BYTES).headers["Location"]
    headers = VERSION | {"Sec-Fetch-Site": "cross-site"}

    assert too_large.status_code == 413
    assert "bytes" in too_large.text
    assert too_large.content_type == "text/plain; charset=utf-8"
    whole = bring(office, address, b"x" * PIECE_BYTES, offset=0)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (204, str(PIECE_BYTES))
    assert bring(office, address, b"x" * (PIECE_BYTES + 1), offset=PIECE_BYTES).status_code == 413
    assert office.browser("ann").delete(address, headers=headers).status_code == 403
    assert begin(office, 5, by="vic").status_code == 403
    assert begin(office, 5, by="").status_code == 401


def test_complete_uploads_become_a_data_set(lab: Lab, office: Office) -> None:
    uploads = {"dataset-name": "Rows", "dataset-uploads": send(office, CSV)}
    nameless = office.press("lab", "make-dataset", by="ann", pathname="/lab/data")
    nothing = office.press(
        "lab", "make-dataset", by="ann", pathname="/lab/data", **{"dataset-name": "Rows"}
    )
    made = office.press("lab", "make-dataset", by="ann", pathname="/lab/data", **uploads)

    assert message_of(nameless) == "Write a name."
    assert message_of(nothing) == "Choose files first."
    path = made.get_json()["sideUpdate"]["url"]["pathname"]
    assert is_id(path.rpartition("/")[2])
    page = office.open(path, of="ann")
    run_id = lab.get("ann", path.replace("data", "datasets", 1).removeprefix("/lab"))[
        "described_by"
    ]
    for text in ("A run looks into the files.", f"/lab/runs/{run_id}?tab=log", "Röws.csv"):
        assert text in page, text


def test_the_table_lists_data_sets_by_text_and_state(lab: Lab, office: Office) -> None:
    dataset(lab, name="windows", state="asks", question=QUESTION)
    dataset(lab, name="broken", state="refused", reason="It is a pickle.")

    every, asking, none = (
        office.open(f"/lab/data{search}", of="ann")
        for search in ("", "?state=asks", "?state=asks&text=nothing")
    )

    for text in (
        "windows",
        "broken",
        "It is a pickle.",
        "run-state asks",
        "Choose files",
        "2.1 GB",
    ):
        assert text in every, text
    assert "broken" not in asking
    assert "No data set matches these filters." in none
    assert "There are no data sets yet." in office.open("/lab/data", of="vic")
    assert "Choose files" not in office.open("/lab/data", of="vic")


def test_a_typed_filter_keeps_the_state_of_each_table() -> None:
    for state in ("asks", "timed_out"):
        search = accept(TableQuery, f"?state={state}", typed={"text": "a"}, shown={"text": ""})

        assert search == f"?state={state}&text=a"


def test_a_ready_data_set_shows_what_was_found_and_begins_a_run(lab: Lab, office: Office) -> None:
    ready = dataset(lab, layout=LAYOUT, breakdown=BREAKDOWN, rows=1920)

    page = office.open(f"/lab/data/{ready}", of="ann")

    for text in (
        "TOTUSJH",
        "G²/m",
        "8.3",
        "23.6",
        "12,103",
        "M1.0",
        "of 1,916, 6.1",
        "4 unknown",
        "SAVNCPP never changes",
        "1,920 of 240 regions",
        "3 steps of 0.2 h",
        f"/lab/new?kind=process&dataset={ready}",
        f"/lab/files/{ready}/{SHA}/rows.csv",
        "[data]",
        "Delete the data set",
    ):
        assert text in page, text
    assert ready in office.open(f"/lab/new?dataset={ready}", of="ann")


def test_the_features_of_a_data_set_are_drawn(lab: Lab, office: Office) -> None:
    ready = dataset(lab, breakdown=FULL)

    page = office.open(f"/lab/data/{ready}", of="ann")
    lagged = office.open(f"/lab/data/{ready}?lag=1&scale=linear", of="ann")

    for text in (
        "by year, 2011 … 2013",
        "Missing of TOTUSJH by year: 2011 2.0\u202f%, 2012 0, 2013 30\u202f%",
        "Distribution of TOTUSJH: half of the values from 2.00 to 4.0·10⁷",
        "1.0·10²⁴",
        "Distributions of 500 of 5,760 records, drawn at random.",
        "76\u202f%",
        "Chosen around flares.",
        "131 of 153 windows",
        "Cases a region: 1 to 12, median 2; most has 377. M1.0+ in 40 of 240 regions.",
        "the strongest: USFLUX, TOTUSJH 0.96; MEANSHR, TOTUSJH −0.20",
        "1 pair ≥ 0.95",
        "200 of 1,920 cases, at random.",
        f"/lab/data/{ready}?lag=1",
        "12 min",
    ):
        assert text in page, text
    assert "Row: now. Column: 12 min before." in lagged
    assert "the strongest: USFLUX, after TOTUSJH 0.90; " in lagged
    assert f"/lab/data/{ready}?scale=log&lag=1" in lagged
    assert lagged.count('"log"') < page.count('"log"')


def test_a_data_set_asks_its_owner_who_answers(lab: Lab, office: Office) -> None:
    asks = dataset(lab, name="windows", state="asks", question=QUESTION, visibility="shared")

    mine, others = (office.open(f"/lab/data/{asks}", of=name) for name in ("ann", "ben"))
    refused = office.press("lab", "answer-dataset", asks, by="ann")
    wrong = office.press("lab", "answer-dataset", asks, by="ann", **{"dataset-answer": "9"})
    done = office.press("lab", "answer-dataset", asks, by="ann", **{"dataset-answer": "1"})

    for text in (
        "Which axis is time?",
        "60 steps of 18",
        "neighbours agree",
        "MEANSHR",
        "data:image/svg+xml",
        "Answer",
        "None of these",
    ):
        assert text in mine, text
    assert "its owner answers" in others
    assert "answer-dataset" not in others
    assert message_of(refused) == "Choose an answer."
    assert "no answer" in message_of(wrong)
    assert message_of(done) == ""
    assert lab.get("ann", f"/datasets/{asks}")["state"] == "checking"


def test_a_data_set_of_which_no_answer_is_true_is_refused(lab: Lab, office: Office) -> None:
    asks = dataset(lab, name="windows", state="asks", question=QUESTION)

    stolen = office.press("lab", "refuse-dataset", asks, by="ben")
    office.press("lab", "refuse-dataset", asks, by="ann")

    assert message_of(stolen) != ""
    assert "took none of the answers" in office.open(f"/lab/data/{asks}", of="ann")


def test_a_data_set_is_shared_and_deleted_by_its_owner(lab: Lab, office: Office) -> None:
    mine = dataset(lab, state="refused", reason="It is a pickle; convert it.")

    hidden = office.open(f"/lab/data/{mine}", of="ben")
    shared = office.press("lab", "share-dataset", mine, by="ann")
    seen = office.open(f"/lab/data/{mine}", of="ben")
    stolen = office.press("lab", "delete-dataset", mine, by="ben")
    deleted = office.press("lab", "delete-dataset", mine, by="ann")

    assert "or it is not shared with you" in hidden
    assert message_of(shared) == ""
    assert "It is a pickle; convert it." in seen
    assert "share-dataset" not in seen
    assert "belongs to somebody else" in message_of(stolen)
    assert deleted.get_json()["sideUpdate"]["url"]["pathname"] == "/lab/data"


def test_a_data_set_leads_to_what_it_was_made_of_and_by_and_to_what_was_made_of_it(
    lab: Lab, office: Office
) -> None:
    parent = dataset(lab, name="rows")
    run_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    child = dataset(lab, name="rows, processed", parent=parent, made_by_run=run_id)

    above, below = (office.open(f"/lab/data/{one}", of="ann") for one in (parent, child))

    assert f"/lab/data/{child}" in above
    assert "rows, processed v1" in above
    for text in ("Made of", f"/lab/data/{parent}", "Made by", f"/lab/runs/{run_id}"):
        assert text in below, text


def test_the_owner_edits_description_and_licence_and_looks_again_where_it_was_cancelled(
    lab: Lab, office: Office
) -> None:
    made = lab.post("ann", "/datasets", {"name": "x", "upload_ids": [send(office, CSV)]})
    lab.post("ann", f"/runs/{made['described_by']}/stop")
    page = f"/lab/data/{made['dataset_id']}"
    typed = {"dataset-text": "Rows of 2014", "dataset-licence": "CC0"}

    edited = office.press("lab", "edit-dataset", made["dataset_id"], by="ann", **typed)
    refused = office.open(page, of="ann")
    office.press("lab", "restart", made["described_by"], by="ann")

    assert message_of(edited) == ""
    for text in ("Rows of 2014", "CC0", "looking into it was cancelled", "Look again"):
        assert text in refused, text
    assert "A run looks into the files." in office.open(page, of="ann")


def test_a_break_down_that_cannot_be_read_hides_nothing_else(lab: Lab, office: Office) -> None:
    ready = dataset(lab, layout=LAYOUT, breakdown={"cases": "many"})

    page = office.open(f"/lab/data/{ready}", of="ann")

    assert "differ about" in page
    assert "[data]" in page


@pytest.mark.parametrize(
    "layout",
    [
        {"layout": "sharp", "rows": 'ro"ws\\é\x7f.csv'},
        {
            "layout": "windows",
            "features": [{"name": "A B", "unit": "m"}],
            "cadence_hours": 0.2,
            "labels": {"M1.0": "label_m"},
            "shuffled": True,
            "axes": [0, 2, 1],
        },
    ],
    ids=["text", "nested"],
)
def test_a_layout_is_written_as_toml_that_reads_back(layout: dict[str, Any]) -> None:
    assert tomllib.loads(layout_text(layout | {"flares": None})) == {"data": layout}
