"""What one viewer is being sent: shared bytes, then a view of what lies in the page cache.

Law: it holds views of what all viewers share, never bytes of this viewer's own.
"""

from typing import Protocol

from tidegate.edge.counts import Tally

_NOBODY = Tally("none", 0)


class Wire(Protocol):
    """A socket that does not block, plain or TLS; `BlockingIOError` where it would."""

    def send(self, data: bytes | memoryview, /) -> int:
        """Take what fits; less than all of it when the peer is to be waited for."""

    def sendmsg(self, data: tuple[bytes | memoryview, memoryview], /) -> int:
        """The same for two pieces, end to end, in one call."""


class Outlet:
    """The sending half of a socket; `tally` counts the bytes that went."""

    __slots__ = ("_body", "_out", "_wire", "tally")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._out: bytes | memoryview = b""
        self._body: memoryview | None = None
        self.tally = _NOBODY

    @property
    def pending(self) -> bool:
        """Whether the kernel has yet to take some of it."""
        return bool(self._out) or self._body is not None

    def put(self, out: bytes | memoryview, body: memoryview | None) -> bool:
        """Send `out`, then `body`, all before being sent; True when all went at once.

        Raises `OSError` when the peer is gone.
        """
        self._out = out
        self._body = body
        return self.flush()

    def flush(self) -> bool:
        """Hand the kernel what it takes; True when that was all. Raises like `put`."""
        out, body = self._out, self._body
        try:
            if body is None:
                sent = self._wire.send(out) if out else 0
            elif out:
                sent = self._wire.sendmsg((out, body))
            else:
                sent = self._wire.send(body)
        except BlockingIOError:
            return False
        self.tally.sent += sent
        return self._went(sent)

    def drop(self) -> None:
        """Forget the rest."""
        self._out = b""
        self._body = None

    def _went(self, sent: int) -> bool:
        out, body = self._out, self._body
        if sent < len(out):
            self._out = memoryview(out)[sent:]
            return False
        self._out = b""
        if body is None:
            return True
        self._body = body[sent - len(out) :] if sent < len(out) + len(body) else None
        return self._body is None
