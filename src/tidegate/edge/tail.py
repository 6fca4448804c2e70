"""HTTP-FLV: everyone who follows the tail of one log.

Law: where a viewer goes on depends only on its chunk number and on whether it kept up, so it is
worked out once for all who stand there. One that fell behind its budget jumps to the newest chunk
where decoding can start, at the end of what it was being sent; no other viewer waits for it and no
memory grows by it. One that took all there was never jumps, however much comes at once.
"""

from typing import NamedTuple

from tidegate.edge.connection import Connection
from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.response import SMALL, Answer, Stretch
from tidegate.log import Cursor

AT_ONCE = 256 * 1024
"""Bytes joined for a viewer that is behind: it can jump only after them."""
NEWEST = -1
"""The place of a viewer that has had nothing yet."""

_FLV_FILE_HEADER = 13
"""Bytes that begin a file and nothing else: the FLV header and the first PreviousTagSize (E.2)."""


class Piece(NamedTuple):
    """What comes next: bytes up to chunk `next`, which all need `init`; `jumped` past what was due.

    The bytes are `out`, shared in memory, or a `stretch` of the log.
    """

    out: bytes
    stretch: Stretch | None
    init: bytes
    next: int
    jumped: bool


class Tail:
    """The followers of one feed. `budget_s` is how far one may fall behind, seconds."""

    def __init__(self, feed: Feed, budget_s: float, counts: Counts) -> None:
        self.feed = feed
        self.counts = counts
        self.followers: dict[Viewer, None] = {}
        self._budget = int(budget_s * 1_000_000)
        self._pieces: dict[tuple[int, bool], Piece | None] = {}

    @property
    def viewers(self) -> int:
        """How many follow."""
        return len(self.followers)

    def join(self, connection: Connection, head: Answer) -> None:
        """Begin at the newest chunk where decoding can start, or wait for the first one."""
        viewer = Viewer(self, connection)
        self.followers[viewer] = None
        self.feed.tail = self
        connection.follow(viewer, head)

    def leave(self, viewer: "Viewer") -> None:
        """Forget a viewer; when the last one leaves, nobody has to be told of the log's growth."""
        self.followers.pop(viewer, None)
        if not self.followers:
            self.feed.tail = None

    def grown(self) -> None:
        """One pass over everyone who has had all there was."""
        self._pieces.clear()
        for viewer in list(self.followers):
            if viewer.waits:
                viewer.drained()

    def piece(self, number: int, slow: bool) -> Piece | None:
        """What a viewer at chunk `number` gets next; None when that is not written yet."""
        try:
            return self._pieces[number, slow]
        except KeyError:
            piece = self._pieces[number, slow] = self._cut(number, slow)
            return piece

    def _cut(self, number: int, slow: bool) -> Piece | None:
        reader = self.feed.reader
        start = self._start(number, slow)
        if start is None:
            return None
        try:
            span = Cursor(reader, start).span(AT_ONCE)
            if span is None:
                return None
            init = reader.init(span.init)
        except OSError:  # retired, as the index will say in a moment, or no descriptor is left
            return None
        jumped = number not in (start, NEWEST)
        # Nearly everyone is near the tail: what ends there is read once and shared.
        if span.next == reader.next and span.size <= SMALL:
            out = span.file.read(span.offset, span.size)
            return Piece(out, None, init, span.next, jumped)
        return Piece(b"", Stretch(span.file, span.offset, span.size), init, span.next, jumped)

    def _start(self, number: int, slow: bool) -> int | None:
        """Where a viewer whose next chunk is `number` goes on."""
        reader = self.feed.reader
        newest = reader.newest_independent()
        if number == NEWEST:
            return newest
        late = number < reader.first or (slow and self._is_late(number))
        if late and newest is not None and newest > number:
            return newest
        return number if number >= reader.first else None

    def _is_late(self, number: int) -> bool:
        """Whether the newest chunk came more than the budget after chunk `number`."""
        reader = self.feed.reader
        if number >= reader.next:
            return False
        return reader.record(reader.next - 1).wall - reader.record(number).wall > self._budget


class Viewer:
    """One follower's place: the next chunk's number, and the init it has."""

    __slots__ = ("_connection", "_init", "_number", "_slow", "_tail", "waits")

    def __init__(self, tail: Tail, connection: Connection) -> None:
        self._tail = tail
        self._connection = connection
        self._number = NEWEST
        self._init = b""
        self._slow = False
        self.waits = False

    def drained(self) -> None:
        """Send more, until the kernel is full or there is no more."""
        tail = self._tail
        self.waits = False
        while (piece := tail.piece(self._number, self._slow)) is not None:
            out = piece.out
            if piece.init is not self._init:
                out = self._opening(piece.init) + out
            if piece.jumped:
                tail.counts.jumps += 1
            self._number = piece.next
            if not self._connection.push(out, piece.stretch):
                self._slow = True
                return
        self._slow = False
        if tail.feed.ended:
            self._connection.finish()
        else:
            self.waits = True

    def gone(self) -> None:
        """The connection ended."""
        self._tail.leave(self)

    def _opening(self, init: bytes) -> bytes:
        """An init as this viewer needs it: a file begins once."""
        opening = init[_FLV_FILE_HEADER:] if self._init else init
        self._init = init
        return opening
