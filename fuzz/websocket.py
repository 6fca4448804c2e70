"""Whatever a viewer says by WebSocket, in whatever split, the answer is the same whole frames.

And what is held of it never passes one message's limit; after a close nothing is said.
"""

from tidegate.edge.websocket import CONTROL_LIMIT, DATA_LIMIT, Heard, Inbound, Opcode

_MASK = b"mask"
_HEAD_SIZE = 14
"""Bytes of a frame's head at most (RFC 6455 5.2)."""


def _masked(first: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([first, 0x80 | size]) if size < 126 else bytes([first, 0xFE]) + size.to_bytes(2)
    return head + _MASK + bytes(b ^ _MASK[n % 4] for n, b in enumerate(payload))


SEEDS: list[bytes] = [
    b"\x00" + _masked(0x89, b"are you there") + _masked(0x8A, b"") + _masked(0x89, b""),
    b"\x01" + _masked(0x81, b'{"stats": 1}') + _masked(0x88, (1000).to_bytes(2) + b"bye"),
    b"\x06" + _masked(0x02, b"a message") + _masked(0x89, b"x") + _masked(0x80, b" in pieces"),
    b"\x02" + _masked(0x82, bytes(300)) + _masked(0x88, b""),
    b"\x03\x89\x04unmasked",
    b"\x04\x82\xff" + (1 << 62).to_bytes(8),
]


def one(data: bytes) -> None:
    """The first byte chooses the split; the rest is what the viewer says."""
    size = data[0] % 64 + 1 if data else 1
    sent = data[1:]
    whole = _connection([sent])
    split = _connection([sent[at : at + size] for at in range(0, len(sent), size)])
    assert whole == split, (whole, split)
    _check_frames(whole)


def _connection(pieces: list[bytes]) -> Heard:
    inbound, reply = Inbound(), b""
    for piece in pieces:
        heard = inbound.feed(piece)
        reply += heard.reply
        if heard.over:
            return Heard(reply, over=True)
        assert len(inbound._held) < DATA_LIMIT + _HEAD_SIZE
    return Heard(reply, over=False)


def _check_frames(heard: Heard) -> None:
    """The reply is whole unmasked control frames, the close, if any, the last (RFC 6455 5.5)."""
    reply, at, opcode = heard.reply, 0, 0
    while at < len(reply):
        opcode, size = reply[at] & 0x0F, reply[at + 1]
        assert reply[at] in (0x80 | Opcode.CLOSE, 0x80 | Opcode.PONG)
        assert size <= CONTROL_LIMIT
        at += 2 + size
        assert (opcode == Opcode.CLOSE) == (heard.over and at == len(reply))
    assert at == len(reply)
    assert heard.over == (opcode == Opcode.CLOSE)
