"""Many RTMP publishers from one process: a film's tags at their pace, each publisher its own phase.

    python -m bench._publishers PORT KEY MANY SECONDS

Says "ready" when all publish and prints how late, in seconds, its latest send was at the end.
"""

import heapq
import socket
import sys
import time
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

from bench._film import SECONDS, film
from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import Message, write
from tidegate.ingest.rtmp.handshake import PACKET

KBIT = 600
CHUNK = 65_536
BEAT_MS = 40
"""Tags of the same picture's time go in one send, as an encoder sends them."""
KEPT = 1024
"""Beats made once for all publishers, who are `SPREAD_S` apart or, when this is late, more."""
SPREAD_S = 2.0
"""Publishers begin over this time, so that their keyframes do not fall together."""


def main() -> None:
    """Publishes until the time is over or the parent closes standard input."""
    port, key, many, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    beats, header = recorded(film(KBIT))
    sockets = [connect(port, f"p{number}", key, header) for number in range(many)]
    start = time.monotonic()
    due = [(start + number * SPREAD_S / many, number) for number in range(many)]
    heapq.heapify(due)
    sent = lru_cache(KEPT)(partial(_beat, beats))
    places = [0] * many
    print("ready", flush=True)
    latest = 0.0
    while (now := time.monotonic()) < start + seconds:
        when, number = due[0]
        if when > now:
            time.sleep(min(when - now, 0.01))
            continue
        latest = max(latest, now - when)
        sockets[number].sendall(sent(places[number]))
        places[number] += 1
        heapq.heapreplace(due, (when + BEAT_MS / 1000, number))
    print(f"{latest:.3f}", flush=True)


def _beat(beats: list[list[tuple[int, int, bytes]]], number: int) -> bytes:
    """What every publisher sends at its beat `number`, time going on from one round to the next."""
    turn, place = divmod(number, len(beats))
    shift = turn * len(beats) * BEAT_MS
    return b"".join(_message(kind, time_ms + shift, body) for kind, time_ms, body in beats[place])


def _message(kind: int, time_ms: int, body: bytes) -> bytes:
    return write(Message(kind, 1, time_ms & 0xFFFFFFFF, body), 4 if kind == 9 else 5, CHUNK)


def recorded(path: Path) -> tuple[list[list[tuple[int, int, bytes]]], bytes]:
    """The film's tags, (kind, ms, body), by beats; and its sequence headers as messages."""
    beats: list[list[tuple[int, int, bytes]]] = [[] for _ in range(SECONDS * 1000 // BEAT_MS)]
    header = b""
    for kind, time_ms, body in _tags(path.read_bytes()):
        if kind not in (8, 9):
            continue
        if body[1] == 0 and (kind == 9 or body[0] >> 4 == 10):  # AVC, AAC sequence header
            header += _message(kind, 0, body)
        elif time_ms // BEAT_MS < len(beats):
            beats[time_ms // BEAT_MS].append((kind, time_ms, body))
    return beats, header


def _tags(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Adobe FLV 10.1 E.4.1: type, size, time, time's high byte, stream, body, size again."""
    at = 13
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        time_ms = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        yield kind, time_ms, data[at + 11 : at + 11 + size]
        at += 11 + size + 4


def connect(port: int, channel: str, key: str, header: bytes) -> socket.socket:
    """A publisher whose stream was accepted."""
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    url = f"rtmp://127.0.0.1:{port}/live"
    said = b"\x03" + bytes(2 * PACKET)
    said += write(messages.set_chunk_size(CHUNK), 2, 128)
    for name, number, values, stream in (
        ("connect", 1.0, ({"app": "live", "tcUrl": url},), 0),
        ("createStream", 2.0, (None,), 0),
        ("publish", 3.0, (None, f"{channel}?key={key}", "live"), 1),
    ):
        said += write(messages.command(name, number, *values, stream=stream), 3, CHUNK)
    made.sendall(said + header)
    heard = b""
    while b"NetStream.Publish.Start" not in heard:
        more = made.recv(65_536)
        if not more:
            raise ConnectionError(f"{channel} was not let in: {heard[-200:]!r}")
        heard += more
    return made


if __name__ == "__main__":
    main()
