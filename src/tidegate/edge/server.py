"""The connections of a worker, from the listening sockets that bring them to their end.

Law: what cannot be served is refused at once and cheaply; a full table of descriptors or of
connections never makes the loop spin.
"""

import structlog

from tidegate.edge.admission import Admission
from tidegate.edge.connection import Connection
from tidegate.edge.door import Door
from tidegate.edge.entrance import Accepted, Entrance
from tidegate.edge.timers import Timer
from tidegate.edge.worker import Worker

REFUSED_AT_ONCE = 256
"""Connections over a limit that get the time to read why, in one second; the rest are closed."""
FLUSH_S = 1.0
"""Seconds between two updates of the metrics and of the load."""

log = structlog.get_logger()


class Server:
    """Takes connections until `drain`; then runs out within the seconds given to it."""

    def __init__(self, worker: Worker, admission: Admission, door: Door) -> None:
        self._worker = worker
        self._admission = admission
        self._door = door
        self._entrances: list[Entrance] = []
        self._turned_away = 0
        self._busy_s = worker.loop.busy_s
        self._sent = 0
        self._flusher = Timer(self._flush)
        self._last = Timer(self._give_up)
        self._flush(worker.loop.now)

    def open(self, entrance: Entrance) -> None:
        """Take the connections that `entrance` brings."""
        self._entrances.append(entrance)
        entrance.begin(self)

    def drain(self, seconds: float) -> None:
        """Accept no more; end when all responses are through, or after `seconds`."""
        worker = self._worker
        worker.draining = True
        self._close_entrances()
        for connection in list(worker.connections):
            if connection.idle:
                connection.close()
        self._last.deadline = worker.loop.now + seconds
        worker.loop.wheel.watch(self._last)
        worker.stop_if_drained()

    def close(self) -> None:
        """Close everything now."""
        self._close_entrances()
        for connection in list(self._worker.connections):
            connection.close()
        self._worker.counts.flush()

    def admit(self, peer: Accepted) -> None:
        """One more at the door."""
        address, why = self._admission.entered(peer.address)
        try:
            connection = Connection(peer.wire(), self._worker, address)
        except OSError:  # epoll's own limit, or memory
            peer.sock.close()
            self._admission.left(address)
            return
        if why is not None:
            self._turn_away(connection, why)

    def shed(self) -> bytes:
        """A peer was taken for whom no descriptor is left: the bytes to answer it with."""
        self._worker.counts.error("descriptors")
        return self._door.full.last()

    @property
    def draining(self) -> bool:
        """Whether nobody is to be accepted any more."""
        return self._worker.draining

    def _turn_away(self, connection: Connection, why: str) -> None:
        self._worker.counts.refused(why)
        self._turned_away += 1
        connection.turn_away(self._door.told(why))
        if self._turned_away > REFUSED_AT_ONCE:
            connection.close()

    def _flush(self, now: float) -> None:
        self._turned_away = 0
        worker = self._worker
        counts = worker.counts
        counts.flush()
        self._admission.forget(now)
        self._admission.sent(counts.sent - self._sent, now)
        self._admission.busy(worker.loop.busy_s - self._busy_s, now)
        self._sent, self._busy_s = counts.sent, worker.loop.busy_s
        self._flusher.deadline = now + FLUSH_S
        worker.loop.wheel.watch(self._flusher)

    def _give_up(self, _now: float) -> None:
        if self._worker.connections:
            log.info("drained by force", connections=len(self._worker.connections))
        self._worker.loop.stop()

    def _close_entrances(self) -> None:
        for entrance in self._entrances:
            entrance.close()
