"""A load generator that costs little itself: HTTP/1.1 over kept-alive connections.

At a fixed rate the loop is open: a request is due whether or not those before it were answered, and its latency counts
from when it was due. Answers are kept as status, milliseconds, headers' stages and what the feed says of itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

__all__ = ["Answer", "Request", "Run", "at_a_rate", "closed"]

_CONNECTIONS: Final = 64
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True)
class Request:
    """One request to send."""

    path: str
    body: bytes = b""

    def wire(self) -> bytes:
        method = "POST" if self.body else "GET"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n" if self.body else ""
        return f"{method} {self.path} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n".encode() + self.body


@dataclass(frozen=True)
class Answer:
    """The answer to one request."""

    status: int
    """0 when the connection broke or the answer took a minute."""
    ms: float
    stages: str = ""
    """The ``Server-Timing`` header."""
    body: bytes = b""

    @property
    def feed(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body) if self.status == 200 else {}
        return found


@dataclass
class Run:
    """All answers of one run."""

    seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)

    def ms(self, *percents: float) -> list[float]:
        """Percentiles of the latency of all answers, whatever their status."""
        if not self.answers:
            return [float("nan")] * len(percents)
        return [float(value) for value in np.percentile([answer.ms for answer in self.answers], percents)]

    def share(self, wanted: Callable[[Answer], bool]) -> float:
        return sum(map(wanted, self.answers)) / max(1, len(self.answers))


class _Connection:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request) -> tuple[int, str, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request.wire())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head[9:12])
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers.get("server-timing", ""), body

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None


class _Client:
    def __init__(self, host: str, port: int, connections: int) -> None:
        self._free = deque(_Connection(host, port) for _ in range(connections))
        self._room = asyncio.Semaphore(connections)

    async def ask(self, request: Request, due: float) -> Answer:
        async with self._room:
            connection = self._free.popleft()
            try:
                status, stages, body = await asyncio.wait_for(connection.ask(request), _TIMEOUT_S)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                connection.close()
                status, stages, body = 0, "", b""
            finally:
                self._free.append(connection)
        return Answer(status, (time.perf_counter() - due) * 1_000, stages, body)

    def close(self) -> None:
        for connection in self._free:
            connection.close()


def at_a_rate(host: str, port: int, requests: Iterator[Request], rate: float, seconds: float) -> Run:
    """``rate`` requests a second for ``seconds``, evenly spread."""

    async def run() -> Run:
        client, done = _Client(host, port, _CONNECTIONS), Run()
        began = time.perf_counter()
        asked = []
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.append(asyncio.create_task(client.ask(next(requests), due)))
        done.answers = list(await asyncio.gather(*asked))
        done.seconds = time.perf_counter() - began
        client.close()
        return done

    return asyncio.run(run())


def closed(host: str, port: int, requests: Iterator[Request], clients: int, seconds: float, most: int = 10**9) -> Run:
    """``clients`` that each ask again when they were answered, for ``seconds`` or until ``most`` were asked."""

    async def run() -> Run:
        client, done = _Client(host, port, clients), Run()
        began = time.perf_counter()
        left = most

        async def one() -> None:
            nonlocal left
            while time.perf_counter() - began < seconds and left > 0:
                left -= 1
                done.answers.append(await client.ask(next(requests), time.perf_counter()))

        await asyncio.gather(*(one() for _ in range(clients)))
        done.seconds = time.perf_counter() - began
        client.close()
        return done

    return asyncio.run(run())
