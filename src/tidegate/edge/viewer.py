"""One follower of a tail: its place, and what it still owes the kernel.

Law: while it waits, all that is touched for it in a pass is `send`; everything else happens when it
falls behind, comes back, speaks or leaves.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tidegate.edge.connection import Connection
from tidegate.edge.websocket import Close, Inbound, close_frame

if TYPE_CHECKING:
    from tidegate.edge.tail import Piece, Place, Tail

MOST_PINGS = 10_000
"""Pings of one viewer: one a second for a morning; who sends more is let go."""


class Viewer:
    """The `Follower` of one connection. `place` is kept only while it does not wait in a group."""

    __slots__ = ("_slow", "_tail", "connection", "place", "send", "waits")

    hears = False

    def __init__(self, tail: "Tail", connection: Connection, place: "Place") -> None:
        self.connection = connection
        self.place = place
        self.waits = False
        self.send: Callable[[bytes], int] = connection.send
        self._tail = tail
        self._slow = False

    def drained(self) -> None:
        """Send more, until the kernel is full or there is no more."""
        tail = self._tail
        while (piece := tail.piece(self.place, self._slow)) is not None:
            if piece.jumped:
                tail.counts.jumps += 1
            self.place = piece.next
            if not self.connection.push(piece.out, piece.body):
                self._slow = True
                return
        self._slow = False
        if tail.feed.ended:
            self.finish()
        else:
            tail.wait(self)

    def behind(self, piece: "Piece", sent: int) -> None:
        """The kernel took only `sent` bytes of `piece`, or was not asked yet."""
        self.waits = False
        self.place = piece.next
        if self.connection.push(memoryview(piece.out)[sent:], piece.body):
            self.drained()
        else:
            self._slow = True

    def finish(self) -> None:
        """The log has ended, and this has had all of it."""
        self.waits = False
        self.connection.finish()

    def heard(self, data: bytes) -> None:
        """The viewer spoke; an HTTP response has nothing to hear (RFC 9112 9.3.2: pipelining)."""

    def gone(self) -> None:
        """The connection ended."""
        self._tail.leave(self)


class FramedViewer(Viewer):
    """One that follows by WebSocket: it may ping, and it may close."""

    __slots__ = ("_inbound", "_reply")

    hears = True

    def __init__(self, tail: "Tail", connection: Connection, place: "Place") -> None:
        super().__init__(tail, connection, place)
        self._inbound = Inbound()
        self._reply = b""

    def heard(self, data: bytes) -> None:
        """Answer between two messages; of several pings the last will do (RFC 6455 5.5.3)."""
        heard = self._inbound.feed(data)
        if heard.over or self._inbound.pings > MOST_PINGS:
            if not self.connection.behind:
                self.connection.push(heard.reply)
            self.connection.finish()
        elif heard.reply and not self.connection.behind:
            self.connection.push(heard.reply)
        else:
            self._reply = heard.reply or self._reply

    def drained(self) -> None:
        """Between two messages is the place for an answer that is due."""
        reply, self._reply = self._reply, b""
        if not reply or self.connection.push(reply):
            super().drained()

    def finish(self) -> None:
        """Say that it is over."""
        if self.connection.push(close_frame(Close.GOING_AWAY)):
            super().finish()
