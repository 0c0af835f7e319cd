"""What the buttons of the Lab do: each is a request to the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from app_dash.frame.actions import Action, ActionResult
from app_dash.frame.shell import Ids
from app_dash.lab import data, dataset, new_run
from app_dash.lab.client import LAB, Lab, dataset_path, experiment_path, run_path
from app_dash.lab.compare import FEWEST, MOST
from app_dash.lab.marks import (
    COMPARE_PATH,
    DATA_PATH,
    EXPERIMENTS_PATH,
    RUNS_PATH,
    dataset_address,
    run_address,
    size_text,
    tags_of,
)
from app_dash.lab.query import CompareQuery
from app_dash.lab.runs import BULK_TAG, picks_of
from app_dash.shared.panels import script_button
from solar.errors import FlarewatchError, InvalidInputError

_DONE = {"start": "Queued.", "stop": "Asked to stop.", "restart": "Queued again."}


Path = Callable[[str], str]
# What is deleted, and the page that is shown then.
_DELETED: Mapping[str, tuple[Path, str, str]] = {
    "delete": (run_path, "run", RUNS_PATH),
    "delete-dataset": (dataset_path, "data set", DATA_PATH),
    "delete-experiment": (experiment_path, "experiment", EXPERIMENTS_PATH),
}
_CHANGES: Mapping[str, tuple[Path, Mapping[str, Any]]] = {
    "share-dataset": (dataset_path, {"visibility": "shared"}),
    "unshare-dataset": (dataset_path, {"visibility": "private"}),
    "share-run": (run_path, {"visibility": "shared"}),
    "unshare-run": (run_path, {"visibility": "private"}),
    "share": (experiment_path, {"visibility": "shared"}),
    "unshare": (experiment_path, {"visibility": "private"}),
    "archive": (experiment_path, {"is_archived": True}),
    "unarchive": (experiment_path, {"is_archived": False}),
}


class LabActions:
    """The actions by name."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def do(self, action: Action) -> ActionResult:
        """Do one action through the API; raises FlarewatchError when it is refused."""
        actions: Mapping[str, Callable[[Action], ActionResult]] = {
            **dict.fromkeys(_DONE, self._move),
            "clone": self._clone,
            **dict.fromkeys(_DELETED, self._delete),
            "note": self._note,
            "bulk": self._bulk,
            "bulk-archive": self._archive_several,
            "compare": self._compare,
            "drain": self._drain,
            "new-run": self._new_run,
            "make-dataset": self._make_dataset,
            "answer-dataset": self._answer_dataset,
            "refuse-dataset": self._refuse_dataset,
            "edit-dataset": self._edit_dataset,
            "new-experiment": self._new_experiment,
            "experiment": self._save_experiment,
            **dict.fromkeys(_CHANGES, self._change),
        }
        if action.name not in actions:
            raise InvalidInputError("there is no such action; load the page again")
        return actions[action.name](action)

    def _move(self, action: Action) -> ActionResult:
        self._lab.do("POST", f"{run_path(action.of)}/{action.name}")
        return ActionResult(_DONE[action.name])

    def _clone(self, action: Action) -> ActionResult:
        made = self._lab.do("POST", f"{run_path(action.of)}/clone", {})
        return ActionResult("A draft is made.", search="", path=run_address(str(made["run_id"])))

    def _delete(self, action: Action) -> ActionResult:
        path, noun, shown_then = _DELETED[action.name]
        self._lab.do("DELETE", path(action.of))
        return ActionResult(f"The {noun} is deleted.", search="", path=shown_then)

    def _change(self, action: Action) -> ActionResult:
        path, changes = _CHANGES[action.name]
        return self._save(path(action.of), changes)

    def _save(self, path: str, changes: Mapping[str, Any]) -> ActionResult:
        self._lab.do("PATCH", path, changes)
        return ActionResult("Saved.")

    def _note(self, action: Action) -> ActionResult:
        body = {"note": action.text("note"), "tags": tags_of(action.text("tags"))}
        return self._save(run_path(action.of), body)

    def _bulk(self, action: Action) -> ActionResult:
        ids = picks_of(dict(action.values))
        body: dict[str, Any] = {"ids": ids, "action": action.of}
        if action.of in ("tag", "untag"):
            body["tag"] = action.text(BULK_TAG)
        items = self._lab.do("POST", f"{LAB}/runs/bulk", body).get("items", [])
        refused = [str(one["error"]) for one in items if one.get("error")]
        size = sum(one.get("bytes") or 0 for one in items)
        return _done_for(ids, refused, f" {size_text(size)} of files go." if size else "")

    def _archive_several(self, action: Action) -> ActionResult:
        ids, refused = picks_of(dict(action.values)), []
        for experiment_id in ids:
            try:
                change = {"is_archived": action.of == "archive"}
                self._lab.do("PATCH", experiment_path(experiment_id), change)
            except FlarewatchError as error:
                # One that cannot be changed holds up none of the others.
                refused.append(str(error))
        return _done_for(ids, refused)

    def _compare(self, action: Action) -> ActionResult:
        ids = picks_of(dict(action.values))
        if not FEWEST <= len(ids) <= MOST:
            raise InvalidInputError(f"Choose {FEWEST} to {MOST} runs first.")
        return ActionResult("", search=CompareQuery(runs=",".join(ids)).search(), path=COMPARE_PATH)

    def _drain(self, action: Action) -> ActionResult:
        self._lab.do("POST", f"{LAB}/workers/{action.of}/drain")
        return ActionResult("The worker gets no new runs.")

    def _new_run(self, action: Action) -> ActionResult:
        key = {"Idempotency-Key": action.of.partition(" ")[2]}
        experiment_id = self._experiment_of(action)
        without = self._lab.schemas().without_recipe
        body = new_run.body_of(action, experiment_id, without)
        path, body = self._made_from(action, body)
        made = self._lab.do("POST", path, body, headers=key)
        text = "Queued." if body["start"] else "Kept as a draft."
        return ActionResult(text, search="", path=run_address(str(made["run_id"])))

    def _made_from(self, action: Action, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return where a run is made: as a clone of the one that the form began with, or anew."""
        kind, _, run_id = action.text(new_run.FROM).partition(" ")
        if kind != body["kind"]:
            return f"{LAB}/runs", self._with_kept_recipe(body, action.text(new_run.KEPT))
        changes = {name: value for name, value in body.items() if name != "kind"}
        return f"{run_path(run_id)}/clone", changes

    def _with_kept_recipe(self, body: dict[str, Any], recipe_id: str) -> dict[str, Any]:
        """Name the recipe that the form began with, where nothing of it was changed."""
        if not recipe_id or self._lab.recipe(recipe_id).document != body.get("recipe"):
            return body
        return {name: value for name, value in body.items() if name != "recipe"} | {
            "recipe_id": recipe_id
        }

    def _experiment_of(self, action: Action) -> str:
        """Return the chosen experiment, or that of the typed name, which may be a new one."""
        name = action.text(new_run.NEW_EXPERIMENT)
        if not name:
            chosen = action.text(new_run.EXPERIMENT)
            if not chosen:
                raise InvalidInputError("Choose an experiment, or name a new one.")
            return chosen
        # Where the run was refused before, the experiment is there already.
        known = [one for one in self._lab.experiments(owner="me") if one.name == name]
        return known[0].experiment_id if known else self._begin(name)

    def _begin(self, name: str, text: str = "") -> str:
        body = {"name": name, "description": text}
        return str(self._lab.do("POST", f"{LAB}/experiments", body)["experiment_id"])

    def _new_experiment(self, action: Action) -> ActionResult:
        name, text = action.text("experiment-name"), action.text("experiment-text")
        if not name:
            raise InvalidInputError("Write a name.")
        path = f"{EXPERIMENTS_PATH}/{self._begin(name, text)}"
        return ActionResult("Begun.", search="", path=path)

    def _make_dataset(self, action: Action) -> ActionResult:
        name = action.text(data.NAME)
        if not name:
            raise InvalidInputError("Write a name.")
        upload_ids = action.text(data.UPLOADS, longest=data.LONGEST_UPLOADS).split()
        if not upload_ids:
            raise InvalidInputError("Choose files first.")
        # A large zip is unpacked within this request.
        made = self._lab.do(
            "POST",
            f"{LAB}/datasets",
            {"name": name, "upload_ids": upload_ids},
            timeout_seconds=data.UNPACKING_SECONDS,
        )
        path = dataset_address(str(made["dataset_id"]))
        return ActionResult("The data set is made.", search="", path=path)

    def _answer_dataset(self, action: Action) -> ActionResult:
        value = action.text(dataset.ANSWER)
        if not value:
            raise InvalidInputError("Choose an answer.")
        self._lab.do("POST", f"{dataset_path(action.of)}/answer", {"value": value})
        return ActionResult("Answered; it is looked into again.")

    def _refuse_dataset(self, action: Action) -> ActionResult:
        self._lab.do("POST", f"{dataset_path(action.of)}/answer", {"value": None})
        return ActionResult("Refused.")

    def _edit_dataset(self, action: Action) -> ActionResult:
        text, licence = action.text(dataset.TEXT), action.text(dataset.LICENCE)
        return self._save(dataset_path(action.of), {"description": text, "licence": licence})

    def _save_experiment(self, action: Action) -> ActionResult:
        changes = {
            "name": action.text("experiment-name"),
            "description": action.text("experiment-text"),
            "tags": tags_of(action.text("experiment-tags")),
        }
        return self._save(experiment_path(action.of), changes)


def _done_for(ids: list[str], refused: list[str], more: str = "") -> ActionResult:
    if not ids:
        raise InvalidInputError("Choose some first.")
    done = f"Done for {len(ids) - len(refused)} of {len(ids)}.{more}"
    return ActionResult(done, _refusals(done, refused) if refused else None)


def _refusals(done: str, reasons: list[str]) -> Component:
    """Say for which of several runs nothing was done, and why; it stays until it is read."""
    listed = html.Ul([html.Li(reason) for reason in dict.fromkeys(reasons)])
    finished = script_button("Done", {"data-clears": Ids.SHOWN})
    return html.Section([html.H2(done), listed, finished], className="panel shown-once")
