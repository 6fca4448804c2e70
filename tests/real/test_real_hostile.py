"""Ten kinds of hostile clients beside honest viewers, who notice nothing; each is gone on time."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.channel import live
from support.flv_readers import Readers
from support.node import RunningNode
from support.publish import make_film, publishing
from support.wait import until

pytestmark = pytest.mark.real

HONEST, EACH = 100, 20
GET = b"GET /live/film.flv HTTP/1.1\r\nHost: x\r\n"
KINDS: dict[str, bytes] = {
    "says nothing": b"",
    "half a head": GET,
    "a head without an end": GET + b"X: y\r\n" * 200,
    "a head too long": GET + b"X: " + b"y" * 20_000,
    "no HTTP": os.urandom(600),
    "never reads": GET + b"\r\n",
    "asks for nothing that is": b"GET /live/none/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
    "uploads": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + bytes(9000),
    "a websocket that lies": GET
    + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    + b"\x82\xff"
    + b"\xff" * 8,
    "TLS in the clear": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    http = {"header_timeout_s": 2, "keepalive_s": 3, "slow_viewer_s": 1}
    started = RunningNode(tmp_path, {"http": http})
    try:
        yield started
    finally:
        started.close()


def attack(port: int, words: bytes) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # refused already
        sock.send(words)
    return sock


def gone(sock: socket.socket) -> bool:
    """Whether the server has ended the connection; what it said first is thrown away."""
    try:
        while data := sock.recv(1 << 16):
            del data
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_honest_viewers_notice_nothing(node: RunningNode, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=60)
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        with Readers(node.http_port, "film", HONEST) as readers:
            hostile = {
                kind: [attack(node.http_port, words) for _ in range(EACH)]
                for kind, words in KINDS.items()
            }
            try:
                unread = hostile.pop("never reads")
                for kind, socks in hostile.items():
                    until(_all_gone(socks), kind)
                before = [reader.tags for reader in readers.all]
                until(
                    lambda: all(
                        reader.tags > tags + 100
                        for reader, tags in zip(readers.all, before, strict=True)
                    ),
                    "the honest go on",
                )
                assert not any(reader.cut for reader in readers.all)
                assert [reader.faults for reader in readers.all if reader.faults] == []
                until(_connections(node, HONEST + 1), "who never reads is gone, too", 60)
                hostile["never reads"] = unread
            finally:
                for socks in hostile.values():
                    for sock in socks:
                        sock.close()
        until(_connections(node, 1), "every descriptor is free again")


def _all_gone(socks: list[socket.socket]) -> Callable[[], bool]:
    left = list(socks)

    def check() -> bool:
        left[:] = [sock for sock in left if not gone(sock)]
        return not left

    return check


def _connections(node: RunningNode, most: int) -> Callable[[], bool]:
    """No more connections than these are open; the one that asks is among them."""

    def check() -> bool:
        lines = node.get("/metrics").body.decode().splitlines()
        (line,) = [line for line in lines if line.startswith("tidegate_http_connections ")]
        return float(line.split()[1]) <= most

    return check
