"""What one viewer is being sent: shared bytes, then a stretch of a file.

Law: it holds views of what all viewers share, never bytes of this viewer's own.
"""

import os
import socket
from typing import Generic, TypeVar

from tidegate.edge.counts import Tally
from tidegate.edge.response import Stretch
from tidegate.edge.tls import SecureSocket

_NOBODY = Tally("none", 0)
_Wire = TypeVar("_Wire", bound="socket.socket | SecureSocket")


class _Outlet(Generic[_Wire]):
    """The sending half of a connection; `tally` counts the bytes that went."""

    __slots__ = ("_out", "_socket", "_stretch", "tally")

    def __init__(self, sock: _Wire) -> None:
        self._socket = sock
        self._out: bytes | memoryview = b""
        self._stretch: Stretch | None = None
        self.tally = _NOBODY

    @property
    def pending(self) -> bool:
        """Whether the kernel has yet to take some of it."""
        return bool(self._out) or self._stretch is not None

    def put(self, out: bytes | memoryview, stretch: Stretch | None) -> bool:
        """Send `out`, then `stretch`, all before being sent; True when all went at once.

        Raises `OSError` when the peer is gone.
        """
        if stretch is not None:
            self._out = out
            self._stretch = stretch
            return self.flush()
        try:
            sent = self._socket.send(out)
        except BlockingIOError:
            sent = 0
        return self._went(out, sent)

    def flush(self) -> bool:
        """Hand the kernel what it takes; True when that was all. Raises like `put`."""
        raise NotImplementedError

    def drop(self) -> None:
        """Forget the rest."""
        self._out = b""
        self._stretch = None

    def _went(self, out: bytes | memoryview, sent: int) -> bool:
        self.tally.sent += sent
        if sent == len(out):
            self._out = b""
            return True
        self._out = memoryview(out)[sent:]
        return False


class Outlet(_Outlet[socket.socket]):
    """In clear.

    With sendfile the kernel refers to the page cache's pages and copies nothing: with many viewers
    that is a third of the cost of a send at 300 kB.
    """

    __slots__ = ()

    def flush(self) -> bool:
        """See `_Outlet`."""
        try:
            out = self._out
            if out and not self._went(out, self._send(out)):
                return False
            while self._stretch is not None:
                self._send_stretch(self._stretch)
        except BlockingIOError:
            return False
        return True

    def _send(self, out: bytes | memoryview) -> int:
        if self._stretch is None:
            return self._socket.send(out)
        return self._socket.send(out, socket.MSG_MORE)

    def _send_stretch(self, stretch: Stretch) -> None:
        file, offset, size = stretch
        sent = os.sendfile(self._socket.fileno(), file.fd, offset, size)
        if not sent:
            raise OSError("the file is shorter than its index says")
        self.tally.sent += sent
        self._stretch = Stretch(file, offset + sent, size - sent) if sent < size else None


class SecureOutlet(_Outlet[SecureSocket]):
    """Over TLS, which reads the page cache where it lies and encrypts from there."""

    __slots__ = ()

    def flush(self) -> bool:
        """See `_Outlet`."""
        out, stretch = self._out, self._stretch
        try:
            if stretch is None:
                return not out or self._went(out, self._socket.send(out))
            view = stretch.view()
            sent = self._socket.sendmsg((out, view)) if out else self._socket.send(view)
        except BlockingIOError:
            return False
        if sent < len(out):
            return self._went(out, sent)
        self.tally.sent += sent
        done = sent - len(out)
        self._out = b""
        self._stretch = stretch.part(done, stretch.size - done) if done < stretch.size else None
        return self._stretch is None
