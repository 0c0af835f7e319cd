"""A TCP proxy with weather: it cuts, stalls, delays and narrows what passes through it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Weather:
    """What happens to traffic: late by `delay_seconds`, or no faster than a rate."""

    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    is_moving: bool = True
    is_open: bool = True
    is_answering: bool = True

    @property
    def chunk_bytes(self) -> int:
        """Return how much is carried at once: a twentieth of a second's worth on a thin line."""
        return max(1, int(self.bytes_per_second / 20)) if self.bytes_per_second else CHUNK_BYTES

    def seconds(self, size: int) -> float:
        """Return how long so many bytes take."""
        return self.delay_seconds + (size / self.bytes_per_second if self.bytes_per_second else 0)


CLEAR = Weather()
CUT = Weather(is_open=False)
# Nothing arrives and nobody is told, until packets get through again.
STALLED = Weather(is_moving=False)
# What is asked arrives, but the connection breaks in the place of an answer.
UNANSWERED = Weather(is_answering=False)
LATE = Weather(delay_seconds=0.3)
THIN = Weather(bytes_per_second=20_000.0)


class Proxy:
    """One port of the loopback that leads to another one; it runs in a thread of its own."""

    def __init__(self, port: int, *, target: int) -> None:
        self.port = port
        self.lost_answers = 0
        self._target = target
        self._weather = CLEAR
        self._lines: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Condition()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._wait(asyncio.start_server(self._meet, "127.0.0.1", port))

    def set(self, weather: Weather) -> None:
        """Let the weather change for every connection, old and new."""
        self._wait(self._turn(weather))

    def close(self) -> None:
        """Cut every connection and stop listening."""
        self._wait(self._turn(CUT))
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _turn(self, weather: Weather) -> None:
        async with self._changed:
            self._weather = weather
            self._changed.notify_all()
        if not weather.is_open:
            for line in self._lines:
                line.transport.abort()

    async def _end(self) -> None:
        # A connection that is accepted while the server closes is never closed by asyncio: first
        # nothing is accepted any more, and what is on its way finds the way cut.
        for listener in self._server.sockets:
            self._loop.remove_reader(listener.fileno())
        for task in self._tasks:
            task.cancel()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.gather(*others, return_exceptions=True)
        self._server.close()
        await self._server.wait_closed()
        # The last connections are cut by the loop, which is about to stop.
        await asyncio.sleep(0.05)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._weather.is_open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        pair = {writer, far_writer}
        self._lines |= pair
        try:
            await asyncio.gather(
                self._carry(reader, far_writer), self._carry(far_reader, writer, is_answer=True)
            )
        finally:
            self._lines -= pair
            for line in pair:
                line.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_answer: bool = False,
    ) -> None:
        while data := await reader.read(self._weather.chunk_bytes):
            await asyncio.sleep(self._weather.seconds(len(data)))
            await self._until(lambda: self._weather.is_moving)
            if is_answer and not self._weather.is_answering:
                self.lost_answers += 1
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)
