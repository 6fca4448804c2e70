"""What one viewer is being sent: shared bytes, then a stretch of a file.

Law: it holds views of what all viewers share, never bytes of this viewer's own.
"""

import os
import socket

from tidegate.edge.counts import Tally
from tidegate.edge.response import Stretch

_NOBODY = Tally("none")


class Outlet:
    """The sending half of a socket; `tally` counts the bytes that went."""

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

    def put(self, out: bytes, stretch: Stretch | None) -> bool:
        """Send `out`, then `stretch`, all before being sent; True when all went at once.

        Raises `OSError` when the peer is gone.
        """
        self._out = out
        self._stretch = stretch
        return self.flush()

    def flush(self) -> bool:
        """Hand the kernel what it takes; True when that was all. Raises like `put`."""
        try:
            while self._out:
                sent = self._socket.send(self._out, socket.MSG_MORE if self._stretch else 0)
                self.tally.sent += sent
                self._out = b"" if sent == len(self._out) else memoryview(self._out)[sent:]
            while self._stretch is not None:
                self._send_stretch(self._stretch)
        except BlockingIOError:
            return False
        return True

    def drop(self) -> None:
        """Forget the rest."""
        self._out = b""
        self._stretch = None

    def _send_stretch(self, stretch: Stretch) -> None:
        file, offset, size = stretch
        sent = os.sendfile(self._socket.fileno(), file.fd, offset, size)
        if not sent:
            raise OSError("the file is shorter than its index says")
        self.tally.sent += sent
        self._stretch = Stretch(file, offset + sent, size - sent) if sent < size else None
