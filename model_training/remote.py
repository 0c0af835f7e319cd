"""A remote model: it answers over HTTP, in bounded time, and the others go on without it."""

from __future__ import annotations

import logging
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.breaker import Breaker
from model_training.inference import ROWS_AT_ONCE, Inputs, Raw, other_features
from model_training.manifest import Manifest, Remote
from solar.errors import ArtifactError, FlarewatchError

SILENT = "the remote model does not answer"
_LARGEST_ANSWER = 16 * 2**20
_PIECE = 2**16

_log = logging.getLogger(__name__)


class RemoteError(FlarewatchError):
    """A remote model did not answer, or not with probabilities."""

    status = 502
    title = "Remote model"


class RemoteInference:
    """Asks for the probabilities of rows with one POST per `ROWS_AT_ONCE` rows."""

    def __init__(self, manifest: Manifest, remote: Remote, breaker: Breaker | None = None) -> None:
        self.breaker = breaker or Breaker()
        self._manifest = manifest
        self._remote = remote
        self._features = list(manifest.feature_names)
        self._columns = 1 + max(event.column for event in manifest.events)

    def run(self, inputs: Inputs) -> Raw:
        """Ask; without a usable answer to every row there is none to any, and a reason."""
        nothing = np.full((len(inputs), self._columns), np.nan)
        if not self.breaker.may_try():
            return Raw(nothing, SILENT)
        try:
            parts = [
                self._ask(inputs[first : first + ROWS_AT_ONCE])
                for first in range(0, len(inputs), ROWS_AT_ONCE)
            ]
        except RemoteError as error:
            self.breaker.failed()
            _log.warning("%s; its circuit is %s", error, self.breaker.state)
            return Raw(nothing, SILENT)
        self.breaker.succeeded()
        return Raw(np.concatenate(parts))

    def refuse_other_model(self) -> None:
        """Compare the description that the remote gives of itself; a silent one is let pass.

        Raises
        ------
        ArtifactError
            When its features are not those of the manifest.
        """
        try:
            given = self._call(None).get("features")
        except RemoteError as error:
            _log.warning("%s; its features are not compared with its manifest", error)
            return
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            raise ArtifactError(
                f"model {self._manifest.model_id}: {self._remote.url} does not list its features;"
                ' answer GET with {"features": [...]}'
            )
        faults = other_features(self._manifest, given, "remote model")
        if faults:
            raise ArtifactError(f"model {self._manifest.model_id}: {faults[0]}; name them alike")

    def _ask(self, inputs: Inputs) -> NDArray[np.float64]:
        body = orjson.dumps(
            {"model": self._manifest.model_id, "features": self._features, "inputs": inputs},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        answer = self._call(body)
        return self._probabilities(answer.get("probabilities"), n=len(inputs))

    def _probabilities(self, given: Any, *, n: int) -> NDArray[np.float64]:
        try:
            found = np.array(given, float)
        except (TypeError, ValueError) as error:
            raise self._error("answered without a table of numbers") from error
        if found.shape[:1] != (n,) or found.ndim != 2 or found.shape[1] < self._columns:
            raise self._error(f"answered {found.shape} numbers to {n} rows of {self._columns}")
        if not ((found >= 0) & (found <= 1)).all():
            raise self._error("answered numbers that are no probabilities")
        return found

    def _call(self, body: bytes | None) -> Mapping[str, Any]:
        request = urllib.request.Request(  # noqa: S310  the manifest admits http and https alone
            self._remote.url, data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(  # noqa: S310  as above
                request, timeout=self._remote.timeout_seconds
            ) as response:
                content = orjson.loads(self._read(response))
        except (OSError, HTTPException, orjson.JSONDecodeError) as error:
            raise self._error(f"does not answer: {error}") from error
        if not isinstance(content, dict):
            raise self._error("answered no JSON object")
        return content

    def _read(self, response: HTTPResponse) -> bytes:
        # The time-out of a socket begins anew with every byte; the answer as a whole is bounded.
        deadline = time.monotonic() + self._remote.timeout_seconds
        content = bytearray()
        while part := response.read1(_PIECE):
            content += part
            if time.monotonic() > deadline or len(content) > _LARGEST_ANSWER:
                raise self._error("takes too long or says too much")
        return bytes(content)

    def _error(self, said: str) -> RemoteError:
        return RemoteError(f"model {self._manifest.model_id}: {self._remote.url} {said}")
