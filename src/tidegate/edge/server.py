"""The listening socket, the connections it brought, and their end.

Law: what cannot be served is refused at once and cheaply; a full table of descriptors or of
connections never makes the loop spin.
"""

import contextlib
import errno
import os
import select
import socket

import structlog

from tidegate.edge.connection import Connection
from tidegate.edge.response import NO_STORE, RETRY, error
from tidegate.edge.timers import Timer
from tidegate.edge.worker import Worker

ACCEPTS_A_TURN = 128
"""Connections taken in one turn: the viewers already here get theirs, too."""
REFUSED_AT_ONCE = 256
"""Connections over the limit that get the time to read why; the rest are closed at once."""
FLUSH_S = 1.0
"""Seconds between two updates of the metrics."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = structlog.get_logger()


class Server:
    """Accepts on `listener` until `drain`; then runs out within the seconds given to it."""

    def __init__(self, listener: socket.socket, worker: Worker, max_connections: int) -> None:
        self._listener = listener
        self._worker = worker
        self._max = max_connections
        self._spare = _spare()
        self._refusal = error(
            worker.counts.tally("full", 503), 503, "This server is full.", NO_STORE + RETRY
        )
        self._flusher = Timer(self._flush)
        self._last = Timer(self._give_up)
        # Linux hands these down to every accepted socket: one call here, not one a viewer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setblocking(False)
        worker.loop.add(listener.fileno(), self, select.EPOLLIN)
        self._flush(worker.loop.now)

    def ready(self, _events: int) -> None:
        """Someone waits at the door. Accepting is the last thing of a turn: see `loop`."""
        self._worker.loop.defer(self._accept)

    def drain(self, seconds: float) -> None:
        """Accept no more; end when all responses are through, or after `seconds`."""
        worker = self._worker
        worker.draining = True
        self._close_listener()
        for connection in list(self._worker.connections):
            if connection.idle:
                connection.close()
        self._last.deadline = worker.loop.now + seconds
        worker.loop.wheel.watch(self._last)
        worker.stop_if_drained()

    def close(self) -> None:
        """Close everything now."""
        self._close_listener()
        for connection in list(self._worker.connections):
            connection.close()
        self._worker.counts.flush()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _accept(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            if self._worker.draining:
                return
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as problem:
                if problem.errno in _EXHAUSTED:
                    self._shed()
                # else: that one peer gave up before it was accepted (accept(2)); go on.
                continue
            self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        here = len(self._worker.connections)
        try:
            sock.setblocking(False)
            connection = Connection(sock, self._worker)
        except OSError:  # epoll's own limit, or memory
            sock.close()
            return
        if here >= self._max:
            self._worker.counts.error("full")
            connection.turn_away(self._refusal)
        if here >= self._max + REFUSED_AT_ONCE:
            connection.close()

    def _shed(self) -> None:
        """No descriptor is left: give the spare one up to take the next peer and let it go."""
        self._worker.counts.error("descriptors")
        if self._spare >= 0:
            os.close(self._spare)
        with contextlib.suppress(OSError):
            sock, _address = self._listener.accept()
            with sock, contextlib.suppress(OSError):
                sock.setblocking(False)
                sock.send(self._refusal.last())
        self._spare = _spare()

    def _flush(self, now: float) -> None:
        self._worker.counts.flush()
        self._flusher.deadline = now + FLUSH_S
        self._worker.loop.wheel.watch(self._flusher)

    def _give_up(self, _now: float) -> None:
        if self._worker.connections:
            log.info("drained by force", connections=len(self._worker.connections))
        self._worker.loop.stop()

    def _close_listener(self) -> None:
        if self._listener.fileno() >= 0:
            self._worker.loop.remove(self._listener.fileno())
            self._listener.close()


def _spare() -> int:
    """A descriptor to give up when none is left; -1 when none is left already."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
