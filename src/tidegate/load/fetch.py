"""HTTP/1.1 connections of an HLS player: a request at a time each, kept open in between.

Law: whoever asked hears once, of the response or of the fault; what is only counted stays in the
kernel. A server may close a connection that is kept open at any time: that is no fault, and a
request that crossed it is asked again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.load.crew import Crew
from tidegate.load.http import BODY_LIMIT, BadResponse, Chunks, Head, parse_head
from tidegate.load.target import Target
from tidegate.load.wire import Line, Wire


@dataclass(frozen=True, slots=True)
class Request:
    """`keep` the body, or only count it; `span` is a byte range, "SIZE@OFFSET"; with `gzip` the
    body may come so."""

    target: Target
    keep: bool
    span: str = ""
    gzip: bool = False

    @property
    def data(self) -> bytes:
        """As it is sent."""
        if self.gzip:
            return self.target.request[:-2] + b"Accept-Encoding: gzip\r\n\r\n"
        if not self.span:
            return self.target.request
        size, _, offset = self.span.partition("@")
        first = int(offset or 0)
        last = first + int(size) - 1
        return self.target.request[:-2] + b"Range: bytes=%d-%d\r\n\r\n" % (first, last)


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` is empty where it was only counted; `seconds` from the request to its last byte.

    `first_s` of them passed until the first.
    """

    target: Target
    status: int
    body: bytes
    size: int
    seconds: float
    first_s: float
    location: str
    retry_after_s: float


Done = Callable[[Fetched], None]


class Fetch:
    """One connection; `heard` is called with every sign of life, `failed` with a fault's word."""

    __slots__ = (
        "_asked_at",
        "_body",
        "_chunks",
        "_crew",
        "_done",
        "_failed",
        "_first_at",
        "_fresh",
        "_head",
        "_heard",
        "_left",
        "_line",
        "_raw",
        "_request",
        "_wire",
        "address",
        "size",
    )

    def __init__(
        self, crew: Crew, line: Line, heard: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self._crew = crew
        self._line = line
        self._heard = heard
        self._failed = failed
        self._wire: Wire | None = None
        self._request: Request | None = None
        self._done: Done | None = None
        self._fresh = True
        self.address: tuple[str, int] | None = None
        self._forget()

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return self._request is not None

    @property
    def for_s(self) -> float:
        """Seconds since it was asked."""
        return self._crew.loop.now - self._asked_at

    @property
    def first_s(self) -> float | None:
        """Seconds from the request to the first byte, when that is there."""
        return None if self._first_at is None else self._first_at - self._asked_at

    def get(self, request: Request, done: Done) -> None:
        """Ask."""
        self._request, self._done = request, done
        self._asked_at = self._crew.loop.now
        if self._wire is not None and self.address == request.target.address:
            self._ask()
        else:
            self._connect(request)

    def close(self) -> None:
        """Let go; who waits for an answer gets none."""
        self._forget()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def connected(self) -> None:
        """See `wire.Owner`."""
        self._ask()

    def failed(self, word: str) -> None:
        """See `wire.Owner`."""
        request, done, asked_at = self._request, self._done, self._asked_at
        stale = not self._fresh and self._first_at is None
        self.close()
        if request is None or done is None:
            return
        if stale:
            self.get(request, done)
            self._asked_at = asked_at
        else:
            self._failed(word)

    def readable(self) -> None:
        """See `wire.Owner`."""
        try:
            self._take()
        except BlockingIOError:
            return
        except (OSError, BadResponse) as problem:
            self.failed("reset" if isinstance(problem, OSError) else "http")

    def _connect(self, request: Request) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._fresh = True
        self.address = request.target.address
        try:
            self._wire = Wire(self._crew.loop, self.address, self, self._line)
        except OSError:
            self.failed("refused")

    def _forget(self) -> None:
        self._request = None
        self._first_at: float | None = None
        self._head: Head | None = None
        self._raw = b""
        self._body: list[bytes] = []
        self._left: int | None = None
        self._chunks: Chunks | None = None
        self.size = 0
        """Bytes of the body that are there."""

    def _ask(self) -> None:
        if self._request is not None and self._wire is not None:
            try:
                self._wire.send(self._request.data)
            except OSError:
                self.failed("reset")

    def _take(self) -> None:
        wire, request = self._wire, self._request
        if wire is None:
            return
        if request is None:
            self.close()
            return
        self._heard()
        if self._head is not None and not request.keep and self._left:
            size = wire.skip(self._left)
            self._crew.received += size
            self._went(size, b"")
            return
        data = wire.read()
        self._crew.received += len(data)
        if data and self._first_at is None:
            self._first_at = self._crew.loop.now
        if self._head is None:
            data = self._begin(data)
            if self._head is None or (not data and self._left != 0):
                return
        elif not data and self._left is None and self._chunks is None:
            self._over(self._head, ended=True)
            return
        self._went(len(data), data)

    def _begin(self, data: bytes) -> bytes:
        """Read the head; what follows it is handed back."""
        if not data:
            raise OSError("closed before a response")
        self._raw += data
        self._head = parse_head(self._raw)
        if self._head is None:
            return b""
        self._left = self._head.length
        self._chunks = Chunks() if self._head.chunked else None
        return self._raw[self._head.size :]

    def _went(self, size: int, data: bytes) -> None:
        """`size` bytes of the body came; `data` where they were read."""
        if not size and self._left != 0:
            raise OSError("closed amid a response")
        if self._chunks is not None:
            data = self._chunks.feed(data)
        self.size += size
        if self._request is not None and self._request.keep:
            if self.size > BODY_LIMIT:
                raise BadResponse("the body is too long")
            self._body.append(data)
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise BadResponse("more than the response's length")
        if self._head is not None and (
            self._left == 0 or (self._chunks is not None and self._chunks.over)
        ):
            self._over(self._head, ended=False)

    def _over(self, head: Head, *, ended: bool) -> None:
        request, done = self._request, self._done
        if request is None or done is None:
            return
        fetched = Fetched(
            request.target,
            head.status,
            b"".join(self._body),
            self.size,
            self.for_s,
            self.first_s or 0.0,
            head.location,
            head.retry_after_s,
        )
        if ended or not head.keep_alive:
            self.close()
        else:
            self._forget()
            self._fresh = False
        done(fetched)


class Pool:
    """A viewer's connections, as a browser keeps them: one that is free, or else another."""

    __slots__ = ("_crew", "_failed", "_fetches", "_heard", "_line")

    def __init__(
        self, crew: Crew, rate: float, heard: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self._crew = crew
        self._line = Line(rate, crew.loop.now)
        self._heard = heard
        self._failed = failed
        self._fetches: list[Fetch] = []

    def free(self, address: tuple[str, int]) -> Fetch:
        """A connection to there that may be asked."""
        for fetch in self._fetches:
            if not fetch.busy and fetch.address == address:
                return fetch
        fetch = Fetch(self._crew, self._line, self._heard, self._failed)
        self._fetches.append(fetch)
        return fetch

    @property
    def busy(self) -> bool:
        """Whether any answer is due."""
        return any(fetch.busy for fetch in self._fetches)

    def close(self) -> None:
        """Let go of all."""
        for fetch in self._fetches:
            fetch.close()
        self._fetches = []
