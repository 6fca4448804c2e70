"""WebSocket (RFC 6455), as far as one who only sends needs it. No I/O.

Law: a viewer has nothing to upload, so what it says is read, bounded and forgotten; only a ping and
a close are answered.
"""

import base64
import binascii
import hashlib
import struct
from enum import IntEnum
from typing import NamedTuple

VERSION = b"13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTROL_LIMIT = 125
"""Bytes of a control frame's payload (RFC 6455 5.5)."""
DATA_LIMIT = 4096
"""Bytes of data that a viewer may send in all: players send none, or a line of statistics."""
_HEAD = struct.Struct(">BB")
_NEVER_SENT = (1004, 1005, 1006)
"""Closes whose numbers are reserved (RFC 6455 7.4.1)."""


class Opcode(IntEnum):
    """RFC 6455 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Close(IntEnum):
    """RFC 6455 7.4.1."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL = 1002
    TOO_BIG = 1009


class Heard(NamedTuple):
    """What a viewer's bytes ask for: frames to answer with, and whether that is the end."""

    reply: bytes
    over: bool


_NOTHING = Heard(b"", over=False)


def valid_key(key: bytes) -> bool:
    """Whether `key` is 16 bytes in base64 (RFC 6455 4.2.1)."""
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def accept_key(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a key (RFC 6455 4.2.2)."""
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest)


def binary_head(size: int) -> bytes:
    """What stands before a binary message of `size` bytes, whole and unmasked (5.2)."""
    return _head(Opcode.BINARY, size)


def close_frame(code: int) -> bytes:
    """A close with its reason's number (5.5.1)."""
    return _head(Opcode.CLOSE, 2) + code.to_bytes(2)


def _head(opcode: int, size: int) -> bytes:
    if size < 126:
        return _HEAD.pack(0x80 | opcode, size)
    if size < 1 << 16:
        return struct.pack(">BBH", 0x80 | opcode, 126, size)
    return struct.pack(">BBQ", 0x80 | opcode, 127, size)


class Inbound:
    """What one viewer says, frame by frame. After `over` it is told nothing more."""

    __slots__ = ("_data", "_held", "frames")

    def __init__(self) -> None:
        self._held = b""
        self._data = 0
        self.frames = 0

    def feed(self, data: bytes) -> Heard:
        """Take the next bytes; they may end anywhere."""
        held = self._held + data if self._held else data
        reply = b""
        while held:
            frame = _parse(held)
            if frame is None:
                break
            used, heard = self._judge(frame)
            reply += heard.reply
            if heard.over:
                self._held = b""
                return Heard(reply, over=True)
            held = held[used:]
        self._held = held
        return Heard(reply, over=False) if reply else _NOTHING

    def _judge(self, frame: "_Frame") -> tuple[int, Heard]:
        if frame.fault:
            return 0, Heard(close_frame(frame.fault), over=True)
        self.frames += 1
        match frame.opcode:
            case Opcode.CLOSE:
                return frame.size, Heard(close_frame(_echo(frame.payload)), over=True)
            case Opcode.PING:
                pong = _head(Opcode.PONG, len(frame.payload)) + frame.payload
                return frame.size, Heard(pong, over=False)
            case Opcode.PONG:
                return frame.size, _NOTHING
        self._data += len(frame.payload)
        if self._data > DATA_LIMIT:
            return 0, Heard(close_frame(Close.TOO_BIG), over=True)
        return frame.size, _NOTHING


def _echo(payload: bytes) -> int:
    """A close is answered by one with its number (5.5.1), unless nobody may send that (7.4)."""
    if not payload:
        return Close.NORMAL
    code = int.from_bytes(payload[:2])
    sendable = (1000 <= code <= 1014 and code not in _NEVER_SENT) or 3000 <= code <= 4999
    return code if len(payload) >= 2 and sendable else Close.PROTOCOL


class _Frame(NamedTuple):
    opcode: int
    payload: bytes
    size: int
    fault: int


def _parse(data: bytes) -> _Frame | None:
    """The first frame; None while it is not whole; a fault as soon as it is known."""
    first = data[0]
    opcode, control = first & 0x0F, first & 0x08
    if first & 0x70 or opcode not in Opcode._value2member_map_ or (control and not first & 0x80):
        return _Frame(0, b"", 0, Close.PROTOCOL)
    if len(data) < 2:
        return None
    length, at = data[1] & 0x7F, 2
    if not data[1] & 0x80 or (control and length > CONTROL_LIMIT):  # 5.1: clients mask
        return _Frame(0, b"", 0, Close.PROTOCOL)
    if length >= 126:
        wide = 2 if length == 126 else 8
        if len(data) < at + wide:
            return None
        length, at = int.from_bytes(data[at : at + wide]), at + wide
    if length > DATA_LIMIT:
        return _Frame(0, b"", 0, Close.TOO_BIG)
    end = at + 4 + length
    if len(data) < end:
        return None
    mask = data[at : at + 4] * (length // 4 + 1)
    payload = bytes(a ^ b for a, b in zip(data[at + 4 : end], mask, strict=False))
    return _Frame(opcode, payload, end, 0)
