"""WebSocket: the frames of RFC 6455, and the same bytes as HTTP-FLV behind them."""

import contextlib
import os

import pytest
from edge_world import Client, Edge, Publisher, eventually, flv_init
from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge.viewer import MOST_FRAMES
from tidegate.edge.websocket import (
    DATA_LIMIT,
    Close,
    Heard,
    Inbound,
    Opcode,
    accept_key,
    binary_head,
    close_frame,
    valid_key,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3, with its answer below


def masked(opcode: int, payload: bytes, mask: bytes = b"mask", first: int = 0x80) -> bytes:
    size = len(payload)
    head = bytes([first | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2)
    return head + mask + bytes(b ^ mask[n % 4] for n, b in enumerate(payload))


def hear(data: bytes, cuts: list[int]) -> Heard:
    inbound, reply, at = Inbound(), b"", 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        heard = inbound.feed(data[at:cut])
        reply += heard.reply
        at = cut
        if heard.over:
            return Heard(reply, over=True)
    return Heard(reply, over=False)


CONVERSATIONS = [
    masked(Opcode.PING, b"are you there") + masked(Opcode.PONG, b"") + masked(Opcode.PING, b""),
    masked(Opcode.TEXT, b'{"stats": 1}') + masked(Opcode.CLOSE, (1000).to_bytes(2) + b"bye"),
    masked(Opcode.BINARY, os.urandom(300)) + masked(Opcode.CLOSE, b""),
    masked(Opcode.PING, b"x" * 126),  # a control frame over its limit
    b"\x89\x04mask",  # not masked
    masked(Opcode.TEXT, b"x", first=0xC0),  # a reserved bit
    masked(Opcode.PING, b"x", first=0),  # a control frame in pieces
    masked(3, b"x"),
    masked(Opcode.BINARY, bytes(DATA_LIMIT - 100)) + masked(Opcode.BINARY, bytes(200)),
    b"\x82\xff" + (1 << 62).to_bytes(8),
]


@given(st.sampled_from(CONVERSATIONS), st.lists(st.integers(0, 5000), max_size=8))
def test_the_outcome_does_not_depend_on_the_cuts(data: bytes, cuts: list[int]) -> None:
    assert hear(data, cuts) == hear(data, [])


@pytest.mark.parametrize(
    ("number", "end"),
    [
        (0, None),
        *((number, 1000) for number in (1, 2)),
        *((number, Close.PROTOCOL) for number in (3, 4, 5, 6, 7)),
        *((number, Close.TOO_BIG) for number in (8, 9)),
    ],
)
def test_how_each_ends(number: int, end: int | None) -> None:
    heard = hear(CONVERSATIONS[number], [])
    assert heard.over == (end is not None)
    if end is not None:
        assert heard.reply.endswith(close_frame(end))


def test_a_ping_is_answered_with_its_own_words() -> None:
    assert Inbound().feed(masked(Opcode.PING, b"hello")) == Heard(b"\x8a\x05hello", over=False)


@given(st.binary(max_size=200))
def test_any_bytes_are_bounded(data: bytes) -> None:
    inbound = Inbound()
    for _ in range(60):
        heard = inbound.feed(data)
        if heard.over:
            return
        assert len(heard.reply) <= 4 * max(1, len(data)) + 300


def test_the_handshake_of_the_rfc() -> None:
    assert accept_key(KEY.encode()) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert valid_key(KEY.encode())
    for bad in (b"", b"x" * 24, b"dGhlIHNhbXBsZSBub25jZQ=", b"AAAA"):
        assert not valid_key(bad)
    for size, head in ((125, b"\x82\x7d"), (126, b"\x82\x7e\x00\x7e"), (1 << 16, b"\x82\x7f")):
        assert binary_head(size).startswith(head)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 1000),
        (b"\x03", Close.PROTOCOL),
        *((code.to_bytes(2), code) for code in (1001, 1011, 3000, 4999)),
        *((code.to_bytes(2), Close.PROTOCOL) for code in (0, 999, 1004, 1005, 1006, 1015, 5000)),
    ],
)
def test_a_close_is_answered_with_a_number_that_may_be_sent(payload: bytes, code: int) -> None:
    wanted = Heard(close_frame(code), over=True)
    assert Inbound().feed(masked(Opcode.CLOSE, payload)) == wanted


