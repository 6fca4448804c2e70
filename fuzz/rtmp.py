"""Any bytes, in any pieces, give the same events and then at most one `RtmpError`, within a bound.

The first byte says where the conversation begins (at C0, after the handshake, in an accepted
publish); the second says how the rest is cut.
"""

from pathlib import Path

from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import Message, write
from tidegate.ingest.rtmp.errors import RtmpError
from tidegate.ingest.rtmp.handshake import PACKET, RANDOM
from tidegate.ingest.rtmp.session import (
    MAX_COMMAND,
    MAX_MESSAGE,
    Event,
    PublishRequest,
    Session,
    State,
)

HEADER = 18
"""Bytes of the longest header: what may be held beside unfinished messages."""

_HANDSHAKE = b"\x03" + bytes(2 * PACKET)
_CONNECT = write(messages.command("connect", 1.0, {"app": "live"}), 3, 128)
_PUBLISH = write(messages.command("publish", 2.0, None, "demo?key=k", "live", stream=1), 3, 128)
_BEGINNINGS = (b"", _HANDSHAKE, _HANDSHAKE + _CONNECT + _PUBLISH)
_CAPTURES = Path(__file__).parent.parent / "tests" / "ingest" / "captures"

SEEDS: list[bytes] = [
    b"\x01\x07" + _CONNECT + _PUBLISH,
    b"\x02\x30" + write(Message(9, 1, 0xFFFFFF, bytes(300)), 6, 128),
    b"\x02\x05"
    + write(messages.set_chunk_size(4096), 2, 128)
    + b"\x44\0\0\x09\0\0\x02\x08ab\xc4cd",
    *(b"\x00\xff" + path.read_bytes()[:6000] for path in sorted(_CAPTURES.glob("*.rtmp"))),
]


def one(data: bytes) -> None:
    """Play the same bytes whole and in pieces."""
    if len(data) < 2:
        return
    beginning, body = _BEGINNINGS[data[0] % len(_BEGINNINGS)], data[2:]
    step = data[1] + 1
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    # Compared as text: a number that is none, which AMF0 can carry, is unequal to itself.
    if repr(_play([beginning, body])) != repr(_play([beginning, *pieces])):
        raise AssertionError("the pieces changed the events")


def _play(pieces: list[bytes]) -> tuple[list[Event], str | None]:
    session, events = Session(bytes(RANDOM)), list[Event]()
    for piece in pieces:
        try:
            for event in session.receive(piece):
                events.append(event)
                if isinstance(event, PublishRequest):
                    session.accept()
        except RtmpError as error:
            return events, error.word
        limit = MAX_MESSAGE if session.state is State.PUBLISHING else MAX_COMMAND
        if session.state is not State.ENDED and session.held > limit + HEADER:
            raise AssertionError(f"{session.held} bytes are held")
        session.data_to_send()
    return events, None
