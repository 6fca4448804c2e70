"""Progressive bodies: everyone who follows the tail of one log in one protocol.

Law: who stands at the same chunk is sent the same bytes, in one pass a tick, one system call each,
so what Python does for a viewer is a step of a loop. One that fell behind its budget jumps to the
newest chunk where decoding can start, at the end of what it was being sent; no other viewer waits
for it and no memory grows by it. One that took all there was never jumps, however much comes.

    joins ──► sent what there is ──all taken──► waits at a place ──pass──► waits at the next place
                   ▲    └─kernel full─► behind ──writable──┐                  └─kernel full─► behind
                   └───────────────────────────────────────┘
"""

import time
from operator import methodcaller
from typing import NamedTuple

from tidegate import metrics
from tidegate.edge.connection import Connection
from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.pace import SLICE_S, Pace
from tidegate.edge.protocols import Protocol
from tidegate.edge.response import SMALL, Answer, Stretch
from tidegate.edge.viewer import Viewer
from tidegate.log import Cursor, Span

AT_ONCE = 256 * 1024
"""Bytes joined for a viewer that is behind: it can jump only after them."""
NEWEST = -1
"""The place of a viewer that has had nothing yet."""
BATCH = 64
"""Viewers sent to between two looks at the clock."""
GONE = -1
"""In place of a number of bytes."""
_SWEEP = 64
"""Viewers who left while they waited, that are kept at most beside as many who did not."""


class Place(NamedTuple):
    """The next chunk's number, and the init of the chunk before it (None: nothing was sent)."""

    number: int
    init: bytes | None


_START = Place(NEWEST, None)


class Piece(NamedTuple):
    """What comes next: `out`, then `body`; after it a viewer stands at `next`.

    `jumped` past what was due.
    """

    out: bytes
    body: Stretch | None
    next: Place
    jumped: bool