def upgrade(client: Client, version: str = "13", key: str = KEY) -> None:
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": version}
    client.ask("/live/demo.flv", **fields, **{"Sec-WebSocket-Key": key})


def message(client: Client) -> tuple[int, bytes]:
    """The next frame's opcode and payload."""
    first, size = client.read(2)
    if size >= 126:
        size = int.from_bytes(client.read(2 if size == 126 else 8))
    return first & 0x0F, client.read(size)


def test_a_viewer_gets_the_bytes_of_http_flv(edge: Edge, publisher: Publisher) -> None:
    first = publisher.tags()
    with edge.client() as client:
        upgrade(client)
        reply = client.reply()
        assert (reply.status, reply.headers["upgrade"]) == (101, "websocket")
        assert reply.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        wanted = flv_init(b"0") + first
        wanted += b"".join(publisher.tags(90_000 if n == 5 else 500) for n in range(30))
        got = b""
        client.send(masked(Opcode.PING, b"still here"))
        pongs = 0
        while len(got) < len(wanted) or not pongs:
            opcode, payload = message(client)
            if opcode == Opcode.PONG:
                pongs += 1
                assert payload == b"still here"
            else:
                assert opcode == Opcode.BINARY
                got += payload
        assert got == wanted
        assert edge.metric("tidegate_viewers", protocol="ws-flv") == 1
        client.send(masked(Opcode.CLOSE, (1000).to_bytes(2)))
        assert message(client) == (Opcode.CLOSE, (1000).to_bytes(2))
        assert client.rest() == b""
    eventually(lambda: edge.metric("tidegate_viewers", protocol="ws-flv") == 0, "left")


def test_the_end_of_a_stream_is_said(edge: Edge, publisher: Publisher) -> None:
    publisher.tags()
    with edge.client() as client:
        upgrade(client)
        client.reply()
        message(client)
        publisher.end()
        frames = []
        while not frames or frames[-1][0] != Opcode.CLOSE:
            frames.append(message(client))
        assert frames[-1][1] == int(Close.GOING_AWAY).to_bytes(2)


@pytest.mark.parametrize(("version", "key"), [("8", KEY), ("13", "short"), ("", KEY)])
def test_another_version_is_told_which(
    edge: Edge, publisher: Publisher, version: str, key: str
) -> None:
    publisher.tags()
    with edge.client() as client:
        upgrade(client, version, key)
        reply = client.reply()
        assert (reply.status, reply.headers["sec-websocket-version"]) == (426, "13")


def test_answers_to_one_who_reads_late_stand_between_messages(
    edge: Edge, publisher: Publisher
) -> None:
    wanted = flv_init(b"0") + publisher.tags()
    with edge.client(receive_buffer=4096) as client:
        upgrade(client)
        client.reply()
        said = message(client)[1] + message(client)[1]
        ping = masked(Opcode.PING, b"p" * 125)
        pings = 0
        client.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while pings < 40_000:  # more than both ends' buffers hold
                pings += 1
                client.send(ping)
        client.socket.settimeout(10)
        wanted += b"".join(publisher.tags(30_000) for _ in range(30))
        pongs = 0
        while len(said) < len(wanted):
            opcode, payload = message(client)
            said += payload if opcode == Opcode.BINARY else b""
            pongs += opcode == Opcode.PONG
        assert said == wanted
        assert 0 < pongs <= pings


def test_words_right_behind_the_handshake_are_heard(edge: Edge, publisher: Publisher) -> None:
    publisher.tags()
    fields = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
    head = f"GET /live/demo.flv HTTP/1.1\r\nHost: x\r\n{fields}Sec-WebSocket-Version: 13\r\n\r\n"
    with edge.client() as client:
        client.send(head.encode() + masked(Opcode.CLOSE, b""))
        client.reply()
        frames = [message(client) for _ in range(3)]
        assert frames[-1] == (Opcode.CLOSE, (1000).to_bytes(2))


def test_who_never_stops_talking_is_let_go(edge: Edge, publisher: Publisher) -> None:
    publisher.tags()
    with edge.client() as client:
        upgrade(client)
        client.reply()
        for _ in range(MOST_FRAMES // 1000 + 1):
            client.send(masked(Opcode.PONG, b"") * 1000)
        assert client.closed()
