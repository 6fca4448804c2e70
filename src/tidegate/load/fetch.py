"""One HTTP/1.1 connection of an HLS player: a request at a time, kept open in between.

Law: whoever asked hears once, of the response or of the fault; what is only counted stays in the
kernel.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.load.crew import Crew
from tidegate.load.http import BODY_LIMIT, BadResponse, Chunks, Head, parse_head
from tidegate.load.target import Target
from tidegate.load.wire import Wire


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` is empty where it was only counted; `seconds` from the request to its last byte."""

    target: Target
    status: int
    body: bytes
    size: int
    seconds: float
    location: str
    retry_after_s: float


class Fetch:
    """`heard` is called with every sign of life, `failed` with the word of a fault."""

    __slots__ = (
        "_asked_at",
        "_body",
        "_chunks",
        "_crew",
        "_done",
        "_failed",
        "_head",
        "_heard",
        "_keep",
        "_left",
        "_raw",
        "_size",
        "_span",
        "_target",
        "_wire",
        "rate",
    )

    def __init__(
        self, crew: Crew, rate: float, heard: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self._crew = crew
        self.rate = rate
        self._heard = heard
        self._failed = failed
        self._wire: Wire | None = None
        self._target: Target | None = None
        self._forget()

    def get(
        self, target: Target, done: Callable[[Fetched], None], *, keep: bool, span: str = ""
    ) -> None:
        """Ask for `target`; `keep` its body, or only count it. `span` is a byte range, "n@o"."""
        same = self._target is not None and self._target.address == target.address
        self._target, self._done, self._keep, self._span = target, done, keep, span
        self._asked_at = self._crew.loop.now
        if self._wire is not None and same:
            self._ask()
            return
        self.close()
        try:
            self._wire = Wire(self._crew.loop, target.address, self, self.rate)
        except OSError:
            self._failed("refused")

    def close(self) -> None:
        """Let go."""
        self._forget()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def connected(self) -> None:
        """See `wire.Owner`."""
        self._ask()

    def failed(self, word: str) -> None:
        """See `wire.Owner`."""
        self.close()
        self._failed(word)

    def readable(self) -> None:
        """See `wire.Owner`."""
        try:
            self._take()
        except BlockingIOError:
            return
        except (OSError, BadResponse) as problem:
            self.failed("reset" if isinstance(problem, OSError) else "http")

    def _forget(self) -> None:
        self._head: Head | None = None
        self._raw = b""
        self._body: list[bytes] = []
        self._left: int | None = None
        self._chunks: Chunks | None = None
        self._size = 0

    def _ask(self) -> None:
        target, wire = self._target, self._wire
        if target is None or wire is None:
            return
        request = target.request
        if self._span:
            size, _, offset = self._span.partition("@")
            first = int(offset or 0)
            request = request[:-2] + b"Range: bytes=%d-%d\r\n\r\n" % (first, first + int(size) - 1)
        try:
            wire.send(request)
        except OSError:
            self.failed("reset")

    def _take(self) -> None:
        wire = self._wire
        if wire is None:
            return
        self._heard()
        if self._head is not None and not self._keep and self._left:
            size = wire.skip(self._left)
            self._crew.received += size
            self._went(size, b"")
            return
        data = wire.read()
        self._crew.received += len(data)
        if self._head is None:
            if not data:
                raise OSError("closed before a response")
            self._raw += data
            self._head = parse_head(self._raw)
            if self._head is None:
                return
            data = self._raw[self._head.size :]
            self._left = self._head.length
            self._chunks = Chunks() if self._head.chunked else None
            if not data and self._left != 0:
                return
        elif not data and self._left is None and self._chunks is None:
            self._over(ended=True)
            return
        self._went(len(data), data)

    def _went(self, size: int, data: bytes) -> None:
        """`size` bytes of the body came; `data` where they were read."""
        if not size and self._left != 0:
            raise OSError("closed amid a response")
        if self._chunks is not None:
            data = self._chunks.feed(data)
        self._size += size
        if self._keep:
            if self._size > BODY_LIMIT:
                raise BadResponse("the body is too long")
            self._body.append(data)
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise BadResponse("more than the response's length")
        if self._left == 0 or (self._chunks is not None and self._chunks.over):
            self._over(ended=False)

    def _over(self, *, ended: bool) -> None:
        head, target, done = self._head, self._target, self._done
        if head is None or target is None:
            return
        fetched = Fetched(
            target,
            head.status,
            b"".join(self._body),
            self._size,
            self._crew.loop.now - self._asked_at,
            head.location,
            head.retry_after_s,
        )
        if ended or not head.keep_alive:
            self.close()
        else:
            self._forget()
        done(fetched)
