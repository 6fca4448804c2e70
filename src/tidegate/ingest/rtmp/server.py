"""The RTMP port: its connections, how many there may be, and their end.

Law: a connection that has not published yet costs a few kB and lives no longer than its deadline;
no address holds more than a quarter of the port's connections in that state.
"""

import asyncio
import os
import socket
from collections import Counter

from tidegate import metrics
from tidegate.ingest.rtmp.connection import Connection, Gate
from tidegate.ingest.rtmp.handshake import RANDOM
from tidegate.ingest.rtmp.session import Session
from tidegate.settings import Rtmp

TICK_S = 0.25
"""Seconds between looks at deadlines."""


class RtmpServer:
    """Accepts publishers on one listening socket and hands them to the gate."""

    def __init__(self, settings: Rtmp, gate: Gate) -> None:
        self.settings = settings
        self.gate = gate
        self.received = 0
        self._connections: set[Connection] = set()
        self._pending: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def start(self, listener: socket.socket) -> None:
        """Begins to accept. The listener is closed by `close`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=listener, backlog=1024)
        self._ticker = asyncio.create_task(self._tick(), name="rtmp-tick")

    async def close(self, within_s: float) -> None:
        """Accepts no more, ends every publish, and waits `within_s` seconds for peers to go."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.end("drain", "the server is going down; publish again in a moment")
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            for connection in list(self._connections):
                connection.tick(float("inf"))
        await self._stop_ticking()

    def joined(self, connection: Connection) -> str | None:
        """A connection came; the word of the refusal, if it must go."""
        settings = self.settings
        full = len(self._connections) >= settings.max_connections
        crowd = self._pending[connection.address] >= max(8, settings.max_connections // 4)
        self._connections.add(connection)
        self._pending[connection.address] += 1
        self._empty.clear()
        if full:
            return "full"
        return "crowd" if crowd else None

    def accepted(self, connection: Connection) -> None:
        """The connection's publish was accepted."""
        self._settle(connection)

    def left(self, connection: Connection) -> None:
        """The connection is closed."""
        self._settle(connection)
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _connection(self) -> Connection:
        return Connection(self, Session(os.urandom(RANDOM)))

    def _settle(self, connection: Connection) -> None:
        if not connection.pending:
            return
        connection.pending = False
        self._pending[connection.address] -= 1
        if not self._pending[connection.address]:
            del self._pending[connection.address]

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            self._count()
            now = loop.time()
            for connection in list(self._connections):
                connection.tick(now)

    def _count(self) -> None:
        metrics.INGEST_BYTES.inc(self.received)
        self.received = 0

    async def _stop_ticking(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])
        self._count()
