"""The Celery application: how the API sends runs to workers, over Redis or over files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import Celery

_REDIS = {"max_retries": 0, "socket_timeout": 5, "socket_connect_timeout": 1}


def make_celery(broker_url: str, data_dir: Path) -> Celery:
    """Return the application; without `broker_url` messages are files under `data_dir`."""
    celery = Celery("flarewatch", broker=broker_url or "filesystem://", set_as_current=False)
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
