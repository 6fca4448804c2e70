"""Responses: one head, made once for all who ask the same, and where the body's bytes lie.

Law: an `Answer` is made once and shared; only a range, a condition or a HEAD makes another of it.
"""

import gzip
import re
from http import HTTPStatus
from typing import NamedTuple, Protocol

from tidegate.edge.counts import Counts, Tally
from tidegate.edge.request import Request
from tidegate.log import SegmentFile

CORS = (
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Content-Length, Content-Range, ETag\r\n"
    b"Timing-Allow-Origin: *\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
)
"""Anyone's page may play a public stream, and measure how it arrived."""

SMALL = 64 * 1024
"""Bytes up to which a body is read once and kept behind its head: one buffer, one send."""
LEVEL = 6
"""Of gzip: of a playlist a fifth is left, and a higher one leaves no less."""
VARY = b"Vary: Accept-Encoding\r\n"
"""Of what `packs`: a cache keeps both (RFC 9110 12.5.5)."""
NO_STORE = b"Cache-Control: no-store\r\n"
CLOSE = b"Connection: close\r\n"
RETRY = b"Retry-After: 1\r\n"
PREFLIGHT = (
    b"Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
    b"Access-Control-Allow-Headers: *\r\n"
    b"Access-Control-Max-Age: 86400\r\n"
)
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
_RANGE = re.compile(rb"bytes=([0-9]{0,19})-([0-9]{0,19})")
_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Stretch(NamedTuple):
    """Bytes of a file: they go from the page cache to the socket and never through here."""

    file: SegmentFile
    offset: int
    size: int

    def part(self, first: int, size: int) -> "Stretch":
        """`size` of them from byte `first` on."""
        return Stretch(self.file, self.offset + first, size)

    def view(self) -> memoryview:
        """Where they lie in the page cache. Raises `OSError` like `SegmentFile.view`."""
        return self.file.view(self.offset, self.size)


class Source(Protocol):
    """What an answer was made from; `stale` once that may have changed."""

    stale: bool


class _Nowhere:
    stale = True


NOWHERE = _Nowhere()
"""The source of what is made anew for every request."""


class Answer:
    """One response. `wire` is its head, with the body behind it unless that is a `stretch`.

    `fields` are header lines besides Content-Length and ETag; `etag` is quoted and strong, and
    makes the answer fit for ranges and conditions. Until its `source` is stale the same target gets
    it again; with `leads`, who gets it counts as a viewer of the source. With `packs`, who takes
    gzip gets `packed` of it.
    """

    __slots__ = (
        "_packed",
        "body",
        "etag",
        "fields",
        "head_size",
        "leads",
        "packs",
        "source",
        "status",
        "stretch",
        "tally",
        "wire",
    )

    def __init__(
        self, tally: Tally, status: int, fields: bytes, body: bytes | Stretch, etag: bytes = b""
    ) -> None:
        self.tally = tally
        self.status = status
        self.fields = fields
        self.body = body
        self.etag = etag
        self.source: Source = NOWHERE
        self.leads = self.packs = False
        self._packed: Answer | None = None
        size = len(body) if isinstance(body, bytes) else body.size
        head = _head(status, fields, size, etag)
        self.head_size = len(head)
        self.wire = head + body if isinstance(body, bytes) else head
        self.stretch = None if isinstance(body, bytes) else body

    @property
    def packed(self) -> "Answer":
        """The same, its body by gzip (RFC 9110 8.4.1.3): made for the first who takes it so."""
        if self._packed is None and isinstance(self.body, bytes):
            fields = self.fields + b"Content-Encoding: gzip\r\n"
            body = gzip.compress(self.body, LEVEL, mtime=0)
            etag = self.etag and self.etag[:-1] + b'-gz"'  # other bytes (RFC 9110 8.8.3.3)
            self._packed = Answer(self.tally, self.status, fields, body, etag)
        return self._packed or self

    def last(self) -> bytes:
        """`wire` as the last response of its connection says it."""
        end = self.head_size - 2
        return self.wire[:end] + CLOSE + b"\r\n" + self.wire[self.head_size :]


