"""Both ends of the edge in tests: who writes the logs, and who asks over a socket."""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tidegate.edge.part import run
from tidegate.log import LIVE, Flag, LogWriter, Retention, replace_file
from tidegate.package.manifest import Manifest, Rendition, save_manifest
from tidegate.settings import Settings

DEADLINE_S = 10.0
WALL_0 = 1_700_000_000_000_000
PART_TICKS = 18_000  # 0.2 s at 90 kHz


def eventually(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Wait until `condition` holds; fail with its name when it does not in time."""
    until = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < until, f"not in time: {what}"
        pause.wait(0.005)


@dataclass
class Edge:
    """A running edge."""

    port: int
    tls_port: int
    stop: Callable[[], object]
    thread: threading.Thread

    def client(self, **options: int) -> "Client":
        return Client(self.port, **options)

    def get(self, target: str, **headers: str) -> "Reply":
        with self.client() as client:
            return client.get(target, **headers)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over the labels not given, as /metrics tells of it."""
        with self.client() as client:
            text = client.get("/metrics").body.decode()
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if all(each in line for each in wanted)
        )


@dataclass(frozen=True)
class Reply:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def running(settings: Settings) -> Iterator[Edge]:
    """The edge in a thread of this process, on free ports of the loopback."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    https = socket.create_server(("127.0.0.1", 0)) if settings.tls.certificates else None
    stop_read, stop_write = os.pipe()
    thread = threading.Thread(
        target=run, args=(settings, listener, https, stop_read, lambda: None), name="edge"
    )
    thread.start()
    tls_port = https.getsockname()[1] if https is not None else 0
    edge = Edge(listener.getsockname()[1], tls_port, lambda: os.write(stop_write, b"x"), thread)
    try:
        yield edge
    finally:
        edge.stop()
        thread.join(30)
        for each in filter(None, (listener, https)):
            each.close()
        os.close(stop_read)
        os.close(stop_write)
        assert not thread.is_alive()


class Client:
    """A keep-alive HTTP/1.1 client that shows every byte. `receive_buffer` makes it a slow one."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.held = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, target: str, method: str = "GET", **headers: str) -> None:
        """Send a request; `if_range="x"` is the field If-Range."""
        lines = [f"{method} {target} HTTP/1.1", "Host: edge"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def get(self, target: str, method: str = "GET", **headers: str) -> Reply:
        self.ask(target, method, **headers)
        return self.reply(bodiless=method == "HEAD")

    def reply(self, *, bodiless: bool = False) -> Reply:
        """The next response; one without a length has no body here: `read` reads on."""
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in fields.items()}
        size = 0 if bodiless else int(headers.get("content-length", 0))
        return Reply(int(head[0].split(" ")[1]), headers, self.read(size))

    def until(self, mark: bytes) -> bytes:
        while mark not in self.held:
            self._more()
        found, _, self.held = self.held.partition(mark)
        return found + mark

    def read(self, size: int) -> bytes:
        while len(self.held) < size:
            self._more()
        found, self.held = self.held[:size], self.held[size:]
        return found

    def rest(self) -> bytes:
        """Everything up to the connection's end."""
        try:
            while True:
                self._more()
        except EOFError:
            found, self.held = self.held, b""
            return found

    def closed(self) -> bool:
        """Whether the server ends the connection (a reset is an end, too)."""
        try:
            self.rest()
        except ConnectionResetError:
            return True
        return True

    def _more(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError(self.held)
        self.held += data

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Publisher:
    """Writes one epoch: `source.cmaf`, `audio.cmaf`, `source.flv`, its manifest and `live`.

    Chunks are told apart by their first bytes, so a test knows each by its look.
    """

    def __init__(
        self, root: Path, channel: str = "demo", epoch: str = "e1", retention_s: float = 3600
    ) -> None:
        self.channel, self.epoch = channel, epoch
        self.folder = root / channel / epoch
        retention = Retention(retention_s, 1 << 30)
        self.video = LogWriter(self.folder / "source.cmaf", 90_000, retention)
        self.audio = LogWriter(self.folder / "audio.cmaf", 48_000, retention)
        self.flv = LogWriter(self.folder / "source.flv", 1000, retention)
        for writer, init in ((self.video, b"video init"), (self.audio, b"audio init")):
            writer.set_init(init, 0)
        self.flv.set_init(flv_init(b"0"), 0)
        save_manifest(self.folder, self.manifest())
        replace_file(root / channel / LIVE, epoch.encode())

    def manifest(self, target_duration: int = 2) -> Manifest:
        video = Rendition(
            "source", "video", "avc1.64001f", 0.2, width=640, height=360, frame_rate=30.0
        )
        audio = Rendition("audio", "audio", "mp4a.40.2", 0.2, sample_rate=48_000, channels=2)
        return Manifest(self.channel, self.epoch, target_duration, 30.0, [video, audio])

    def part(self, size: int = 1000) -> bytes:
        """Append the next part of both CMAF logs and return the video's; ten are a segment."""
        number = self.video.next
        flags = Flag.INDEPENDENT | Flag.STARTS_SEGMENT if number % 10 == 0 else 0
        data = f"video {number} ".encode().ljust(size, b".")
        wall = WALL_0 + number * 200_000
        self.audio.append(
            f"audio {number} ".encode().ljust(300, b"."),
            time=number * 9600,
            duration=9600,
            wall=wall,
            flags=Flag.INDEPENDENT | flags,
        )
        self.video.append(
            data, time=number * PART_TICKS, duration=PART_TICKS, wall=wall, flags=flags
        )
        return data

    def parts(self, count: int, size: int = 1000) -> list[bytes]:
        return [self.part(size) for _ in range(count)]

    def tags(
        self, size: int = 1000, *, independent: bool | None = None, start: bool = False
    ) -> bytes:
        """Append the next chunk, of 100 ms, to the FLV log; every tenth is independent."""
        number = self.flv.next
        independent = number % 10 == 0 if independent is None else independent
        flags = Flag.INDEPENDENT if independent else 0
        if number % 20 == 0 or start:
            flags |= Flag.STARTS_SEGMENT
        data = flv_tag(9, number * 100, f"chunk {number} ".encode().ljust(size, b"."))
        wall = WALL_0 + number * 100_000
        self.flv.append(data, time=number * 100, duration=100, wall=wall, flags=flags)
        return data

    def end(self) -> None:
        for writer in (self.video, self.audio, self.flv):
            writer.end()

    def close(self) -> None:
        for writer in (self.video, self.audio, self.flv):
            writer.close()


def flv_tag(kind: int, time_ms: int, data: bytes) -> bytes:
    """One FLV tag and its PreviousTagSize."""
    size = len(data).to_bytes(3, "big")
    stamp = (time_ms & 0xFFFFFF).to_bytes(3, "big") + (time_ms >> 24).to_bytes(1, "big")
    tag = bytes([kind]) + size + stamp + bytes(3) + data
    return tag + struct.pack(">I", len(tag))


def flv_init(mark: bytes) -> bytes:
    """FLV header, PreviousTagSize0, a script tag."""
    return b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4) + flv_tag(18, 0, b"onMetaData" + mark)


def flv_tags(data: bytes) -> list[tuple[int, int, bytes]]:
    """(type, time, data) of every whole tag of a whole FLV file; fails where it is not one."""
    assert data[:3] == b"FLV"
    assert data[9:13] == bytes(4)
    found = []
    at = 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 11 + size + 4 > len(data):
            break
        assert data[at] in (8, 9, 18), (at, data[at])
        stamp = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        found.append((data[at], stamp, data[at + 11 : at + 11 + size]))
        (previous,) = struct.unpack(">I", data[at + 11 + size : at + 15 + size])
        assert previous == 11 + size
        at += 15 + size
    return found
