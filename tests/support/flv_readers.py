"""Many HTTP-FLV viewers in one thread, each of them judging what it is sent.

Law: a viewer's picture and sound go on frame by frame: a gap or a step back in the times of a
track's tags is noted, as is an end that nobody asked for.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

READ = 256 * 1024
STEPS_MS = {9: range(30, 38), 8: range(19, 26)}
"""Milliseconds between two tags: video of 30 frames a second, AAC of 48 kHz, rounded."""


@dataclass(eq=False)
class Reader:
    """One viewer: what it has got, and what was wrong with it."""

    socket: socket.socket
    port: int
    tags: int = 0
    cut: bool = False
    faults: list[str] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)
    held: bytearray = field(default_factory=bytearray)
    body: bool = False

    def take(self, data: bytes) -> None:
        """Bytes as they came."""
        self.held += data
        if not self.body:
            head, end, rest = self.held.partition(b"\r\n\r\n")
            if not end or len(rest) < 13:
                return
            if not head.startswith(b"HTTP/1.1 200") or rest[:3] != b"FLV":
                self.faults.append(bytes(self.held[:60]).decode("latin-1"))
            self.held, self.body = rest[13:], True
        for kind, time, body in self._whole_tags():
            self._judge(kind, time, body)

    def _whole_tags(self) -> Iterator[tuple[int, int, bytes]]:
        at, held = 0, self.held
        while len(held) - at >= 11:
            size = int.from_bytes(held[at + 1 : at + 4], "big")
            if len(held) - at < 15 + size:
                break
            time = held[at + 7] << 24 | int.from_bytes(held[at + 4 : at + 7], "big")
            yield held[at], time, bytes(held[at + 11 : at + 13])
            at += 15 + size
        del held[:at]

    def _judge(self, kind: int, time: int, body: bytes) -> None:
        if kind not in STEPS_MS or body[1] == 0:  # metadata, or a decoder's parameters
            return
        self.tags += 1
        before = self.last.get(kind)
        if before is not None and time - before not in STEPS_MS[kind]:
            self.faults.append(f"{kind}: {before} → {time}")
        self.last[kind] = time


class Readers:
    """`count` viewers of a channel, from now until `close`. A context manager."""

    def __init__(self, port: int, channel: str, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self.all = [self._open(port, channel) for _ in range(count)]
        self._thread = threading.Thread(target=self._run, name="flv-readers")
        self._thread.start()

    def _open(self, port: int, channel: str) -> Reader:
        sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        sock.sendall(f"GET /live/{channel}.flv HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        sock.setblocking(False)
        reader = Reader(sock, sock.getsockname()[1])
        self._selector.register(sock, selectors.EVENT_READ, reader)
        return reader

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.1):
                reader: Reader = key.data
                try:
                    data = reader.socket.recv(READ)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    data = b""
                if data:
                    reader.take(data)
                else:
                    reader.cut = True
                    self._selector.unregister(reader.socket)

    def close(self) -> None:
        """All viewers go."""
        self._stop.set()
        self._thread.join(30)
        for reader in self.all:
            reader.socket.close()
        self._selector.close()

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
