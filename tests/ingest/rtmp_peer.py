"""The publisher's side for tests: recorded streams, built commands, the server's answers."""

from collections.abc import Iterable
from pathlib import Path

from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import ChunkReader, Message, write
from tidegate.ingest.rtmp.handshake import PACKET, RANDOM
from tidegate.ingest.rtmp.session import Event, PublishRequest, Session
from tidegate.media import amf0

KEY = "a-key-for-tests-only"
CAPTURES = Path(__file__).parent / "captures"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.rtmp"))
HANDSHAKE = b"\x03" + bytes(2 * PACKET)


def capture(name: str) -> bytes:
    """Everything that one real publisher sent."""
    return (CAPTURES / f"{name}.rtmp").read_bytes()


def command(name: str, *values: amf0.Value, transaction: float = 1.0, stream: int = 0) -> bytes:
    """A command on the wire."""
    return write(messages.command(name, transaction, *values, stream=stream), 3, 128)


def connect(app: str = "live", url: str = "rtmp://127.0.0.1/live") -> bytes:
    return command("connect", {"app": app, "tcUrl": url})


def publish(name: str = f"demo?key={KEY}") -> bytes:
    return command("publish", None, name, "live", transaction=5.0, stream=1)


def media(kind: int, payload: bytes, time: int = 0) -> bytes:
    return write(Message(kind, 1, time, payload), 4, 128)


def opening(name: str = f"demo?key={KEY}") -> bytes:
    """All that comes before media."""
    return HANDSHAKE + connect() + command("createStream", None, transaction=4.0) + publish(name)


def new_session() -> Session:
    return Session(bytes(range(256)) * 5 + bytes(RANDOM - 1280))


def play(session: Session, pieces: Iterable[bytes]) -> list[Event]:
    """All events of these pieces, every publish accepted."""
    events = []
    for piece in pieces:
        for event in session.receive(piece):
            if isinstance(event, PublishRequest):
                session.accept()
            events.append(event)
    return events


def publishing() -> Session:
    """A session whose publish was accepted, its answers so far thrown away."""
    session = new_session()
    play(session, [opening()])
    session.data_to_send()
    return session


def answers(data: bytes, *, handshake: bool = False) -> list[Message]:
    """The messages in what the server sent."""
    reader = ChunkReader(1 << 20)
    reader.feed(
        data[1 + 2 * PACKET :] if handshake else write(messages.set_chunk_size(4096), 2, 128) + data
    )
    found = []
    while (message := reader.next()) is not None:
        found.append(message)
    assert reader.held == 0
    return found


def statuses(found: Iterable[Message]) -> list[tuple[str, str]]:
    """(code, description) of every onStatus, _result and _error that has them."""
    infos = [
        value
        for message in found
        if message.type == messages.COMMAND_AMF0
        for value in amf0.decode_all(message.payload)
        if isinstance(value, dict) and "code" in value
    ]
    return [(str(info["code"]), str(info["description"])) for info in infos]