class Tail:
    """The followers of one feed. `budget_s` is how far one may fall behind, seconds."""

    def __init__(
        self, feed: Feed, protocol: Protocol, pace: Pace, budget_s: float, counts: Counts
    ) -> None:
        self.feed = feed
        self.protocol = protocol
        self.counts = counts
        self.viewers = 0
        self._pace = pace
        self._budget = int(budget_s * 1_000_000)
        self._tally = counts.tally(protocol.name, 200, feed.channel, protocol.name)
        self._pieces: dict[tuple[Place, bool], Piece | None] = {}
        self._waiting: dict[Place, list[Viewer]] = {}
        self._left = 0
        self._began = self._spent = 0.0
        self._until = feed.reader.next
        self._came = 0
        """Chunks that the last pass found."""
        self._due = False
        """Whether a pass is due, or under way."""
        self._again = False
        self._turn: list[tuple[Place, list[Viewer]]] = []
        self._served: list[tuple[Place, list[Viewer]]] = []
        self._grew_at = 0.0
        self._join = metrics.JOIN_SECONDS.labels(protocol=protocol.name)
        self._delay = metrics.SEND_DELAY_SECONDS.labels(protocol=protocol.name)

    def join(self, connection: Connection, head: Answer) -> None:
        """Begin at the newest chunk where decoding can start, or wait for the first one."""
        self.viewers += 1
        self._pace.followers += 1
        self.counts.gauges.viewers[self.protocol.name] += 1
        self.feed.tails[self.protocol.name] = self
        viewer = self.protocol.viewer(self, connection, _START)
        connection.follow(viewer, head)
        self._join.observe(self._pace.loop.clock() - connection.since)

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer; when the last one leaves, nobody has to be told of the log's growth."""
        self.viewers -= 1
        self._pace.followers -= 1
        self.counts.gauges.viewers[self.protocol.name] -= 1
        if not self.viewers:
            self._waiting.clear()
            del self.feed.tails[self.protocol.name]
        elif viewer.waits:
            self._left += 1
            if self._left > self.viewers + _SWEEP:
                self._sweep()

    def wait(self, viewer: Viewer) -> None:
        """`viewer` has had all there is."""
        viewer.waits = True
        self._waiting.setdefault(viewer.place, []).append(viewer)

    def piece(self, place: Place, slow: bool) -> Piece | None:
        """What a viewer at `place` gets next; None when that is not written yet."""
        try:
            return self._pieces[place, slow]
        except KeyError:
            piece = self._pieces[place, slow] = self._cut(place, slow)
            return piece

    # One pass a tick.

    def bides(self) -> bool:
        """Whether a pass will look at the log that changed: one is due, or is from here on."""
        when = self._began + self._pace.tick_s
        if not self._due and when > self._pace.loop.now and not self.feed.ended:
            self._await(when)
        return self._due

    def grown(self) -> None:
        """There are new chunks, or none will follow: the next pass is due."""
        self._pieces.clear()
        if self._due:
            self._again = True
            return
        when = self._began + self._pace.tick_s
        if when <= self._pace.loop.now or self.feed.ended:
            self._due = True
            self._begin()
        else:
            self._await(when)

    def _await(self, when: float) -> None:
        self._due = True
        self._pace.loop.at(when, self._begin)

    def _begin(self) -> None:
        if not self.feed.ended:
            self.feed.fresh()
        reader = self.feed.reader
        self._came = reader.next - self._until
        if not self._came and not self.feed.ended:  # nobody waits for what was there before
            self._due = self._again = False
            return
        self._again = False
        self._began = self._pace.loop.now
        self._grew_at = self._first_came()
        self._until = reader.next
        self._spent = 0.0
        self._turn = _queued(list(self._waiting.items()))
        self._waiting = {}
        self._left = 0
        self._step()

    def _first_came(self) -> float:
        """When the first chunk of this pass was appended, seconds since 1970."""
        reader = self.feed.reader
        newest = reader.appended_at or time.time()  # closed meanwhile: nobody knows
        known = reader.records(max(reader.first, self._until), reader.next)
        return newest - ((known[-1].wall - known[0].wall) / 1e6 if known else 0.0)

    def _step(self) -> None:
        """Send until all are served, or others must get their turn."""
        clock = self._pace.loop.clock
        began = clock()
        stop = began + SLICE_S
        while self._turn and clock() < stop:
            place, viewers = self._turn[-1]
            piece = self.piece(place, slow=False)
            if piece is None:
                self._turn.pop()
                self._stand(place, viewers[::-1])
                continue
            batch = viewers[: -BATCH - 1 : -1]
            del viewers[-BATCH:]
            if not viewers:
                self._turn.pop()
            self._send(piece, batch)
        self._spent += clock() - began
        if not self._turn and any(self._goes_on(place) for place, _ in self._served):
            self._take_up()
        if self._turn:
            self._pace.loop.defer(self._step)
        else:
            self._done()

    def _goes_on(self, place: Place) -> bool:
        """Whether who stands here now is due more in this pass; what came meanwhile waits a tick,
        or a long pass would never rest, and merge nothing."""
        due = place.number < self._until or self.feed.ended
        return due and self.piece(place, slow=False) is not None

    def _take_up(self) -> None:
        """Everyone is through, and more was there for some: the pass goes on with it."""
        self._turn, self._served = _queued(self._served), []

    def _send(self, piece: Piece, batch: list[Viewer]) -> None:
        if piece.jumped:
            self.counts.jumps += len(batch)
        if piece.body is not None:
            for viewer in batch:
                viewer.behind(piece, 0)
            return
        size, sent = len(piece.out), _sent(piece.out, batch)
        if sent.count(size) == len(batch):  # as nearly always
            self._tally.sent += size * len(batch)
            self._go_on(piece.next, batch)
            return
        served = []
        for viewer, taken in zip(batch, sent, strict=True):
            if taken == size:
                served.append(viewer)
            elif taken == GONE:
                viewer.connection.close()
                continue
            else:
                viewer.behind(piece, taken)
            self._tally.sent += taken
        if served:
            self._go_on(piece.next, served)

    def _go_on(self, place: Place, served: list[Viewer]) -> None:
        """They stand at `place` now, where more may be due in this very pass."""
        for known, viewers in self._served:
            if known == place:
                viewers.extend(served)
                return
        self._served.append((place, served))

    def _stand(self, place: Place, viewers: list[Viewer]) -> None:
        """Nothing is there for them yet, or nothing will be."""
        if not self.feed.ended:
            self._waiting.setdefault(place, []).extend(viewers)
            return
        for viewer in viewers:
            viewer.finish()

    def _done(self) -> None:
        served, self._served = self._served, []
        for place, viewers in served:
            self._stand(place, viewers)
        self._due = False
        self._pace.spent(self._spent, self.viewers)
        if self._came:
            self._delay.observe(max(0.0, time.time() - self._grew_at))
        merges = self._came > 1  # then so will the next: to be told of each chunk is for nothing
        if not self.feed.ended and (merges or self.feed.stale):
            self.feed.changed()
        if self._again and not self._due:
            self.grown()

    def _sweep(self) -> None:
        self._left = 0
        for place, viewers in list(self._waiting.items()):
            self._waiting[place] = [viewer for viewer in viewers if not viewer.connection.closed]

    # What comes next.

    def _cut(self, place: Place, slow: bool) -> Piece | None:
        reader = self.feed.reader
        start = self._start(place.number, slow)
        if start is None:
            return None
        try:
            span = Cursor(reader, start).span(AT_ONCE)
            if span is None:
                return None
            init = reader.init(span.init)
            out, end = self._shared(span)
        except OSError:  # retired, as the index will say in a moment, or no descriptor is left
            return None
        body = None if out else Stretch(span.file, span.offset, span.size)
        out = self.protocol.frame(len(out) or span.size) + out
        if init is not place.init:
            out = self.protocol.opening(init, first=place.init is None) + out
        return Piece(out, body, Place(end, init), place.number not in (start, NEWEST))

    def _shared(self, span: Span) -> tuple[bytes, int]:
        """All from `span` to the tail, segments joined, and the number after it.

        Nearly everyone is near the tail, so that is read once for all. Where more is left than is
        worth a copy, nothing is read, and the span goes by itself.
        """
        reader = self.feed.reader
        spans, size = [span], span.size
        while spans[-1].next < reader.next and size <= SMALL:
            more = Cursor(reader, spans[-1].next).span(AT_ONCE)
            if more is None or more.init != span.init:
                break
            spans.append(more)
            size += more.size
        if size > SMALL:
            return b"", span.next
        return b"".join(each.file.read(each.offset, each.size) for each in spans), spans[-1].next

    def _start(self, number: int, slow: bool) -> int | None:
        """Where a viewer whose next chunk is `number` goes on."""
        reader = self.feed.reader
        newest = reader.newest_independent()
        if number == NEWEST:
            return newest if newest is None else self._entry(newest)
        late = number < reader.first or (slow and self._is_late(number))
        if late and newest is not None and newest > number:
            return newest
        return number if number >= reader.first else None

    def _entry(self, newest: int) -> int:
        """Where a newcomer begins: with two ticks of media at least, of the longest that may come,
        or a wait for a tick and for whom the pass serves before would be a freeze."""
        reader = self.feed.reader
        ticks = int(2 * self._pace.longest_s * reader.timescale)
        latest = reader.record(reader.next - 1).end - ticks
        if reader.record(newest).time <= latest:
            return newest
        earlier = reader.at_time(latest)
        return newest if earlier is None else earlier

    def _is_late(self, number: int) -> bool:
        """Whether the newest chunk came more than the budget after chunk `number`."""
        reader = self.feed.reader
        if number >= reader.next:
            return False
        return reader.record(reader.next - 1).wall - reader.record(number).wall > self._budget


def _sent(out: bytes, batch: list[Viewer]) -> list[int]:
    """How much of `out` the kernel took for each; `GONE` where the peer is."""
    sent: list[int] = []
    send, rest = methodcaller("send", out), iter(batch)
    while len(sent) < len(batch):
        try:
            sent.extend(map(send, rest))  # what went before an error stays in it
        except BlockingIOError:
            sent.append(0)
        except OSError:
            sent.append(GONE)
    return sent


def _queued(groups: list[tuple[Place, list[Viewer]]]) -> list[tuple[Place, list[Viewer]]]:
    """The groups as a pass takes them, from the end: whoever was served first is first again, or
    a viewer would wait for a tick and a whole pass."""
    groups.reverse()
    for _, viewers in groups:
        viewers.reverse()
    return groups
