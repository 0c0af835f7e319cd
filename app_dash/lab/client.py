"""The Lab, asked over the API in the name of whoever is signed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from app_dash.api_client import TIMEOUT_SECONDS, ApiUnavailableError, api_of, ask
from app_dash.lab.answers import Answer, Check, Dataset, Experiment, Output, Recipe, Run, Schemas
from app_dash.settings import DashSettings
from solar.errors import InvalidInputError

LAB = "/lab"
# Of a stream so many pieces are read for the curves, which is a megabyte.
_MOST_PIECES = 16
MOST_SHOWN_BYTES = 4 * 2**20
A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Listing:
    """One page of runs; `following` is the cursor of the next one."""

    runs: Sequence[Run]
    following: str | None = None


class Lab:
    """The Lab as the API shows it to whoever is signed in; methods raise what `ask` raises."""

    def __init__(self, settings: DashSettings) -> None:
        self._settings = settings

    def runs(self, **filters: str) -> Listing:
        """Return a page of runs, the newest first."""
        return Listing(*self.page(Run, f"{LAB}/runs", **filters))

    def run(self, run_id: str) -> Run:
        """Return a run."""
        return _read(Run, self._get(f"{LAB}/runs/{_part(run_id)}"))

    def outputs(self, run_id: str) -> list[Output]:
        """Return the files that a run has made."""
        return self.all(Output, f"{run_path(run_id)}/outputs")

    def output(self, run_id: str, name: str) -> bytes:
        """Return the first bytes of a file that a run has made, as many as a page shows."""
        path = f"/api/v1{run_path(run_id)}/outputs/{quote(name)}"
        shown = {"Range": f"bytes=0-{MOST_SHOWN_BYTES - 1}"}
        try:
            return api_of(self._settings).call("GET", path, headers=shown).content
        except InvalidInputError:
            # An empty file has no such range.
            return b""

    def events(self, run_id: str) -> str:
        """Return what the current attempt has told so far, as lines of JSON."""
        told, place = b"", 0
        for _ in range(_MOST_PIECES):
            piece, following = self._piece(run_id, place)
            told += piece
            if following <= place:
                break
            place = following
        return told.decode(errors="replace")

    def _piece(self, run_id: str, place: int) -> tuple[bytes, int]:
        answer = api_of(self._settings).get(
            f"/api/v1{LAB}/runs/{_part(run_id)}/log", {"stream": "events", "from": str(place)}
        )
        following = answer.headers.get("X-Next-Offset", "")
        return answer.content, int(following) if following.isdecimal() else place

    def experiments(self, **filters: str) -> list[Experiment]:
        """Return the newest experiments that the asker sees."""
        return _read_all(Experiment, self._get(f"{LAB}/experiments", limit="200", **filters))

    def experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment."""
        return _read(Experiment, self._get(f"{LAB}/experiments/{_part(experiment_id)}"))

    def datasets(self) -> list[Dataset]:
        """Return the data sets that the asker may use."""
        return _read_all(Dataset, self._get(f"{LAB}/datasets", limit="200"))

    def one(self, kind: type[A], path: str, **parameters: str) -> A:
        """Return the answer at a path of the API."""
        return _read(kind, self._get(path, **parameters))

    def all(self, kind: type[A], path: str) -> list[A]:
        """Return the items of a list of the API."""
        return _read_all(kind, self._get(path))

    def page(self, kind: type[A], path: str, /, **filters: str) -> tuple[list[A], str | None]:
        """Return a page of a list, and the cursor of the next one."""
        answer = self._get(path, **filters)
        cursor = answer.get("next_cursor")
        return _read_all(kind, answer), cursor if isinstance(cursor, str) else None

    def longest_upload(self) -> int | None:
        """Return how many bytes a file may have, None where the API does not say."""
        told = api_of(self._settings).call("OPTIONS", f"/api/v1{LAB}/uploads").headers
        size = told.get("Tus-Max-Size", "")
        return int(size) if size.isdecimal() else None

    def recipes(self) -> list[Recipe]:
        """Return the stored recipes, without their documents where the API leaves these out."""
        return _read_all(Recipe, self._get(f"{LAB}/recipes", limit="200"))

    def recipe(self, recipe_id: str) -> Recipe:
        """Return a stored recipe with its document."""
        return _read(Recipe, self._get(f"{LAB}/recipes/{_part(recipe_id)}"))

    def schemas(self) -> Schemas:
        """Return what the form of a new run is drawn from."""
        return _read(Schemas, self._get(f"{LAB}/schema"))

    def check(self, document: str, **run: Any) -> Check:
        """Have a recipe checked for a run; nothing is stored."""
        body = {"document": document} | run
        return _read(Check, self.do("POST", f"{LAB}/recipes/check", body))

    def do(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> dict[str, Any]:
        """Have the API do something."""
        return ask(
            self._settings, method, path, body, headers=headers, timeout_seconds=timeout_seconds
        )

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        return ask(self._settings, "GET", path, parameters=parameters)


def run_path(run_id: str) -> str:
    """Return where the API has a run."""
    return f"{LAB}/runs/{_part(run_id)}"


def dataset_path(dataset_id: str) -> str:
    """Return where the API has a data set."""
    return f"{LAB}/datasets/{_part(dataset_id)}"


def experiment_path(experiment_id: str) -> str:
    """Return where the API has an experiment."""
    return f"{LAB}/experiments/{_part(experiment_id)}"


def _part(identity: str) -> str:
    return quote(identity, safe="")


def _read(kind: type[A], answer: object) -> A:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ApiUnavailableError(
            f"the API and this dashboard differ about {kind.__name__}.{place}: {first['msg']};"
            " see that both run the same version"
        ) from error


def _read_all(kind: type[A], answer: Mapping[str, Any]) -> list[A]:
    items = answer.get("items")
    return [_read(kind, item) for item in items] if isinstance(items, list) else []