class StreamHead(Answer):
    """The head of a body without an end: no length, so the connection's end is the body's."""

    __slots__ = ()

    def __init__(self, tally: Tally, fields: bytes) -> None:
        super().__init__(tally, 200, fields, b"")
        self.wire = _LINES[200] + fields + b"\r\n"
        self.head_size = len(self.wire)


class UpgradeHead(Answer):
    """The head after which the connection speaks another protocol (RFC 9110 15.2.2)."""

    __slots__ = ()

    def __init__(self, tally: Tally, fields: bytes) -> None:
        super().__init__(tally, 101, b"", b"")
        self.wire = _LINES[101] + fields + b"\r\n"
        self.head_size = len(self.wire)

    def last(self) -> bytes:
        """`wire`: what follows is no HTTP."""
        return self.wire


def error(tally: Tally, status: int, text: str, fields: bytes = NO_STORE) -> Answer:
    """An answer that says in words what is wrong."""
    return Answer(tally, status, _TEXT + fields + CORS, text.encode() + b"\n")


def fit(answer: Answer, request: Request, counts: Counts) -> Answer:
    """What of `answer` this `request` wants: RFC 9110 13.2.2 gives the order."""
    if answer.status == 200 and answer.etag:
        if request.if_none_match and _matches(request.if_none_match, answer.etag):
            return _bodiless(answer, 304, counts)
        if request.range and request.method == b"GET" and _holds(request.if_range, answer.etag):
            answer = _ranged(answer, request.range, counts)
    return _headed(answer) if request.method == b"HEAD" else answer


def _head(status: int, fields: bytes, size: int, etag: bytes) -> bytes:
    if etag:
        fields += b"ETag: %b\r\nAccept-Ranges: bytes\r\n" % etag
    if status not in (204, 304):
        fields += b"Content-Length: %d\r\n" % size
    return _LINES[status] + fields + b"\r\n"


def _matches(condition: bytes, etag: bytes) -> bool:
    """RFC 9110 13.1.2: weak comparison against a list, or the star."""
    given = [item.strip().removeprefix(b"W/") for item in condition.split(b",")]
    return etag in given or given == [b"*"]


def _holds(condition: bytes, etag: bytes) -> bool:
    """RFC 9110 13.1.5: only the very same strong validator lets a range through."""
    return not condition or condition == etag


def _bodiless(answer: Answer, status: int, counts: Counts) -> Answer:
    tally = counts.sibling(answer.tally, status)
    return Answer(tally, status, answer.fields, b"", answer.etag)


def _headed(answer: Answer) -> Answer:
    """The same head, and no body (RFC 9110 9.3.2)."""
    headed = Answer(answer.tally, answer.status, answer.fields, answer.body, answer.etag)
    headed.head_size = answer.head_size
    headed.wire = answer.wire[: answer.head_size]
    headed.stretch = None
    return headed


def _ranged(answer: Answer, value: bytes, counts: Counts) -> Answer:
    """One range of the body; several at once or nonsense get it whole (RFC 9110 14.2)."""
    found = _RANGE.fullmatch(value)
    if found is None or value == b"bytes=-":
        return answer
    body = answer.body
    size = len(body) if isinstance(body, bytes) else body.size
    first, last = _bounds(found[1], found[2], size)
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return answer
    if first > last:
        return _unsatisfied(answer, size, counts)
    fields = answer.fields + b"Content-Range: bytes %d-%d/%d\r\n" % (first, last, size)
    length = last + 1 - first
    piece = body[first:][:length] if isinstance(body, bytes) else body.part(first, length)
    return Answer(counts.sibling(answer.tally, 206), 206, fields, piece, answer.etag)


def _bounds(first: bytes, last: bytes, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _unsatisfied(answer: Answer, size: int, counts: Counts) -> Answer:
    fields = b"Content-Range: bytes */%d\r\n" % size + NO_STORE + CORS
    return Answer(counts.sibling(answer.tally, 416), 416, fields, b"")
