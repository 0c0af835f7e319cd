"""The server of API and dashboard: gunicorn, whose threads never wait for a slow client.

The master of gunicorn starts the workers, watches their heartbeat and ends them. In a worker a
request gets a thread once its head and its body have arrived, and the thread is free once the
answer is written: what the client has not read yet waits in a buffer.
"""

from __future__ import annotations

import errno
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from gunicorn.asgi.parser import ParseError
from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker

from solar.connection import Awaited, Connection, Settings
from solar.process import allow_open_files
from solar.request_groups import Answer, GroupApplication, RequestGroups

# A worker that is silent for so long is killed and replaced: with the pauses of the master and
# the start of the next one, a hung worker is gone within 15 s.
HEARTBEAT_SECONDS = 8
# It may take so long to start, while it loads models.
START_SECONDS = 60
# Connections of one worker. At the limit the one that has waited longest for a request goes.
CONNECTIONS = 1000
# Requests that left their group and are answered at a time.
ALONE_THREADS = 4
# Files that a worker has open beside its connections.
OTHER_FILES = 200

HEAD_SECONDS = 10
BODY_SECONDS = 20
# So long for what is unread when the thread is free again.
READER_SECONDS = 60
# So long a client that is still sending may read why its request is refused.
END_SECONDS = 2

# Bodies that have arrived, or are arriving, in one worker.
MAX_BODIES_BYTES = 128 * 1024 * 1024
SMALL_BODY_BYTES = 64 * 1024
# Room for what comes is made before it is known how much that is.
_RECEIVE_BYTES = {Awaited.BODY: 256 * 1024}
_RECEIVE_OTHER_BYTES = 16 * 1024
_SWEEP_SECONDS = 1.0

HEALTH_PATH = "/health"

_STATUS = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


def shared_options(
    host: str,
    port: int,
    most_body_bytes: int,
    *,
    group_application: Callable[[Any], GroupApplication | None] = lambda _: None,
) -> dict[str, Any]:
    """Return the settings of gunicorn that both servers share.

    Of a request with a larger body the application gets the head only, and refuses it.
    `group_application` returns what answers requests in groups beside an application, if any.
    """
    groups = staticmethod(group_application)
    worker = {"most_body_bytes": most_body_bytes, "group_application": groups}
    memory = Path("/dev/shm")  # noqa: S108  the file that gunicorn makes there has a random name
    return {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "worker_class": type("Worker", (Worker,), worker),
        "worker_connections": CONNECTIONS,
        "logger_class": _Log,
        "timeout": HEARTBEAT_SECONDS,
        # The heartbeat is the time of a file, for which a busy disk would let it wait.
        "worker_tmp_dir": str(memory) if memory.is_dir() else None,
        # Everything is sent through the buffer of the connection.
        "sendfile": False,
        # Whom a proxy speaks for is decided by the settings of access; to gunicorn all are peers.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        # No management socket in the home folder.
        "control_socket_disable": True,
    }


class _Log(Logger):
    """The log of gunicorn without its lines of requests: the applications write their own."""

    def access(self, *_details: Any) -> None:
        """Write nothing, and gather nothing for it."""


