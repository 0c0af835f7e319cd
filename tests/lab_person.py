"""A person of the Lab over HTTP, who tries again while a service is away, and clicks once."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

PIECE_BYTES = 4 * 2**20
_TUS = {"Tus-Resumable": "1.0.0"}
_AWAY = frozenset({423, 429, 502, 503, 504})
_PAUSE_SECONDS = 0.2


@dataclass
class Person:
    """Somebody who asks an API, and sends files through a dashboard, or to the API with a token.

    `patience` is how long a request is repeated [s] while nobody answers it.
    """

    api: str
    dash: str = ""
    token: str = ""
    patience: float = 60.0
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.headers["Sec-Fetch-Site"] = "same-origin"
        if self.token:
            self.session.headers["Authorization"] = f"Bearer {self.token}"

    def ask(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send a request until somebody answers it; raises HTTPError when it is refused."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                answer = self.session.request(method, url, timeout=10, **options)
                if answer.status_code not in _AWAY:
                    break
            except requests.RequestException:
                # Whatever is between us is away; the deadline is the judge.
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                break
            time.sleep(_PAUSE_SECONDS)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Ask the Lab of the API, and return what it answers."""
        return self.ask(method, f"{self.api}/api/v1/lab{path}", **options).json()

    def experiment(self, name: str) -> str:
        """Begin an experiment."""
        return str(self.call("POST", "/experiments", json={"name": name})["experiment_id"])

    def start(self, **body: Any) -> str:
        """Draft and queue a run, once however often that is asked."""
        key = {"Idempotency-Key": uuid4().hex}
        return str(self.call("POST", "/runs", json=body | {"start": True}, headers=key)["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run as it is now."""
        found: dict[str, Any] = self.call("GET", f"/runs/{run_id}")
        return found

    def begin_upload(self, name: str, size: int) -> str:
        """Begin an upload, and return its address."""
        named = base64.b64encode(name.encode()).decode()
        headers = _TUS | {"Upload-Length": str(size), "Upload-Metadata": f"filename {named}"}
        # The dashboard knows people by their cookie.
        base = f"{self.api}/api/v1" if self.token else self.dash
        begun = self.ask("POST", f"{base}/lab/uploads", headers=headers)
        return f"{base}/lab/uploads/{begun.headers['Location'].rpartition('/')[2]}"

    def offset(self, upload: str) -> int:
        """Return how much of an upload is there."""
        answer = self.ask("HEAD", upload, headers=_TUS)
        return int(answer.headers["Upload-Offset"])

    def send(
        self,
        upload: str,
        path: Path,
        *,
        until: int | None = None,
        piece_bytes: int = PIECE_BYTES,
        pause: float = 0.0,
    ) -> None:
        """Send a file from where it is, piece by piece; after a failure ask how much arrived."""
        end = path.stat().st_size if until is None else until
        with path.open("rb") as file:
            while (start := self.offset(upload)) < end:
                file.seek(start)
                while (at := file.tell()) < end and self._patch(upload, file.read(piece_bytes), at):
                    time.sleep(pause)

    def _patch(self, upload: str, piece: bytes, at: int) -> bool:
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(at)}
        try:
            answer = self.session.patch(upload, data=piece, headers=_TUS | kind, timeout=10)
        except requests.RequestException:
            return False
        return answer.status_code == 204

    def dataset(self, name: str, uploads: Sequence[str]) -> str:
        """Make a data set of uploads."""
        upload_ids = [upload.rpartition("/")[2] for upload in uploads]
        made = self.call("POST", "/datasets", json={"name": name, "upload_ids": upload_ids})
        return str(made["dataset_id"])

    def wait_for_dataset(self, dataset_id: str) -> dict[str, Any]:
        """Return a data set once it has been looked into."""
        deadline = time.monotonic() + self.patience
        while (found := self.call("GET", f"/datasets/{dataset_id}"))["state"] == "checking":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the data set {dataset_id} is still being looked into")
            time.sleep(_PAUSE_SECONDS)
        return dict(found)
