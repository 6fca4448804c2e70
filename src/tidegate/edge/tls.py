"""A TLS socket that speaks like a plain one: `BlockingIOError` where it has to wait.

Law: what was refused is offered again byte for byte, so OpenSSL's half-written record stays true.
"""

import contextlib
import socket
import ssl

RECORD = 16 * 1024
"""Bytes of a full TLS record (RFC 8446 5.1): the most that one write makes."""

_WAIT = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class SecureSocket:
    """The server's side of one connection. Raises `OSError` when the peer is gone or breaks TLS."""

    __slots__ = ("_ended", "_socket")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._ended = False

    def fileno(self) -> int:
        """For epoll."""
        return self._socket.fileno()

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is complete."""
        try:
            self._socket.do_handshake()
        except _WAIT:
            return False
        return True

    @property
    def resumed(self) -> bool:
        """Whether the handshake went on from an earlier session."""
        return bool(self._socket.session_reused)

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; empty at the end. After `shutdown` they are as they come."""
        if self._ended:
            return socket.socket.recv(self._socket, size)
        try:
            return self._socket.recv(size)
        except _WAIT:
            raise BlockingIOError from None

    def send(self, data: bytes | memoryview) -> int:
        """Record by record, until all is sent or the kernel is full."""
        size = len(data)
        if size <= RECORD:
            return self._write(data)
        view, sent = memoryview(data), 0
        while sent < size:
            try:
                sent += self._write(view[sent : sent + RECORD])
            except BlockingIOError:
                if sent:
                    break
                raise
        return sent

    def sendmsg(self, data: tuple[bytes | memoryview, memoryview]) -> int:
        """The first record holds the end of the one and the beginning of the other."""
        out, body = data
        if len(out) >= RECORD:
            return self.send(out)
        sent = self._write(b"".join((out, body[: RECORD - len(out)])))
        with contextlib.suppress(BlockingIOError):
            if sent - len(out) < len(body):
                sent += self.send(body[sent - len(out) :])
        return sent

    def shutdown(self, how: int) -> None:
        """Say that nothing follows (close_notify), and end the TCP stream; then only read.

        To OpenSSL whatever the peer said meanwhile is a fault that ends reading; and a close on
        unread bytes would reset the connection before the peer has all.
        """
        self._ended = True
        with contextlib.suppress(*_WAIT, ssl.SSLError, ValueError):
            self._socket.setblocking(False)
            self._socket.unwrap()
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _write(self, data: bytes | memoryview) -> int:
        try:
            return self._socket.send(data)
        except _WAIT:
            raise BlockingIOError from None
