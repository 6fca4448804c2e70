"""Any bytes are AMF0 values or an `Amf0Error`; values encoded again and read again are the same.

The first byte chooses: values end to end, or a command as a publisher sends it.
"""

import math

from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import Message
from tidegate.ingest.rtmp.errors import RtmpError
from tidegate.media import amf0

SEEDS: list[bytes] = [
    b"\x00" + amf0.encode("onMetaData", amf0.EcmaArray(width=1280.0, stereo=True, encoder="obs")),
    b"\x00" + amf0.encode({"deep": {"list": [1.0, None, {"x": "y" * 70_000}]}}),
    b"\x00" + amf0.encode(amf0.Date(1.5), [], {}, "", False),
    b"\x01" + amf0.encode("connect", 1.0, {"app": "live", "tcUrl": "rtmp://h/live"}),
    b"\x01" + amf0.encode("publish", 5.0, None, "demo?key=k", "live"),
    b"\x01" + amf0.encode("_checkbw", 2.0, None),
]


def one(data: bytes) -> None:
    """Read, write, read again."""
    if not data:
        return
    kind, body = data[0] & 1, data[1:]
    if kind:
        try:
            messages.read_command(Message(messages.COMMAND_AMF0, 0, 0, body))
        except RtmpError as error:
            if not str(error):
                raise AssertionError("an error that says nothing") from error
        return
    try:
        values = amf0.decode_all(body)
        written = amf0.encode(*values)
    except amf0.Amf0Error:
        return
    again = amf0.decode_all(written)
    if not _same(values, again):
        raise AssertionError(f"{values} became {again}")


def _same(one_value: object, other: object) -> bool:
    """Equality where a number that is none equals itself."""
    if isinstance(one_value, float) and isinstance(other, float):
        return one_value == other or (math.isnan(one_value) and math.isnan(other))
    if isinstance(one_value, amf0.Date) and isinstance(other, amf0.Date):
        return repr(one_value) == repr(other)
    if isinstance(one_value, dict) and isinstance(other, dict):
        return list(one_value) == list(other) and all(
            map(_same, one_value.values(), other.values())
        )
    if isinstance(one_value, list | tuple) and isinstance(other, list | tuple):
        return len(one_value) == len(other) and all(map(_same, one_value, other))
    return one_value == other
