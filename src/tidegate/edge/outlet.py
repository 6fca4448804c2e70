"""What one viewer is being sent: shared bytes, then a stretch of a file.

Law: it holds views of what all viewers share, never bytes of this viewer's own.
"""

import os
import socket

from tidegate.edge.counts import Tally
from tidegate.edge.response import Stretch
from tidegate.edge.tls import SecureSocket

_NOBODY = Tally("none", 0)


class Outlet:
    """The sending half of a socket; `tally` counts the bytes that went.

    With sendfile the kernel refers to the page cache's pages and copies nothing: with many viewers
    that is a third of the cost of a send at 300 kB.
    """

    __slots__ = ("_out", "_socket", "_stretch", "tally")

    def __init__(self, sock: socket.socket) -> None:
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
        self._out = out
        self._stretch = stretch
        return self.flush()

    def flush(self) -> bool:
        """Hand the kernel what it takes; True when that was all. Raises like `put`."""
        try:
            out = self._out
            if out and not self._went(self._send(out), len(out)):
                return False
            while self._stretch is not None:
                self._send_stretch(self._stretch)
        except BlockingIOError:
            return False
        return True

    def drop(self) -> None:
        """Forget the rest."""
        self._out = b""
        self._stretch = None

    def _send(self, out: bytes | memoryview) -> int:
        if self._stretch is None:
            return self._socket.send(out)
        return self._socket.send(out, socket.MSG_MORE)

    def _went(self, sent: int, size: int) -> bool:
        self.tally.sent += sent
        self._out = b"" if sent == size else memoryview(self._out)[sent:]
        return sent == size

    def _send_stretch(self, stretch: Stretch) -> None:
        file, offset, size = stretch
        sent = os.sendfile(self._socket.fileno(), file.fd, offset, size)
        if not sent:
            raise OSError("the file is shorter than its index says")
        self.tally.sent += sent
        self._stretch = Stretch(file, offset + sent, size - sent) if sent < size else None


class SecureOutlet(Outlet):
    """The same over TLS, which reads the page cache where it lies and encrypts from there."""

    __slots__ = ("_secure",)

    def __init__(self, sock: SecureSocket) -> None:
        self._secure = sock
        self._out = b""
        self._stretch = None
        self.tally = _NOBODY

    def flush(self) -> bool:
        """See `Outlet`."""
        out, stretch = self._out, self._stretch
        try:
            if stretch is None:
                return not out or self._went(self._secure.send(out), len(out))
            view = stretch.view()
            sent = self._secure.sendmsg((out, view)) if out else self._secure.send(view)
        except BlockingIOError:
            return False
        if sent < len(out):
            return self._went(sent, len(out))
        self.tally.sent += sent
        done = sent - len(out)
        self._out = b""
        self._stretch = stretch.part(done, stretch.size - done) if done < stretch.size else None
        return self._stretch is None
