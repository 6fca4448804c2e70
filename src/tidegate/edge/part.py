"""The edge as a part of the node: one process, its listening sockets, until told to drain.

Law: who is replaced by a newer process serves those who watch to their end; who is stopped has the
seconds of `node.drain_s`, also in the midst of being replaced.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Sequence

import structlog

from tidegate.edge.admission import Admission
from tidegate.edge.catalog import Catalog
from tidegate.edge.certificates import LOOK_S, Certificates
from tidegate.edge.counts import Counts
from tidegate.edge.door import Door
from tidegate.edge.entrance import Entrance
from tidegate.edge.loop import Loop
from tidegate.edge.pace import Pace
from tidegate.edge.request import RequestParser
from tidegate.edge.server import Server
from tidegate.edge.service import Service
from tidegate.edge.streams import Streams
from tidegate.edge.timers import NEVER, Timer
from tidegate.edge.usage import Usage
from tidegate.edge.worker import Limits, Worker
from tidegate.settings import Node, Settings

RETIRE = b"r"
"""What `stop_fd` brings when a newer process took over; anything else, or its end, means: stop."""
ROUND_S = 1.0
"""Seconds between two writings of access records: the most that a killed worker takes along."""
WORDS_AT_ONCE = 64
"""Bytes read of `stop_fd` at once: a handful of signals."""

log = structlog.get_logger()


def run(
    settings: Settings,
    listener: socket.socket,
    https: socket.socket | None,
    stop_fd: int,
    ready: Callable[[], None],
) -> None:
    """Serve viewers at `listener` until `stop_fd` is readable, then drain and return.

    `ready` is called once, when connections are accepted.
    """
    http = settings.http
    loop, counts = Loop(), Counts()
    with contextlib.ExitStack() as undo:
        undo.callback(loop.close)
        catalog = Catalog(settings.log.root, loop, counts)
        undo.callback(catalog.close)
        workers = http.workers or len(os.sched_getaffinity(0))
        admission = Admission(http, workers)
        usage = Usage(
            settings.state.folder.expanduser() / "usage",
            settings.channels,
            settings.usage.retention_days,
            time.time(),
        )
        counts.charge = usage.charge
        undo.callback(lambda: usage.close(time.time()))
        door = Door(loop, counts, admission, http, settings.channels)
        pace = Pace(loop, http.tick_min_ms / 1000, http.tick_max_ms / 1000)
        streams = Streams(pace, counts, http.slow_viewer_s)
        service = Service(loop, counts, catalog, door, streams)
        limits = Limits(http.header_timeout_s, http.keepalive_s, settings.tls.handshake_s)
        worker = Worker(loop, counts, RequestParser(), limits, service)
        server = Server(worker, admission, door)
        undo.callback(server.close)
        entrances = [Entrance(loop, listener)]
        certificates = Certificates(settings.tls) if https is not None else None
        if https is not None:
            entrances.append(Entrance(loop, https, certificates))
        _Rounds(loop, counts, usage, certificates).begin()
        for entrance in entrances:
            server.open(entrance)
        leaving = _Leaving(worker, server, entrances, settings.node)
        loop.add(stop_fd, _Stop(loop, stop_fd, leaving))
        log.info("edge ready", port=listener.getsockname()[1])
        ready()
        loop.run()
    log.info("edge ended")


class _Rounds:
    """What is done every second, beside the viewers."""

    def __init__(
        self, loop: Loop, counts: Counts, usage: Usage, certificates: Certificates | None
    ) -> None:
        self._loop = loop
        self._counts = counts
        self._usage = usage
        self._certificates = certificates
        self._next = Timer(self._go)
        self._look_at = 0.0

    def begin(self) -> None:
        """From now on."""
        self._go(self._loop.now)

    def _go(self, now: float) -> None:
        wall = time.time()
        self._counts.flush()
        self._usage.turn(wall)
        self._usage.flush(wall)
        if self._certificates is not None and now >= self._look_at:
            self._look_at = now + LOOK_S
            self._certificates.look()
        self._next.deadline = now + ROUND_S
        self._loop.wheel.watch(self._next)


class _Leaving:
    """How this process goes: replaced, or stopped, or first one and then the other."""

    def __init__(
        self, worker: Worker, server: Server, entrances: Sequence[Entrance], node: Node
    ) -> None:
        self._worker = worker
        self._server = server
        self._entrances = entrances
        self._node = node
        self._end = NEVER
        self._over = Timer(lambda _now: server.drain(0))

    def retire(self) -> None:
        """Accept no more, and cut nobody: who was accepted may be about to ask.

        Whoever asks is answered once more and told to come anew; who never does is idle too long.
        """
        if self._end != NEVER:
            return
        for entrance in self._entrances:
            entrance.close()
        loop = self._worker.loop
        self._worker.draining = True
        self._end = self._over.deadline = loop.now + self._node.upgrade_s
        loop.wheel.watch(self._over)
        self._worker.stop_if_drained()

    def stop(self) -> None:
        """End in the seconds of a drain; who was replaced has no more than were left."""
        left = self._end - self._worker.loop.now
        self._server.drain(max(0.0, min(left, self._node.drain_s)))


class _Stop:
    """The node's words: what comes through `fd`, and its end."""

    def __init__(self, loop: Loop, fd: int, leaving: _Leaving) -> None:
        self._loop = loop
        self._fd = fd
        self._leaving = leaving

    def ready(self, _events: int) -> None:
        """`fd` is readable, or its other end is closed."""
        words = os.read(self._fd, WORDS_AT_ONCE)
        if words and not words.strip(RETIRE):
            self._leaving.retire()
        else:
            self._loop.remove(self._fd)
            self._leaving.stop()
