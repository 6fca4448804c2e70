"""RTMP messages by number, and the ones this server sends (RTMP 1.0, 5.4, 6 and 7).

Law: builders return whole `Message`s; what a command means is the session's to know.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tidegate.ingest.rtmp.chunks import Message
from tidegate.ingest.rtmp.errors import RtmpError
from tidegate.media import amf0
from tidegate.media.errors import MediaError

SET_CHUNK_SIZE: Final = 1
ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_ACKNOWLEDGEMENT_SIZE: Final = 5
SET_PEER_BANDWIDTH: Final = 6
AUDIO: Final = 8
VIDEO: Final = 9
DATA_AMF3: Final = 15
COMMAND_AMF3: Final = 17
DATA_AMF0: Final = 18
COMMAND_AMF0: Final = 20

CONTROL_CSID: Final = 2
"""5.4: protocol control messages travel on chunk stream 2, message stream 0."""
COMMAND_CSID: Final = 3
MEDIA_STREAM: Final = 1
"""The one message stream a connection gets: it carries one publish."""

_STREAM_BEGIN: Final = 0
_PING_REQUEST: Final = 6
_PING_RESPONSE: Final = 7
_DYNAMIC: Final = 2


class Command(msgspec.Struct, frozen=True):
    """A command (7): `transaction` is echoed in its answer, `args` follow the command object."""

    name: str
    transaction: float
    object: Mapping[str, amf0.Value]
    args: list[amf0.Value]


def read_command(message: Message) -> Command:
    """The command in a message of type 20 or 17. Raises `RtmpError` ("amf")."""
    values = _values(message, COMMAND_AMF3)
    name = values[0] if values else None
    transaction = values[1] if len(values) > 1 else 0.0
    if not isinstance(name, str) or not isinstance(transaction, float):
        raise RtmpError("amf", "a command begins with a name and a number")
    head = values[2] if len(values) > 2 else None
    return Command(name, transaction, head if isinstance(head, dict) else {}, values[3:])


def read_metadata(message: Message) -> Mapping[str, amf0.Value] | None:
    """The encoder's onMetaData in a message of type 18 or 15, if that is what it holds.

    Raises `RtmpError` ("amf").
    """
    values = _values(message, DATA_AMF3)
    if values and values[0] == "@setDataFrame":
        values = values[1:]
    if len(values) < 2 or values[0] != "onMetaData" or not isinstance(values[1], dict):
        return None
    return values[1]


def _values(message: Message, amf3: int) -> list[amf0.Value]:
    # 7.1.1 and 7.1.2: the AMF3 twins hold a zero byte, then AMF0 until a marker says otherwise.
    payload = message.payload[1:] if message.type == amf3 else message.payload
    try:
        return amf0.decode_all(payload)
    except MediaError as error:
        raise RtmpError("amf", f"AMF0: {error}") from error


def is_ping(message: Message) -> bool:
    """Whether a user control message asks for a ping response (7.1.7)."""
    return message.payload[:2] == _PING_REQUEST.to_bytes(2, "big")


def ping_response(message: Message) -> Message:
    """Echoes a ping's timestamp."""
    return _control(USER_CONTROL, _PING_RESPONSE.to_bytes(2, "big") + message.payload[2:6])


def stream_begin(stream: int) -> Message:
    """User control: the message stream may be used."""
    return _control(USER_CONTROL, _STREAM_BEGIN.to_bytes(2, "big") + stream.to_bytes(4, "big"))


def acknowledgement(received: int) -> Message:
    """5.4.3: bytes received so far, modulo 2**32."""
    return _control(ACKNOWLEDGEMENT, (received & 0xFFFFFFFF).to_bytes(4, "big"))


def window_acknowledgement_size(size: int) -> Message:
    """5.4.4."""
    return _control(WINDOW_ACKNOWLEDGEMENT_SIZE, size.to_bytes(4, "big"))


def set_peer_bandwidth(size: int) -> Message:
    """5.4.5, with the limit type "dynamic"."""
    return _control(SET_PEER_BANDWIDTH, size.to_bytes(4, "big") + bytes((_DYNAMIC,)))


def set_chunk_size(size: int) -> Message:
    """5.4.1."""
    return _control(SET_CHUNK_SIZE, size.to_bytes(4, "big"))


def result(transaction: float, *values: amf0.Value) -> Message:
    """The answer to a command that succeeded (7.2.1)."""
    return command("_result", transaction, *values)


def error(transaction: float, code: str, text: str) -> Message:
    """The answer to a command that failed (7.2.1)."""
    return command("_error", transaction, None, _info("error", code, text))


def on_status(level: str, code: str, text: str) -> Message:
    """What became of the publish (7.2.2.6); level "status" or "error"."""
    return command("onStatus", 0.0, None, _info(level, code, text), stream=MEDIA_STREAM)


def connect_success(transaction: float) -> Message:
    """7.2.1.1."""
    properties: amf0.Value = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}
    info = _info("status", "NetConnection.Connect.Success", "Connected.")
    return result(transaction, properties, info | {"objectEncoding": 0.0})


def command(name: str, transaction: float, *values: amf0.Value, stream: int = 0) -> Message:
    """A command of type 20 (7.1.1)."""
    return Message(COMMAND_AMF0, stream, 0, amf0.encode(name, transaction, *values))


def _info(level: str, code: str, text: str) -> dict[str, amf0.Value]:
    return {"level": level, "code": code, "description": text}


def _control(kind: int, payload: bytes) -> Message:
    return Message(kind, 0, 0, payload)
