"""One listening socket of a worker, and what comes through it.

Law: accepting is the last thing of a turn (see `loop`); a peer without a descriptor is taken with
the spare one, told so and let go, and the loop never spins.
"""

import contextlib
import errno
import os
import select
import socket
from dataclasses import dataclass
from typing import Protocol

from tidegate.edge.certificates import Certificates
from tidegate.edge.loop import Loop
from tidegate.edge.tls import Passage, SecureSocket

ACCEPTS_A_TURN = 128
"""Connections taken in one turn: the viewers already here get theirs, too."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A peer at the door: its socket, which does not block, from where it came, and its TLS."""

    sock: socket.socket
    address: str
    certificates: Certificates | None
    passage: Passage

    def wire(self) -> socket.socket | SecureSocket:
        """What speaks to it."""
        if self.certificates is None:
            return self.sock
        return SecureSocket(self.sock, self.certificates.context, self.passage)


class Host(Protocol):
    """Who takes the peers in."""

    @property
    def draining(self) -> bool:
        """Whether nobody is to be accepted any more."""

    def admit(self, peer: Accepted) -> None:
        """One more."""

    def shed(self) -> bytes:
        """No descriptor is left for one: what to tell it, in clear."""


class Entrance:
    """`certificates` make it one of HTTPS."""

    def __init__(
        self, loop: Loop, listener: socket.socket, certificates: Certificates | None = None
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._certificates = certificates
        self._passage = Passage()
        self._spare = _spare()
        self._host: Host
        # Linux hands this down to every accepted socket: one call here, not one a viewer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setblocking(False)

    def begin(self, host: Host) -> None:
        """Bring peers to `host` from now on."""
        self._host = host
        self._loop.add(self._listener.fileno(), self, select.EPOLLIN)

    def ready(self, _events: int) -> None:
        """Someone waits at the door."""
        self._loop.defer(self._accept)

    def close(self) -> None:
        """Bring nobody more; more than once is no error."""
        if self._listener.fileno() >= 0:
            self._loop.remove(self._listener.fileno())
            self._listener.close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _accept(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            if self._host.draining:
                return
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as problem:
                if problem.errno in _EXHAUSTED:
                    self._shed()
                # else: that one peer gave up before it was accepted (accept(2)); go on.
                continue
            sock.setblocking(False)
            self._host.admit(Accepted(sock, address[0], self._certificates, self._passage))

    def _shed(self) -> None:
        """Give the spare descriptor up to take the next peer and let it go."""
        if self._spare >= 0:
            os.close(self._spare)
        word = self._host.shed()
        with contextlib.suppress(OSError):
            sock, _address = self._listener.accept()
            with sock, contextlib.suppress(OSError):
                sock.setblocking(False)
                if self._certificates is None:
                    sock.send(word)
        self._spare = _spare()


def _spare() -> int:
    """A descriptor to give up when none is left; -1 when none is left already."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
