"""What FlaPLeT, PICO and Offload let people do, done by two people at once in their browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from e2e.house import House
from e2e.lab_desk import (
    RUN_MS,
    Colleague,
    Options,
    content,
    desk,
    expect_as_typed,
    opened,
    own_browser,
    signed_in,
)
from playwright.sync_api import BrowserContext, expect
from synthetic_windows import FILE, STEPS, write_windows

from app_dash.shared.numbers import score_text

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

# The choices of the seeds (reference_systems.md, 1.5).
CHOICES = {
    "/estimator@gru/optimizer": ["adam", "sgd"],
    "/estimator@svm/kernel": ["linear", "rbf", "poly", "sigmoid"],
    "/estimator@node2vec/penalty": ["l1", "l2", "none"],
    "/estimator@node2vec/solver": ["lbfgs", "liblinear", "sag", "saga"],
}
PROCESS = {
    "parameters/name": "Partition scaled",
    "/estimator@logistic-regression/preparation/missing": "mean",
    "/estimator@logistic-regression/preparation/scaling": "min-max",
}
SMOTE = {
    "parameters/keep": "yes",
    "parameters/name": "Partition with SMOTE",
    "=/estimator@logistic-regression/augmentation": "smote",
    "/estimator@logistic-regression/augmentation@smote/neighbours": "4",
}
TIMEGAN = {
    "=/estimator": "gru",
    "/estimator@gru/layers": "1",
    "/estimator@gru/hidden": "4",
    "/estimator@gru/epochs": "1",
    "=/estimator@gru/augmentation": "timegan",
    "/estimator@gru/augmentation@timegan/iterations": "200",
    "/estimator@gru/augmentation@timegan/batch": "16",
    "/estimator@gru/augmentation@timegan/layers": "1",
    "/estimator@gru/augmentation@timegan/hidden": "4",
    "/estimator@gru/augmentation@timegan/share": "1",
}
NETWORK = {"parameters/threshold": "0.6", "parameters/max_neighbours": "6"}
GRU = {
    "=/estimator": "gru",
    "/estimator@gru/layers": "1",
    "/estimator@gru/hidden": "8",
    "/estimator@gru/dropout": "0.1",
    "/estimator@gru/learning_rate": "0.01",
    "/estimator@gru/optimizer": "sgd",
    "/estimator@gru/batch": "32",
    "/estimator@gru/epochs": "4",
}
SVM: Options = {
    "=/estimator": "svm",
    "/estimator@svm/kernel": "poly",
    "/estimator@svm/inverse_penalty": "0.5",
    "/estimator@svm/preparation/missing": "drop",
    "/estimator@svm/preparation/scaling": "z-score",
    "/estimator@svm/preparation/statistics": ["last", "mean", "std", "weighted-mean", "first"],
}
NODE2VEC = {
    "=/estimator": "node2vec",
    "/estimator@node2vec/threshold": "0.4",
    "/estimator@node2vec/max_neighbours": "6",
    "/estimator@node2vec/dimensions": "8",
    "/estimator@node2vec/walk_length": "5",
    "/estimator@node2vec/walks": "5",
    "/estimator@node2vec/window": "10",
    "/estimator@node2vec/batch_words": "128",
    "/estimator@node2vec/solver": "liblinear",
    "/estimator@node2vec/penalty": "l1",
    "/estimator@node2vec/max_iterations": "20",
}
FLAPLET: dict[str, tuple[str, Options]] = {
    "process": ("process", PROCESS),
    "timegan": ("augment", TIMEGAN),
    "smote": ("augment", SMOTE),
    "network": ("network", NETWORK),
    "gru": ("train", GRU),
    "svm": ("train", SVM),
    "node2vec": ("train", NODE2VEC),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with desk(tmp_path_factory.mktemp("desk")) as served:
        yield served


def write_partition(folder: Path) -> Path:
    """Write windows as FlaPLeT takes them: no names, and nothing says which axis is time."""
    with np.load(write_windows(folder, cases=240, missing=0.02) / FILE) as arrays:
        at = np.datetime_as_string(arrays["at"], unit="s", timezone="UTC")
        label = arrays["label"].astype(int)
        windows = arrays["windows"]
    np.savez(folder / "partition.npz", X=windows, label_m=label, at=at, cadence_hours=0.2)
    return folder / "partition.npz"


def write_rows(folder: Path) -> Path:
    """Write rows of 40 regions, each for four days, that flare by their flux."""
    rng = np.random.default_rng(3)
    number, step = np.divmod(np.arange(320), 8)
    strength, noise = rng.normal(size=40)[number], rng.normal(size=(3, 320))
    hours = pd.to_timedelta(72 * number + 12 * step, unit="h")
    times = pd.Timestamp("2014-01-01T00:00Z") + hours
    rows = {
        "t_rec": times.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "noaa_ar": 12_000 + number,
        "USFLUX": 1e22 * np.exp(strength + 0.1 * noise[0]),
        "TOTUSJH": np.where(rng.random(320) < 0.1, np.nan, 1e3 * np.exp(strength + noise[1])),
        "y24_M": (strength + 0.5 * noise[2] > 0.3).astype(int),
    }
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def expect_scores(ana: Colleague, scores: dict[str, Any]) -> None:
    """Expect on the Result page every score of FlaPLeT, as the file of the run has it."""
    judged = next(one for one in scores["judgements"] if one["part"] == "test")
    found = judged["entrants"][judged["model"]]["scores"]
    shown = {"TSS": "tss", "HSS2": "hss2", "AUC": "auc", "GS": "gs"}
    shown |= {"Precision": "precision", "Recall": "recall"}
    for label, name in shown.items():
        card = ana.page.locator(".score-card").filter(has_text=re.compile(f"^{label}"))
        expect(card.locator(".score-value")).to_have_text(score_text(found[name]["value"]))
    accuracy = ana.page.locator(".contingency + .facts")
    expect(accuracy).to_contain_text(score_text(found["accuracy"]["value"]))


def do_flaplet(house: House, folder: Path) -> None:
    """Upload, answer, process, augment, make a network, train and compare, take all along."""
    with own_browser() as browser, signed_in(browser, house, "ana") as ana:
        ana.send(write_partition(folder), "Partition")
        ana.expect_state("Asks")
        expect(ana.page.locator(".asks-panel")).to_contain_text("Which axis is time?")
        ana.page.get_by_role("button", name="Answer", exact=True).click()
        ana.expect_state("Ready")
        expect(ana.page.get_by_text("feature 3").first).to_be_visible()
        dataset = ana.page.url
        runs = {name: begun(ana, dataset, *told) for name, told in FLAPLET.items()}
        see_what_was_made(ana, runs)
        for name in ("gru", "svm", "node2vec"):
            see_model(ana, runs[name], name)
        compare_models(ana, runs)
        ana.finished(runs["timegan"])
        expect(ana.page.get_by_text("Discriminative score")).to_be_visible()
        assert taken(ana, "timegan")["quality.json"]["M1.0"]["quality"]["n_synthetic"] > 0


def begun(ana: Colleague, dataset: str, kind: str, options: Options) -> str:
    """Fill the form of a run, see that every choice of the seeds is there, and start it."""
    ana.begin(kind, dataset, options, experiment="Flares of a partition")
    for at in CHOICES.keys() & options.keys():
        assert set(CHOICES[at]) <= set(ana.offered(at)), at
    return ana.start()


def see_what_was_made(ana: Colleague, runs: dict[str, str]) -> None:
    """Open the processed and the augmented data, and the network."""
    ana.finished(runs["process"])
    expect(ana.page.get_by_role("link", name="Partition scaled v1")).to_be_visible()
    scaled = taken(ana, "process")["data/processed.npz"]
    assert np.nanmax(scaled["windows"][scaled["fold"] == 0]) == pytest.approx(1)
    ana.finished(runs["smote"])
    expect(ana.page.get_by_role("link", name="Partition with SMOTE v1")).to_be_visible()
    expect(ana.page.get_by_role("heading", name="M1.0+: Brier skill")).to_be_visible()
    augmented = taken(ana, "smote")["data/augmented.npz"]
    assert augmented["windows"].shape[1:] == (STEPS, 3)
    assert augmented["synthetic"].sum() > 0
    ana.finished(runs["network"])
    expect(ana.page.get_by_role("heading", name="As the run made them")).to_be_visible()
    assert taken(ana, "network")["samples.graphml"].number_of_nodes() == 240


def see_model(ana: Colleague, run: str, name: str) -> None:
    """Read the scores of a trained model and its report, and open its files."""
    ana.finished(run)
    made = taken(ana, name)
    ana.tab("Result")
    expect_scores(ana, made["scores.json"])
    assert made["new-model-1.0.0/model.onnx"].get_inputs()[0].shape[1:] == [STEPS, 3]
    assert made["evidence.parquet"]["outcome"].notna().all()
    with ana.page.expect_popup() as report:
        ana.page.get_by_role("link", name="Open report").click()
    expect(report.value.get_by_role("heading", level=1)).to_contain_text("new-model")
    report.value.close()


def compare_models(ana: Colleague, runs: dict[str, str]) -> None:
    """Tick two models, see in what they differ, add the third one, and take the scores along."""
    page, ids = ana.page, {name: run.rpartition("/")[2] for name, run in runs.items()}
    page.locator(".run-head h2").get_by_role("link").click()
    for name in ("gru", "node2vec"):
        row = page.locator("table.runs tr").filter(has=page.locator(f"a[href*='{ids[name]}']"))
        row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    expect(page.locator("table.compared-parameters")).to_contain_text("estimator.kind")

    page.locator("summary").filter(has_text="Add run").click()
    added = page.get_by_role("navigation", name="Add run")
    added.locator(f"a[href$='{ids['svm']}']").click()
    expect(page.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = opened("comparison.csv", content(download.value)).set_index("run_id")
    assert set(rows.index) == {ids[name] for name in ("gru", "node2vec", "svm")}
    # The newest is the first one, with which the others are compared.
    assert rows.loc[ids["node2vec"], "difference"].isna().all()
    assert rows.loc[ids["gru"], "difference"].notna().any()


def taken(ana: Colleague, name: str) -> dict[str, Any]:
    """Take the outputs of a run along, which was made by the recipe that was typed."""
    made = ana.outputs()
    expect_as_typed(made["recipe.toml"], FLAPLET[name][1])
    return made


def draft_for_a_gpu(ben: Colleague, dataset: str) -> None:
    """Begin and edit an experiment, choose parameters and a device, and keep a draft."""
    page = ben.page
    page.goto(f"{ben.house.dash}/lab/experiments")
    page.get_by_label("Name", exact=True).fill("Trial")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".run-head h2")).to_have_text("Trial")
    page.locator("summary").filter(has_text="Edit").click()
    page.get_by_label("For what").fill("to see how long it takes")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".run-head .reason")).to_have_text("to see how long it takes")

    # There is no device to be had: the field says so, and what asks for one stays a draft.
    options = {"=/estimator": "gru", "/estimator@gru/epochs": "300", "/estimator@gru/layers": "1"}
    ben.begin("train", dataset, options, experiment="Trial")
    page.get_by_label("any graphics processor: no GPU found").check()
    expect(ben.verdict).to_contain_text("no worker has gpu")
    page.get_by_role("button", name="Save draft").click()
    ben.expect_state("Draft")
    page.get_by_role("button", name="Start new-model").click()
    expect(page.get_by_role("alert").filter(has_text="no worker has gpu")).to_be_visible()
    ben.expect_state("Draft")


def watch_and_stop(ben: Colleague) -> str:
    """Have the draft run on a processor with other parameters, watch it, and stop it."""
    page = ben.page
    page.get_by_role("link", name="Clone with changes").click()
    page.get_by_label("processor", exact=True).check()
    ben.fill({"/estimator@gru/hidden": "8"}, experiment="Trial")
    run = ben.start()
    ben.expect_state("Running")
    expect(page.locator(".segments")).to_contain_text(re.compile(r"noise test.*trial \d of 2"))
    ben.tab("Log")
    expect(page.locator("#lab-log")).to_contain_text("fitting on noise")
    ben.tab("Progress")
    epoch = re.compile(r"epoch \d+ of 300")
    expect(page.locator(".segments")).to_contain_text(epoch, timeout=RUN_MS)
    page.get_by_role("button", name="Stop new-model").click()
    ben.expect_state("Cancelled")
    ben.tab("History")
    expect(page.locator(".lab-live")).to_contain_text("asked to stop")
    assert ben.outputs()["recipe.toml"]["estimator"]["hidden"] == 8
    page.get_by_role("link", name="log.txt", exact=True).click()
    expect(page.get_by_role("region", name="Content of the file")).to_contain_text("cancelled")
    page.locator(".run-head h2").get_by_role("link").click()
    expect(page.locator("table.runs .run-state")).to_have_text(["Cancelled", "Draft"])
    return run


def restart_and_delete(ben: Colleague, run: str) -> None:
    """Have a stopped run go on in a second attempt, stop it again, and delete it."""
    page = ben.page
    page.goto(run)
    page.get_by_role("button", name="Restart new-model").click()
    ben.expect_state("Running")
    expect(page.locator(".run-head")).to_contain_text("attempt 2")
    page.get_by_role("button", name="Stop new-model").click()
    ben.expect_state("Cancelled")
    page.locator("summary").filter(has_text="Delete").click()
    page.get_by_role("button", name="Delete the run").click()
    expect(page).to_have_url(f"{ben.house.dash}/lab/runs")
    page.goto(run)
    expect(page.get_by_text("There is no such run")).to_be_visible()


def do_offload(ben: Colleague, dataset: str) -> None:
    """Process the uploaded rows, group what came of it, forecast keywords, and see the results."""
    page = ben.page
    options = {
        "parameters/name": "Rows processed",
        "/estimator@logistic-regression/preparation/missing": "mean",
    }
    ben.begin("process", dataset, options, experiment="Offload")
    processed = ben.start()
    # Without a data set, the form begins with nothing; ticking one fills it.
    page.goto(f"{ben.house.dash}/lab/new?kind=forecast")
    page.get_by_label(re.compile("^Rows v1")).check()
    expect(page.locator(".toml-field")).to_have_value(re.compile("TOTUSJH"))
    ben.fill({"parameters/trees": "20"}, experiment="Offload")
    forecast = ben.start()
    ben.finished(processed)
    page.get_by_role("link", name="Rows processed v1").click()
    ben.expect_state("Ready")
    ben.begin("cluster", page.url, {"parameters/clusters": "3"}, experiment="Offload")
    clusters = ben.start()

    ben.finished(forecast)
    expect(page.locator("table.forecasts")).to_contain_text("TOTUSJH 24 h")
    assert len(ben.outputs()["forecasts.parquet"]) > 0
    ben.finished(clusters)
    expect(page.locator("table.clusters tbody tr")).to_have_count(3)
    assert set(ben.outputs()["clusters.csv"]["label"]) == {0, 1, 2}


def do_pico_and_offload(house: House, folder: Path) -> None:
    with own_browser() as browser, signed_in(browser, house, "ben") as ben:
        ben.send(write_rows(folder), "Rows")
        ben.expect_state("Ready")
        dataset = ben.page.url
        with ben.page.expect_download() as download:
            ben.page.get_by_role("link", name="rows.csv").click()
        assert len(opened("rows.csv", content(download.value))) == 320
        draft_for_a_gpu(ben, dataset)
        restart_and_delete(ben, watch_and_stop(ben))
        do_offload(ben, dataset)


@pytest.mark.longest
def test_two_people_at_once_do_what_flaplet_pico_and_offload_let_them(
    house: House, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as people:
        both = [people.submit(one, house, tmp_path) for one in (do_flaplet, do_pico_and_offload)]
        faults = [fault for one in both if (fault := one.exception()) is not None]
    if faults:
        raise BaseExceptionGroup("somebody could not go on", faults)


def test_each_sees_only_what_is_theirs_or_shared(
    house: House, browser: BrowserContext, tmp_path: Path
) -> None:
    assert browser.browser is not None
    with (
        signed_in(browser.browser, house, "ana") as ana,
        signed_in(browser.browser, house, "ben") as ben,
    ):
        ana.send(write_rows(tmp_path), "Notes")
        ana.expect_state("Ready")
        dataset = ana.page.url
        ben.page.goto(dataset)
        expect(ben.page.get_by_text("or it is not shared with you")).to_be_visible()
        ben.page.goto(f"{house.dash}/lab/data?text=Notes")
        expect(ben.page.get_by_text("No data set matches")).to_be_visible()

        ana.page.get_by_role("button", name="Share", exact=True).click()
        expect(ana.page.get_by_role("button", name="Make private")).to_be_visible()
        ben.page.goto(dataset)
        expect(ben.page.locator(".run-head h2")).to_have_text("Notes v1")
        expect(ben.page.get_by_role("button", name="Make private")).to_have_count(0)

        ana.page.get_by_role("link", name="Train …").click()
        ana.fill({}, experiment="Only Ana's")
        ana.page.get_by_role("button", name="Save draft").click()
        ana.expect_state("Draft")
        run = ana.page.url
        ben.page.goto(run)
        expect(ben.page.get_by_text("or it is not shared with you")).to_be_visible()
        ana.page.get_by_role("button", name="Share", exact=True).click()
        expect(ana.page.get_by_role("button", name="Make private")).to_be_visible()
        ben.page.goto(run)
        ben.expect_state("Draft")
        expect(ben.page.get_by_role("button", name="Start")).to_have_count(0)
