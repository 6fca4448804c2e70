"""Action Message Format 0, the values of RTMP commands and FLV script data.

Law: `decode(encode(v))` is `v` for every value that can be encoded; hostile bytes cost no more than
their size, nest no deeper than `MAX_DEPTH` and make no more than `MAX_VALUES` values.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tidegate.media.errors import MediaError

MAX_DEPTH = 16
"""Objects and arrays within each other: commands and metadata have three."""

MAX_VALUES = 4096
"""Values in one decode: an index of keyframes in metadata has some hundreds."""

MAX_STRING = 16 << 20
"""Bytes of a string to encode: an FLV tag holds no more."""


class Amf0Error(MediaError):
    """The bytes are no AMF0, or more of it than allowed; or a value cannot be written in it."""


@dataclass(frozen=True, slots=True)
class Date:
    """Milliseconds since the Unix epoch, UTC (2.13: its time zone is not used)."""

    ms: float


Value: TypeAlias = "bool | float | str | Date | list[Value] | dict[str, Value] | None"
"""Null, undefined and unsupported are None; objects, typed objects and ECMA arrays are dict."""


class EcmaArray(dict[str, Value]):
    """Encodes as an ECMA array (2.10), as onMetaData is written; any other dict as an object."""


_NUMBER: Final = 0x00
_BOOLEAN: Final = 0x01
_STRING: Final = 0x02
_OBJECT: Final = 0x03
_NULL: Final = 0x05
_ECMA_ARRAY: Final = 0x08
_OBJECT_END: Final = 0x09
_STRICT_ARRAY: Final = 0x0A
_DATE: Final = 0x0B
_LONG_STRING: Final = 0x0C

_F64 = struct.Struct(">d")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


def decode(data: bytes, offset: int = 0) -> tuple[Value, int]:
    """The value at `offset`, and where the next begins. Raises `Amf0Error`."""
    reader = _Reader(data, offset)
    return reader.value(0), reader.at


def decode_all(data: bytes) -> list[Value]:
    """The values that fill `data`, one after another. Raises `Amf0Error`."""
    reader = _Reader(data, 0)
    values: list[Value] = []
    while reader.at < len(data):
        values.append(reader.value(0))
    return values


def encode(*values: Value) -> bytes:
    """The values one after another. Raises `Amf0Error` for what is too deep or too long."""
    out: list[bytes] = []
    for value in values:
        _write(out, value, 0)
    return b"".join(out)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at
        self._count = 0

    def _take(self, size: int) -> bytes:
        start, self.at = self.at, self.at + size
        if self.at > len(self._data):
            raise Amf0Error(f"AMF0: cut short at byte {start}")
        return self._data[start : self.at]

    def value(self, depth: int) -> Value:
        marker = self._take(1)[0]
        self._count += 1
        read = _READERS.get(marker)
        if read is None:
            raise Amf0Error(f"AMF0: marker {marker:#04x} at byte {self.at - 1}")
        if depth > MAX_DEPTH or self._count > MAX_VALUES:
            raise Amf0Error(f"AMF0: over {MAX_DEPTH} deep or {MAX_VALUES} values")
        return read(self, depth)

    def number(self, _depth: int) -> float:
        return float(_F64.unpack(self._take(8))[0])

    def boolean(self, _depth: int) -> bool:
        return self._take(1) != b"\x00"

    def string(self, _depth: int) -> str:
        return self._text(int.from_bytes(self._take(2)))

    def long_string(self, _depth: int) -> str:
        return self._text(int.from_bytes(self._take(4)))

    def _text(self, size: int) -> str:
        # Encoders write titles in the code page of their machine; that is no reason to refuse them.
        return self._take(size).decode("utf-8", "replace")

    def none(self, _depth: int) -> None:
        return None

    def date(self, _depth: int) -> Date:
        ms = float(_F64.unpack(self._take(8))[0])
        self._take(2)
        return Date(ms)

    def object(self, depth: int) -> dict[str, Value]:
        values: dict[str, Value] = {}
        while True:
            name = self.string(depth)
            if not name and self._data[self.at : self.at + 1] == bytes((_OBJECT_END,)):
                self.at += 1
                return values
            values[name] = self.value(depth + 1)

    def ecma_array(self, depth: int) -> dict[str, Value]:
        self._take(4)  # 2.10: a count, which writers get wrong; the end is marked all the same
        return self.object(depth)

    def typed_object(self, depth: int) -> dict[str, Value]:
        self.string(depth)
        return self.object(depth)

    def strict_array(self, depth: int) -> list[Value]:
        count = int.from_bytes(self._take(4))
        if count > MAX_VALUES:
            raise Amf0Error(f"AMF0: an array of {count} values, over {MAX_VALUES}")
        return [self.value(depth + 1) for _ in range(count)]


_READERS: dict[int, Callable[[_Reader, int], Value]] = {
    _NUMBER: _Reader.number,
    _BOOLEAN: _Reader.boolean,
    _STRING: _Reader.string,
    _OBJECT: _Reader.object,
    _NULL: _Reader.none,
    0x06: _Reader.none,  # undefined
    _ECMA_ARRAY: _Reader.ecma_array,
    _STRICT_ARRAY: _Reader.strict_array,
    _DATE: _Reader.date,
    _LONG_STRING: _Reader.long_string,
    0x0D: _Reader.none,  # unsupported
    0x0F: _Reader.long_string,  # XML document
    0x10: _Reader.typed_object,
}
"""By marker (2.1). References (7) and AMF3 (17) are not read: no publisher sends them."""


def _write(out: list[bytes], value: Value, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Amf0Error(f"AMF0: over {MAX_DEPTH} deep")
    match value:
        case None:
            out.append(bytes((_NULL,)))
        case bool():
            out.append(bytes((_BOOLEAN, value)))
        case int() | float():
            out.append(bytes((_NUMBER,)) + _F64.pack(value))
        case str():
            out.append(_string(value))
        case Date():
            out.append(bytes((_DATE,)) + _F64.pack(value.ms) + b"\x00\x00")
        case list():
            out.append(bytes((_STRICT_ARRAY,)) + _U32.pack(len(value)))
            for item in value:
                _write(out, item, depth + 1)
        case dict():
            _write_object(out, value, depth)


def _write_object(out: list[bytes], values: dict[str, Value], depth: int) -> None:
    if isinstance(values, EcmaArray):
        out.append(bytes((_ECMA_ARRAY,)) + _U32.pack(len(values)))
    else:
        out.append(bytes((_OBJECT,)))
    for name, value in values.items():
        text = name.encode("utf-8", "replace")
        if len(text) > 0xFFFF:
            raise Amf0Error("AMF0: a name over 65535 bytes")
        out.append(_U16.pack(len(text)) + text)
        _write(out, value, depth + 1)
    out.append(bytes((0, 0, _OBJECT_END)))


def _string(value: str) -> bytes:
    text = value.encode("utf-8", "replace")
    if len(text) <= 0xFFFF:
        return bytes((_STRING,)) + _U16.pack(len(text)) + text
    if len(text) > MAX_STRING:
        raise Amf0Error(f"AMF0: a string of {len(text)} bytes, over {MAX_STRING}")
    return bytes((_LONG_STRING,)) + _U32.pack(len(text)) + text
