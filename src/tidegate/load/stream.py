"""Players of progressive bodies: HTTP-FLV and fragmented MP4.

Law: bytes are read for real only to find one's place in the scout's atlas, and now and then to see
that it still holds; all else is counted in the kernel. What arrived when is remembered until the
atlas tells which media it was, so a late answer changes nothing.
"""

from tidegate.edge.loop import Loop
from tidegate.load.atlas import DRIFT, Atlas
from tidegate.load.crew import Crew
from tidegate.load.http import BadResponse, Chunks, parse_head
from tidegate.load.plan import Visit
from tidegate.load.scan import Scan, ScanError
from tidegate.load.target import Target
from tidegate.load.view import SILENCE_S, View
from tidegate.load.wire import Line, Wire

SEEK_LIMIT = 4 << 20
"""Bytes read for real in search of a keyframe: ten seconds at 3 Mbit/s."""
LOOK_AGAIN_S = 20.0
"""Seconds after which a view makes sure of its place."""


class StreamView(View):
    """One viewer of a progressive body."""

    __slots__ = (
        "_arrivals",
        "_atlas",
        "_body",
        "_delta",
        "_look_at",
        "_offset",
        "_raw",
        "_start",
        "_wire",
    )

    def __init__(self, crew: Crew, visit: Visit) -> None:
        super().__init__(crew, visit)
        self._wire: Wire | None = None
        self._reset()
        self._start: float | None = None

    def begin(self) -> None:
        """See `View`."""
        crew = self.crew
        self._reset()
        try:
            line = Line(self.visit.rate / 8, crew.loop.now)
            self._wire = Wire(crew.loop, crew.target.address, self, line, greedy=True)
        except OSError:
            self.failed("refused")
            return
        self.watched()

    def stop(self) -> None:
        """See `View`."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def settle(self) -> None:
        """See `View`."""
        while self._arrivals:
            self._tell(self._arrivals.pop(0))

    def connected(self) -> None:
        """See `wire.Owner`."""
        try:
            if self._wire is not None:
                self._wire.send(self.crew.target.request)
        except OSError:
            self.failed("reset")

    def readable(self) -> None:
        """See `wire.Owner`."""
        wire = self._wire
        if wire is None:
            return
        now = self.crew.loop.now
        self.deadline = now + SILENCE_S
        try:
            if now < self._look_at and self._delta is not None:
                self._count(wire.skip())
            else:
                self._read(wire.read())
        except BlockingIOError:
            return
        except (OSError, BadResponse) as problem:
            self.failed("reset" if isinstance(problem, OSError) else "http")

    def _reset(self) -> None:
        self._body = False
        self._raw = b""
        self._offset = 0
        self._delta: int | None = None
        self._arrivals: list[tuple[int, float]] = []
        self._atlas: Atlas | None = None
        self._look_at = 0.0

    def _count(self, size: int) -> None:
        if not size:
            self.failed("ended")
            return
        self.crew.received += size
        self._offset += size
        self._arrivals.append((self._offset, self.crew.loop.now))
        if len(self._arrivals) > 1:
            self._tell(self._arrivals.pop(0))

    def _tell(self, arrival: tuple[int, float]) -> None:
        """The player hears of an arrival one later, when the scout is sure to be as far."""
        if self._atlas is not self.crew.atlas:  # another scout, another count
            self._delta = None
            return
        if self._atlas is None or self._delta is None or self._start is None:
            return
        time = self._atlas.time(arrival[0] + self._delta)
        if time is not None:
            self.fares_well()
            self.player.arrived(self._start, time, arrival[1])

    def _read(self, data: bytes) -> None:
        if not data:
            self.failed("ended")
            return
        self.crew.received += len(data)
        self._raw += data
        if not self._body and not self._head():
            return
        self._offset += len(data)
        self._arrivals.append((self._offset, self.crew.loop.now))
        self._seek(len(data))

    def _head(self) -> bool:
        head = parse_head(self._raw)
        if head is None:
            return False
        if head.status != 200:
            self.failed(str(head.status), head.retry_after_s)
            return False
        self._body = True
        self._raw = self._raw[head.size :]
        self._offset = -head.size
        return True

    def _seek(self, new: int) -> None:
        """Find this view's place in what was read, of which the last `new` bytes are new."""
        atlas = self.crew.atlas
        hint = None
        if self._delta is not None and self._atlas is atlas:
            hint = self._offset - len(self._raw) + self._delta
        found = atlas.find(self._raw, hint) if atlas is not None else None
        if found is None:
            keep = SEEK_LIMIT if self._delta is None else new  # the scout may be a read behind
            self._raw = self._raw[-keep:]
            if self._delta is not None:
                self._settle()
            return
        at, offset, time = found
        place = self._offset - len(self._raw) + at
        if atlas is not None and self._atlas is atlas:
            self._moved(atlas, place, offset - place)
        self._delta, self._atlas = offset - place, atlas
        if self._start is None:
            self._start = time
        self._raw = b""
        self._look_at = self.crew.loop.now + LOOK_AGAIN_S
        self._settle()

    def _moved(self, atlas: Atlas, place: int, delta: int) -> None:
        """What the server left out for a viewer that was slow never comes."""
        if self._delta is None or abs(delta - self._delta) <= DRIFT:
            return
        self.crew.fault("skipped")
        before, now = atlas.time(place + self._delta), atlas.time(place + delta)
        if before is not None and now is not None:
            self.player.missed(now - before)

    def _settle(self) -> None:
        while len(self._arrivals) > 1:
            self._tell(self._arrivals.pop(0))


class Scout:
    """Reads every byte of the stream, for all; it is no viewer, and comes back when it is cut."""

    def __init__(self, loop: Loop, crew: Crew, make_scan: type[Scan]) -> None:
        self._loop = loop
        self._crew = crew
        self._make_scan = make_scan
        self._target: Target = crew.target
        self._wire: Wire | None = None
        self._begin()

    def connected(self) -> None:
        """See `wire.Owner`."""
        if self._wire is not None:
            self._wire.send(self._target.request)

    def readable(self) -> None:
        """See `wire.Owner`."""
        try:
            data = self._wire.read() if self._wire is not None else b""
            if not data:
                self.failed("ended")
            elif self._body:
                self._feed(data)
            else:
                self._head(data)
        except BlockingIOError:
            return
        except (OSError, BadResponse, ScanError) as problem:
            self.failed(str(problem))

    def failed(self, _word: str) -> None:
        """Come back soon: without a scout nobody knows the time."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._loop.at(self._loop.now + 1.0, self._begin)

    def _begin(self) -> None:
        self._raw = b""
        self._body = False
        self._scan = self._make_scan()
        self._chunks: Chunks | None = None
        self._atlas = Atlas()
        try:
            self._wire = Wire(self._loop, self._target.address, self, Line(0, 0))
        except OSError:
            self.failed("refused")

    def _head(self, data: bytes) -> None:
        self._raw += data
        head = parse_head(self._raw)
        if head is None:
            return
        if head.status != 200:
            self.failed(str(head.status))
            return
        self._body = True
        self._chunks = Chunks() if head.chunked else None
        self._feed(self._raw[head.size :])

    def _feed(self, data: bytes) -> None:
        if self._chunks is not None:
            data = self._chunks.feed(data)
        for mark in self._scan.feed(data):
            self._atlas.add(mark)
            if mark.signature and self._crew.atlas is not self._atlas:
                self._crew.atlas = self._atlas
