"""A TLS socket that speaks like a plain one: `BlockingIOError` where it has to wait.

OpenSSL reads and writes memory here; one `recv` fills it and one `send` empties it. On a socket of
its own it reads every record in two calls, and only a third tells that there is no other.

Law: what was refused is offered again byte for byte: it is encrypted already, and one piece of
ciphertext is all that waits in this process.
"""

import contextlib
import socket
import ssl

RECORD = 16 * 1024
"""Bytes of a full TLS record (RFC 8446 5.1): the most that one read gives."""
PIECE = RECORD
"""Bytes that are encrypted, then sent, in one go."""
SAID = 2 * RECORD
"""Bytes that TLS itself may have to say (key updates, alerts) to one who reads nothing."""

_WAIT = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Passage:
    """Memory through which ciphertext passes: shared by connections, empty between two calls.

    OpenSSL never lets such memory shrink: one for each viewer would keep its largest for good.
    """

    __slots__ = ("incoming", "outgoing")

    def __init__(self) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()


class SecureSocket:
    """The server's side of one connection. Raises `OSError` when the peer is gone or breaks TLS."""

    __slots__ = ("_early", "_ended", "_over", "_owed", "_passage", "_rest", "_socket", "_tls")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, passage: Passage) -> None:
        self._socket = sock
        self._passage = passage
        self._tls = context.wrap_bio(passage.incoming, passage.outgoing, server_side=True)
        self._early = b""
        """Ciphertext that came with the end of the handshake."""
        self._rest: bytes | memoryview = b""
        """Ciphertext that the kernel has yet to take."""
        self._owed = 0
        """Bytes of whoever sends, whose ciphertext is in `_rest`."""
        self._over = self._ended = False
        """Whether the peer said that nothing follows (close_notify), and whether we did."""

    def fileno(self) -> int:
        """For epoll."""
        return self._socket.fileno()

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is complete."""
        incoming = self._passage.incoming
        while self._flush():
            try:
                wire = self._socket.recv(RECORD)
            except BlockingIOError:
                break
            if not wire:
                raise ConnectionError("the peer left during its handshake")
            incoming.write(wire)
            try:
                self._tls.do_handshake()
            except _WAIT:
                continue
            else:
                self._early = incoming.read()
                return True
            finally:
                incoming.read()
                self._say()
        return False

    @property
    def resumed(self) -> bool:
        """Whether the handshake went on from an earlier session."""
        return bool(self._tls.session_reused)

    def recv(self, size: int) -> bytes:
        """What came; empty at the end. After `shutdown` the bytes are as they come.

        As from a plain socket, fewer than `size` bytes mean that the kernel holds no more.
        """
        if self._ended:
            return self._socket.recv(size)
        out = b""
        if self._early:
            out, self._early = self._decrypt(self._early), b""
        while len(out) < size and not self._over:
            try:
                wire = self._socket.recv(size)
            except BlockingIOError:
                if out:
                    break
                raise
            out += self._decrypt(wire)
            if len(wire) < size and (out or not wire):
                break
        return out

    def send(self, data: bytes | memoryview) -> int:
        """Piece by piece, until all is sent or the kernel is full."""
        size = len(data)
        if size <= PIECE and not self._owed:
            return self._write(data)
        view, sent = memoryview(data), 0
        while sent < size:
            try:
                sent += self._write(view[sent : sent + PIECE])
            except BlockingIOError:
                if sent:
                    break
                raise
        return sent

    def sendmsg(self, data: tuple[bytes | memoryview, memoryview]) -> int:
        """As `send`; the first piece holds the end of the one and the beginning of the other. What
        was refused may have been less, or more, than the first."""
        out, body = data
        if len(out) < PIECE and not self._owed:
            sent = self._write(b"".join((out, body[: PIECE - len(out)])))
        else:
            sent = self.send(out)
        with contextlib.suppress(BlockingIOError):
            if 0 <= sent - len(out) < len(body):
                sent += self.send(body[sent - len(out) :])
        return sent

    def shutdown(self, how: int) -> None:
        """Say that nothing follows (close_notify), and end the TCP stream; then only read.

        To OpenSSL whatever the peer said meanwhile is a fault that ends reading; and a close on
        unread bytes would reset the connection before the peer has all.
        """
        self._ended = True
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._say()
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _decrypt(self, wire: bytes) -> bytes:
        """What is whole of it; OpenSSL keeps the beginning of a record."""
        incoming = self._passage.incoming
        incoming.write(wire)
        out = b""
        try:
            while incoming.pending and not self._over:
                data = self._tls.read(RECORD)
                self._over = not data
                out += data
        except _WAIT:
            pass
        finally:
            if incoming.pending:
                incoming.read()
            if self._passage.outgoing.pending:
                self._say()
        return out

    def _write(self, data: bytes | memoryview) -> int:
        """Encrypt, unless this is what was refused, and send it whole."""
        if not self._owed:
            try:
                self._owed = self._tls.write(data)
            finally:
                self._take()
        if not self._flush():
            raise BlockingIOError
        sent, self._owed = self._owed, 0
        return sent

    def _take(self) -> None:
        """Ciphertext from OpenSSL, behind what waits."""
        wire = self._passage.outgoing.read()
        self._rest = b"".join((self._rest, wire)) if self._rest else wire

    def _say(self) -> None:
        """Take what TLS has to say for itself, and send of it what the kernel takes."""
        self._take()
        if not self._flush() and len(self._rest) > PIECE + SAID:
            raise ConnectionError("the peer makes TLS speak and does not listen")

    def _flush(self) -> bool:
        """Hand the kernel what waits; whether nothing does any more."""
        rest = self._rest
        if not rest:
            return True
        try:
            sent = self._socket.send(rest)
        except BlockingIOError:
            return False
        self._rest = b"" if sent == len(rest) else memoryview(rest)[sent:]
        return not self._rest