class Worker(ThreadWorker):
    """A worker whose threads only see whole requests."""

    most_body_bytes: int
    group_application: Callable[[Any], GroupApplication | None]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._settings = Settings(self.cfg)
        # The connections without a thread and their deadlines; who has waited longest comes first.
        self._awaiting: dict[Connection, float] = {}
        self._bodies_bytes = 0
        self._next_sweep = 0.0
        self._health_pool = ThreadPoolExecutor(1)
        self._groups: RequestGroups[Connection] | None = None
        # For what was to be answered in a group and is answered alone.
        self._alone_pool = ThreadPoolExecutor(ALONE_THREADS)

    def load_wsgi(self) -> None:
        """Make the application; gunicorn calls this in the new process."""
        super().load_wsgi()
        if application := self.group_application(self.wsgi):
            self._groups = RequestGroups(application, self._send_group)

    def init_process(self) -> None:
        """Start; gunicorn calls this in the new process."""
        allow_open_files(self.worker_connections + OTHER_FILES)
        threading.Thread(target=self._notify_while_starting, daemon=True).start()
        super().init_process()

    def _notify_while_starting(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.booted and time.monotonic() < deadline:
            self.notify()
            time.sleep(1)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, which waits here for its first request."""
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        accepted.setblocking(False)
        connection = Connection(accepted, client, self.most_body_bytes)
        self.nr_conns += 1
        self._await(connection, Awaited.HEAD, HEAD_SECONDS)
        self._receive(connection)
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Close the connection that waits longest for a request, or else for anything."""
        idle = (each for each in self._awaiting if each.awaited in (Awaited.HEAD, Awaited.NEXT))
        oldest = next(idle, next(iter(self._awaiting), None))
        if oldest is not None:
            self._drop(oldest)

    def _await(self, connection: Connection, awaited: Awaited, seconds: float) -> None:
        self._stop_awaiting(connection)
        connection.awaited = awaited
        self._awaiting[connection] = time.monotonic() + seconds
        is_reader = awaited is Awaited.READER
        event, callback = (EVENT_WRITE, self._flush) if is_reader else (EVENT_READ, self._receive)
        self.poller.register(connection.socket, event, partial(callback, connection))

    def _stop_awaiting(self, connection: Connection) -> None:
        if self._awaiting.pop(connection, None) is not None:
            self.poller.unregister(connection.socket)

    def _drop(self, connection: Connection) -> None:
        self._stop_awaiting(connection)
        self._forget_request(connection)
        self.nr_conns -= 1
        connection.socket.close()

    def _forget_request(self, connection: Connection) -> bytes:
        """Make the connection ready for the next request; return what has arrived of it."""
        body = connection.body
        connection.begin()
        if body is None:
            return b""
        self._bodies_bytes -= body.size
        return body.rest

    def _receive(self, connection: Connection, _socket: object = None) -> None:
        # An event of the same moment may have closed it.
        if connection not in self._awaiting:
            return
        try:
            room = _RECEIVE_BYTES.get(connection.awaited, _RECEIVE_OTHER_BYTES)
            data = connection.socket.recv(room)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)
            return
        if connection.awaited is not Awaited.END and data:
            self._take(connection, data)
        elif connection.awaited is Awaited.BODY:
            self._refuse(
                connection,
                HTTPStatus.BAD_REQUEST,
                f"the body ended after {connection.body}; send it again",
                "Body cut short",
            )
        elif not data:
            self._drop(connection)

    def _take(self, connection: Connection, data: bytes) -> None:
        before = connection.body.size if connection.body else 0
        try:
            is_ready = connection.feed(data, self._settings)
        except (ParseException, ParseError, NoMoreData, ValueError) as error:
            self._refuse(connection, _STATUS.get(type(error), HTTPStatus.BAD_REQUEST), str(error))
            return
        except OSError:
            self._drop(connection)
            return
        size = connection.body.size if connection.body else 0
        self._bodies_bytes += size - before
        if is_ready:
            self._stop_awaiting(connection)
            self.enqueue_req(connection)
        elif self._bodies_bytes > MAX_BODIES_BYTES and size > SMALL_BODY_BYTES:
            detail = "the server has enough large requests; send this one again in 1 s"
            self._refuse(connection, HTTPStatus.TOO_MANY_REQUESTS, detail, "Too busy")
        elif connection.body is not None and connection.awaited is not Awaited.BODY:
            self._await(connection, Awaited.BODY, BODY_SECONDS)
        elif connection.awaited is Awaited.NEXT:
            self._await(connection, Awaited.HEAD, HEAD_SECONDS)

    def _refuse(
        self, connection: Connection, status: HTTPStatus, detail: str, title: str | None = None
    ) -> None:
        """Answer without the application, and close."""
        self.log.info("refused a request from %s: %s", connection.client[0], detail)
        problem = {"title": title or status.phrase, "status": status, "detail": detail}
        headers = {"Content-Type": "application/problem+json"}
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            headers["Retry-After"] = "1"
        body = json.dumps({**problem, "errors": []}).encode()
        with suppress(OSError):
            connection.sock.send(Answer(status, headers, body).message(is_kept=False))
        self._end(connection)

    def _end(self, connection: Connection) -> None:
        """Close once the client has read everything: it does so after the end of the answer.

        To close while it is still sending would take the answer away from it.
        """
        self._forget_request(connection)
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
        else:
            self._await(connection, Awaited.END, END_SECONDS)

    def enqueue_req(self, connection: Connection) -> None:
        """Give a whole request to a thread, or to the next group."""
        request = connection.request
        # Whoever asks whether the process is alive is answered while all threads are busy.
        if request.path == HEALTH_PATH:
            self._health_pool.submit(self._answer, connection)
        elif self._groups and self._groups.takes(request.method, request.path, connection.length):
            self._groups.add(connection)
        else:
            self.tpool.submit(self._answer, connection)

    def _send_group(self, group: Sequence[tuple[Connection, Answer | None]]) -> None:
        """Send the answers of a group; requests without one go to the application, each alone."""
        sent = []
        for connection, answer in group:
            if answer is None:
                self._alone_pool.submit(self._answer, connection)
            else:
                sent.append((connection, self._send(connection, answer)))
        self.method_queue.defer(self._finish_group, sent)

    def _send(self, connection: Connection, answer: Answer) -> bool:
        """Send an answer; return whether the connection is kept."""
        is_kept = self.alive and not connection.request.should_close()
        try:
            # The others of its group do not wait for a slow reader.
            connection.sock.send(answer.message(is_kept=is_kept))
        except OSError as error:
            self.log.debug("no answer for %s: %s", connection.client[0], error)
            connection.sock.unread.clear()
            return False
        return is_kept

    def _finish_group(self, group: Sequence[tuple[Connection, bool]]) -> None:
        for connection, is_kept in group:
            self.finish_request(connection, is_kept)

    def _answer(self, connection: Connection) -> None:
        is_kept = False
        try:
            is_kept = self.handle(connection)
        finally:
            self.method_queue.defer(self.finish_request, connection, is_kept)

    def handle(self, connection: Connection) -> bool:
        """Answer a request, in a thread; return whether the connection is kept."""
        request = None
        try:
            connection.sock.begin()
            request = connection.whole_request()
            return bool(self.handle_request(request, connection))
        except StopIteration:
            # It failed in the middle of its answer, and is logged.
            return False
        except OSError as error:
            self.log.debug("no answer for %s: %s", connection.client[0], error)
            connection.sock.unread.clear()
            return False
        except Exception as error:
            self.handle_error(request, connection.sock, connection.client, error)
            return False

    def finish_request(self, connection: Connection, is_kept: bool) -> None:
        """Take a connection back from its thread."""
        connection.is_kept = is_kept
        if connection.sock.unread:
            self._await(connection, Awaited.READER, READER_SECONDS)
        else:
            self._finish_answer(connection)

    def _flush(self, connection: Connection, _socket: object) -> None:
        if connection not in self._awaiting:
            return
        try:
            connection.sock.flush()
        except OSError:
            self._drop(connection)
            return
        if not connection.sock.unread:
            self._finish_answer(connection)

    def _finish_answer(self, connection: Connection) -> None:
        if not connection.is_kept:
            self._end(connection)
            return
        rest = self._forget_request(connection)
        self._await(connection, Awaited.NEXT, self.cfg.keepalive)
        if rest:
            self._take(connection, rest)

    def murder_pending(self) -> None:
        """Answer what has come, end what has waited too long; called after a round of events."""
        if self._groups:
            self._groups.begin()
        now = time.monotonic()
        if self.alive and now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        for connection in [each for each, until in self._awaiting.items() if until <= now]:
            self._give_up(connection)

    def _give_up(self, connection: Connection) -> None:
        if connection.awaited is Awaited.BODY:
            detail = f"the body took too long: {connection.body} came in time; send less at a time"
            self._refuse(connection, HTTPStatus.REQUEST_TIMEOUT, detail)
        elif connection.awaited is Awaited.HEAD and connection.head:
            detail = f"the head of the request took longer than {HEAD_SECONDS} s"
            self._refuse(connection, HTTPStatus.REQUEST_TIMEOUT, detail)
        else:
            self._drop(connection)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what still waits at the end of the worker."""
        for connection in list(self._awaiting) if force else ():
            self._drop(connection)

    def _cap_keepalive(self, deadline: float) -> None:
        """Let connections without a request wait no longer than this; the worker stops."""
        for connection, until in self._awaiting.items():
            if connection.awaited in (Awaited.HEAD, Awaited.NEXT) and not connection.head:
                self._awaiting[connection] = min(until, deadline)
