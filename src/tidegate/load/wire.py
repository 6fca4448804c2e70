"""A viewer's socket: connects without waiting, and reads no faster than its line carries.

Law: what is only counted never leaves the kernel (MSG_TRUNC of tcp(7)); a slow line is slow because
the socket is left unread, so the server sees a closed window, as it would with a slow viewer.
"""

import errno
import select
import socket
from typing import Protocol

from tidegate.edge.loop import Loop

AT_ONCE = 1 << 20
"""Bytes taken by one call at most."""
_TRASH = bytearray(AT_ONCE)
"""Where the kernel would write what it throws away; it never does."""
_READ = memoryview(bytearray(AT_ONCE))
"""Where the kernel writes what is wanted: a `bytes` for so much would be mapped and unmapped."""
BURST_S = 0.25
"""Seconds of its rate that a line may carry at once."""
LEAST_BUFFER = 16 * 1024
_CONNECTING = (0, errno.EINPROGRESS)
NEIGHBOURS = 2048
"""Connections of a process that share a source address of loopback. One address has some 14,000
ports that the kernel gives out first, and the nearer they are to used up the longer it looks for a
free one: milliseconds a connection in the end."""
_BIND_ADDRESS_NO_PORT = 24
"""ip(7): the port is chosen when the peer is known, so that it need be free towards that alone."""


class Owner(Protocol):
    """Whose socket it is."""

    def connected(self) -> None:
        """The peer accepted."""

    def readable(self) -> None:
        """There is something, or the end."""

    def failed(self, word: str) -> None:
        """The connection is no more; `word` counts why."""


class Line:
    """What a viewer's connections share: `rate` bytes a second (0: no limit)."""

    __slots__ = ("_budget", "_refilled", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._budget = rate * BURST_S
        self._refilled = now

    def spend(self, size: int, now: float) -> float:
        """Seconds until the line is free again after `size` bytes."""
        full = self.rate * BURST_S
        self._budget = min(full, self._budget + (now - self._refilled) * self.rate) - size
        self._refilled = now
        return -min(0.0, self._budget) / self.rate


class Wire:
    """One TCP connection to `address`, over `line`.

    With `greedy` the owner takes all there is whenever it is told (half the work for the kernel).
    """

    __slots__ = (
        "_connected",
        "_events",
        "_line",
        "_loop",
        "_owner",
        "fd",
        "sock",
    )

    def __init__(
        self,
        loop: Loop,
        address: tuple[str, int],
        owner: Owner,
        line: Line,
        *,
        greedy: bool = False,
    ) -> None:
        self._loop = loop
        self._events = select.EPOLLIN | (select.EPOLLET if greedy and not line.rate else 0)
        self._owner = owner
        self._line = line
        self._connected = False
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.fd = self.sock.fileno()
        if line.rate:
            size = max(LEAST_BUFFER, int(line.rate * BURST_S / 2))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        if address[0] == "127.0.0.1":
            self.sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            self.sock.bind((f"127.0.1.{1 + self.fd // NEIGHBOURS % 250}", 0))
        if self.sock.connect_ex(address) not in _CONNECTING:
            self.sock.close()
            raise OSError("cannot connect")
        loop.add(self.fd, self, select.EPOLLOUT)

    def ready(self, _events: int) -> None:
        """epoll's word."""
        if self._connected:
            self._owner.readable()
        elif self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._owner.failed("refused")
        else:
            self._connected = True
            self._loop.remove(self.fd)
            self._loop.add(self.fd, self, self._events)
            self._owner.connected()

    def send(self, request: bytes) -> None:
        """A request, which always fits. Raises `OSError`."""
        self.sock.send(request)

    def read(self, most: int = AT_ONCE) -> bytes:
        """What is there; empty at the end. Raises `OSError`."""
        size = self.sock.recv_into(_READ, min(most, AT_ONCE))
        if self._line.rate:
            self._spend(size)
        return bytes(_READ[:size])

    def skip(self, most: int = AT_ONCE) -> int:
        """Throw away what is there, unseen; 0 at the end. Raises `OSError`."""
        size = self.sock.recv_into(_TRASH, min(most, AT_ONCE), socket.MSG_TRUNC)
        if self._line.rate:
            self._spend(size)
        return size

    def close(self) -> None:
        """Leave; more than once is no error."""
        if self.sock.fileno() >= 0:
            self._loop.forget(self.fd)
            self.sock.close()

    def _spend(self, size: int) -> None:
        now = self._loop.now
        wait = self._line.spend(size, now)
        if wait:
            self._loop.remove(self.fd)
            self._loop.at(now + wait, self._resume)

    def _resume(self) -> None:
        if self.sock.fileno() >= 0:
            self._loop.add(self.fd, self, self._events)
