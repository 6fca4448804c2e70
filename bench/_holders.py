"""Viewers who do as little as they can: they are there, and take what comes.

    python -m bench._holders KIND PORT MANY PATH SOURCE

KIND is `idle` (one answer, then nothing), `parked` (a blocking reload, and the next after each) or
`stream` (a body without an end), with `-tls` behind it for TLS. SOURCE is the address that they
come from. Says "ready" when all are there; ends when it is killed, by resets, so that no port waits
for the next holder.
"""

import re
import select
import socket
import ssl
import struct
import sys
from contextlib import suppress

from tidegate.load.engine import raise_file_limit

LOOK = 16
"""Viewers connected between two looks at what came for the others."""
AHEAD = 1
"""Segments after the one that is being written, for which a blocking reload waits."""
PATIENCE_S = 20.0
BIND_ADDRESS_NO_PORT = 24
"""ip(7): the port is chosen by `connect`, which may take one that others use for other peers."""
_TRASH = bytearray(256 * 1024)
_MORE = (BlockingIOError, ssl.SSLWantReadError)


def main() -> None:
    """Never returns."""
    kind, port, many, path, source = sys.argv[1:]
    holder = Holder(kind.removesuffix("-tls"), kind.endswith("-tls"), path)
    raise_file_limit(int(many))
    for number in range(int(many)):
        holder.enter(int(port), source)
        if number % LOOK == 0:
            holder.look(0)
    print("ready", flush=True)
    while True:
        holder.look(1)


class Holder:
    """All viewers of a process."""

    def __init__(self, kind: str, secure: bool, path: str) -> None:
        self._kind = kind
        self._path = path
        self._epoll = select.epoll()
        self._held: dict[int, socket.socket] = {}
        self._came: dict[int, bytes] = {}
        self._next = 0
        self._context = ssl.create_default_context() if secure else None
        if self._context is not None:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def enter(self, port: int, source: str) -> None:
        """One more viewer, whose first answer is here."""
        sock = socket.socket()
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_hostname="localhost")
        self._held[sock.fileno()] = sock
        self._ask(sock, self._path)
        if self._kind != "stream":
            self._answered(sock)
        if self._kind == "parked":
            self._ask(sock, self._blocking())
        sock.setblocking(False)
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def look(self, seconds: float) -> None:
        """Take what came for anyone."""
        for fd, _ in self._epoll.poll(seconds):
            sock = self._held[fd]
            with suppress(*_MORE):
                if not self._take(sock):
                    raise ConnectionError("a viewer was cut")

    def _take(self, sock: socket.socket) -> int:
        if self._kind != "parked":
            flags = 0 if self._context is not None else socket.MSG_TRUNC
            return sock.recv_into(_TRASH, len(_TRASH), flags)
        more = sock.recv(256 * 1024)
        data = self._came.pop(sock.fileno(), b"") + more
        if self._whole(data):
            self._ask(sock, self._blocking())
        else:
            self._came[sock.fileno()] = data
        return len(more)

    def _answered(self, sock: socket.socket) -> None:
        data = b""
        while not self._whole(data):
            more = sock.recv(256 * 1024)
            if not more:
                raise ConnectionError(f"cut while it was answered: {data[:200]!r}")
            data += more

    def _whole(self, data: bytes) -> bool:
        """Whether this is a whole answer; a playlist's tells which segment is being written."""
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        if not end or length is None or len(body) < int(length[1]):
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"refused: {data[:200]!r}")
        first = re.search(rb"#EXT-X-MEDIA-SEQUENCE:(\d+)", body)
        if first is not None:
            self._next = max(self._next, int(first[1]) + body.count(b"#EXTINF"))
        return True

    def _blocking(self) -> str:
        return f"{self._path}?_HLS_msn={self._next + AHEAD}"

    @staticmethod
    def _ask(sock: socket.socket, path: str) -> None:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


if __name__ == "__main__":
    main()
