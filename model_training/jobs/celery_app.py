"""The Celery application: how the API sends runs to workers, over Redis or over files."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

_log = logging.getLogger(__name__)
_REDIS = {"max_retries": 0, "socket_timeout": 5, "socket_connect_timeout": 1}
_FILES = "wholefiles://"


class _Channel(filesystem.Channel):
    """Messages that are read whole or not at all: Kombu's can be read while they are written."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        name = f"{time.monotonic_ns() // 1_000_000}_{uuid4()}.{queue}"
        path = Path(self.data_folder_out, name)
        path.write_text(dumps(payload))
        path.rename(f"{path}.msg")

    def _get(self, queue: str) -> Any:
        try:
            return super()._get(queue)
        except ValueError as error:
            # Of a full disk, or forged; Celery would end the worker.
            _log.warning("a message for %s is dropped, as it cannot be read: %s", queue, error)
            raise Empty from error


class WholeFiles(filesystem.Transport):
    """The transport over files, with whole messages."""

    Channel = _Channel


TRANSPORT_ALIASES["wholefiles"] = f"{__name__}:{WholeFiles.__name__}"


def make_celery(broker_url: str, data_dir: Path) -> Celery:
    """Return the application; without `broker_url` messages are files under `data_dir`."""
    celery = Celery("flarewatch", broker=broker_url or _FILES, set_as_current=False)
    celery.conf.update(
        broker_transport_options=_REDIS if broker_url else _folders(data_dir / "lab" / "broker"),
        broker_connection_max_retries=None,
        task_acks_late=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
    )
    return celery


def _folders(folder: Path) -> dict[str, Any]:
    messages, control = folder / "messages", folder / "control"
    for one in (messages, control):
        one.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
    }
