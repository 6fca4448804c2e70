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

MOST_FRAMES = 100_000
"""Frames of one viewer: one a second for a day; who sends more is let go."""


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
    """One that follows by WebSocket: it may ping, and it may close.

    Law: what is said to it goes between two messages. Of an answer that the kernel did not take,
    the rest goes before the next message; while it is owed, no other is given.
    """

    __slots__ = ("_closing", "_inbound", "_owed")

    hears = True

    def __init__(self, tail: "Tail", connection: Connection, place: "Place") -> None:
        super().__init__(tail, connection, place)
        self._inbound = Inbound()
        self._owed = b""
        self._closing = False

    def heard(self, data: bytes) -> None:
        """Answer; of several pings one will do (RFC 6455 5.5.3)."""
        heard = self._inbound.feed(data)
        if not self._owed:
            self._owed = heard.reply
            if self.waits and self._owed:
                self._say()
        if heard.over or self._inbound.frames > MOST_FRAMES:
            self.connection.finish()

    def drained(self) -> None:
        """Between two messages is the place for what is owed."""
        if self._closing:
            super().finish()
            return
        owed = self._take()
        if not owed or self.connection.push(owed):
            super().drained()

    def behind(self, piece: "Piece", sent: int) -> None:
        """Something may be owed still: then `sent` is 0."""
        owed = self._take()
        super().behind(piece._replace(out=owed + piece.out) if owed else piece, sent)

    def finish(self) -> None:
        """Say that it is over."""
        self.waits = False
        self._closing = True
        if self.connection.push(self._take() + close_frame(Close.GOING_AWAY)):
            super().finish()

    def _say(self) -> None:
        """To one who waits in its tail's row: it must be found behind, while it is owed."""
        try:
            sent = self.connection.send(self._owed)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.connection.close()
            return
        self._owed = self._owed[sent:]
        if self._owed:
            self.send = _later

    def _take(self) -> bytes:
        owed, self._owed = self._owed, b""
        self.send = self.connection.send
        return owed


def _later(_out: bytes) -> int:
    """The `send` of who is owed something."""
    raise BlockingIOError
