"""Responses out of bytes, as a load generator needs them: heads are read, bodies mostly counted.

Law: no I/O. A head is bounded; a body is followed by its length, its chunks or its end, and what
of it may be thrown away unseen is known before it is read.
"""

import re
from dataclasses import dataclass

HEAD_LIMIT = 16 * 1024
"""Bytes of a response's head."""
BODY_LIMIT = 4 << 20
"""Bytes of a body that is kept: playlists; a segment of 16 Mbit/s for 2 s."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_FIELDS = re.compile(
    rb"\r\n(?i:(content-length|transfer-encoding|connection|location|retry-after)):[ \t]*([^\r]*)"
)
_CRLF = b"\r\n"
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t;][^\r\n]{0,64})?\r\n")
_CHUNK_LIMIT = 128
"""Bytes of the line of a chunk's size, and of one behind the last chunk."""


class BadResponse(ValueError):
    """The server broke HTTP or a limit."""


@dataclass(frozen=True, slots=True)
class Head:
    """`length` is None for a body that ends with its connection or is `chunked`."""

    status: int
    size: int
    length: int | None
    chunked: bool
    keep_alive: bool
    location: str
    retry_after_s: float


def parse_head(data: bytes) -> Head | None:
    """The head that `data` begins with; None while it is not whole. Raises `BadResponse`."""
    end = data.find(b"\r\n\r\n", 0, HEAD_LIMIT)
    if end < 0:
        if len(data) >= HEAD_LIMIT or not b"HTTP/1.".startswith(data[:7]):
            raise BadResponse("the response has no head")
        return None
    status = _STATUS.match(data)
    if status is None:
        raise BadResponse("the response has no status")
    fields = {name.lower(): value.strip() for name, value in _FIELDS.findall(data[: end + 2])}
    length = fields.get(b"content-length")
    if length is not None and _LENGTH.fullmatch(length) is None:
        raise BadResponse("the response's length is no number")
    chunked = fields.get(b"transfer-encoding", b"").lower() == b"chunked"
    retry = fields.get(b"retry-after", b"")
    code = int(status[1])
    bodiless = code in (204, 304)
    return Head(
        status=code,
        size=end + 4,
        length=0 if bodiless else None if chunked or length is None else int(length),
        chunked=chunked and not bodiless,
        keep_alive=data[:8] == b"HTTP/1.1" and fields.get(b"connection", b"").lower() != b"close",
        location=fields.get(b"location", b"").decode("latin-1"),
        retry_after_s=float(retry) if retry.isdigit() and len(retry) < 6 else 1.0,
    )


class Chunks:
    """A chunked body (RFC 9112 7.1): `feed` gives its bytes until all, trailers too, is `over`."""

    def __init__(self) -> None:
        self.over = False
        self._held = b""
        self._left = 0
        self._line = self._size_line

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; what follows the body is dropped. Raises `BadResponse`."""
        held, out, at = self._held + data, [], 0
        while at < len(held) and not self.over:
            if self._left:
                piece = held[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                out.append(piece)
                continue
            end = held.find(b"\r\n", at, at + _CHUNK_LIMIT) + 2
            if end < 2:
                if len(held) - at >= _CHUNK_LIMIT:
                    raise BadResponse("a line of a chunked body is too long")
                break
            self._line(held[at:end])
            at = end
        self._held = b"" if self.over else held[at:]
        return b"".join(out)

    def _size_line(self, line: bytes) -> None:
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise BadResponse("a chunk has no size")
        self._left = int(found[1], 16)
        self._line = self._end_line if self._left else self._trailer

    def _end_line(self, line: bytes) -> None:
        if line != b"\r\n":
            raise BadResponse("a chunk is longer than its size")
        self._line = self._size_line

    def _trailer(self, line: bytes) -> None:
        self.over = line == b"\r\n"
