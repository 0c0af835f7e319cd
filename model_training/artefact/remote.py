"""Remote models: inference over HTTP in bounded time, behind a circuit breaker.

A remote model that fails or is slow does not hold up the other models. After several failures
in a row the breaker sends nothing for a while, then a single request.
"""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.artefact.inference import ROWS_AT_ONCE, Raw, other_features
from model_training.artefact.manifest import Manifest, Remote
from model_training.features import Inputs
from solar.errors import ArtifactError, FlarewatchError

FAILURES = 3
FIRST_REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 300.0
NO_ANSWER = "the remote model does not answer"
_LARGEST_ANSWER = 16 * 2**20
_PIECE = 2**16
_log = logging.getLogger(__name__)


class CircuitBreaker:
    """Closed while all is well, open while at rest, half open during the one try after it.

    Each try that fails doubles the rest (Nygard, Release It!, 2007). Safe to use from several
    threads.
    """

    def __init__(
        self,
        *,
        first_rest_seconds: float = FIRST_REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_rest = first_rest_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest = first_rest_seconds
        self._open_until: float | None = None
        self._is_trying = False

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half open``."""
        with self._lock:
            if self._open_until is None:
                return "closed"
            return "open" if self._clock() < self._open_until else "half open"

    def may_try(self) -> bool:
        """Tell whether to try now; after a rest only the first caller may."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._is_trying or self._clock() < self._open_until:
                return False
            self._is_trying = True
            return True

    def succeeded(self) -> None:
        """Close."""
        with self._lock:
            self._failures, self._rest = 0, self._first_rest
            self._open_until, self._is_trying = None, False

    def failed(self) -> None:
        """Count a failure; the third in a row, or that of the try after a rest, opens."""
        with self._lock:
            self._failures += 1
            if self._is_trying:
                self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
            if self._is_trying or self._failures >= FAILURES:
                self._open_until = self._clock() + self._rest
            self._is_trying = False


class RemoteError(FlarewatchError):
    """A remote model did not answer, or not with probabilities."""

    status = 502
    title = "Remote model"


class RemoteInference:
    """Asks for the probabilities of rows with one POST per `ROWS_AT_ONCE` rows."""

    def __init__(
        self, manifest: Manifest, remote: Remote, breaker: CircuitBreaker | None = None
    ) -> None:
        self.breaker = breaker or CircuitBreaker()
        self._manifest = manifest
        self._remote = remote
        self._features = list(manifest.feature_names)
        self._columns = 1 + max(target.column for target in manifest.all_targets)

    def run(self, inputs: Inputs) -> Raw:
        """Ask; one unusable answer leaves every row without a probability, with a reason."""
        nothing = np.full((len(inputs), self._columns), np.nan)
        if not self.breaker.may_try():
            return Raw(nothing, _all(inputs, NO_ANSWER))
        try:
            parts = [
                self._ask(inputs[first : first + ROWS_AT_ONCE])
                for first in range(0, len(inputs), ROWS_AT_ONCE)
            ]
        except RemoteError as error:
            self.breaker.failed()
            _log.warning("%s; its circuit is %s", error, self.breaker.state)
            return Raw(nothing, _all(inputs, NO_ANSWER))
        self.breaker.succeeded()
        return Raw(np.concatenate(parts))

    def refuse_other_model(self) -> None:
        """Compare the features that the remote describes; one that does not answer passes.

        Raises
        ------
        ArtifactError
            When its features are not those of the manifest.
        """
        try:
            names = self._call(None).get("features")
        except RemoteError as error:
            _log.warning("%s; its features are not compared with its manifest", error)
            return
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ArtifactError(
                f"model {self._manifest.model_id}: {self._remote.url} does not list its features;"
                ' answer GET with {"features": [...]}'
            )
        faults = other_features(self._manifest, names, "remote model")
        if faults:
            raise ArtifactError(f"model {self._manifest.model_id}: {faults[0]}; name them alike")

    def _ask(self, inputs: Inputs) -> NDArray[np.float64]:
        body = orjson.dumps(
            {"model": self._manifest.model_id, "features": self._features, "inputs": inputs},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        answer = self._call(body)
        return self._probabilities(answer.get("probabilities"), n=len(inputs))

    def _probabilities(self, answer: Any, *, n: int) -> NDArray[np.float64]:
        try:
            probabilities = np.array(answer, float)
        except (TypeError, ValueError) as error:
            raise self._error("answered without a table of numbers") from error
        if (
            probabilities.shape[:1] != (n,)
            or probabilities.ndim != 2
            or probabilities.shape[1] < self._columns
        ):
            raise self._error(
                f"answered {probabilities.shape} numbers to {n} rows of {self._columns}"
            )
        return probabilities[:, : self._columns]

    def _call(self, body: bytes | None) -> Mapping[str, Any]:
        request = urllib.request.Request(  # noqa: S310  Remote.url is http or https
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

    def _error(self, reason: str) -> RemoteError:
        return RemoteError(f"model {self._manifest.model_id}: {self._remote.url} {reason}")


def _all(inputs: Inputs, reason: str) -> dict[int, str]:
    return dict.fromkeys(range(len(inputs)), reason)
