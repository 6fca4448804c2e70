"""One publisher's RTMP conversation, server side, without I/O and without a clock.

Law: bytes go in through `receive`, events come out of it in the order of the bytes, whatever the
pieces; what is to be sent waits in `data_to_send`. A connection carries one publish:

    HANDSHAKE ── C2 ──► CONNECT ── connect ──► IDLE ── publish ──► ASKED ── accept ──► PUBLISHING
                                                                     └─ refuse ─► ENDED ◄─ unpublish

Until `accept`, a peer may send `MAX_BEFORE_ACCEPT` bytes in messages of `MAX_COMMAND` at most.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Literal

import msgspec

from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import DEFAULT_CHUNK, ChunkReader, Message, write
from tidegate.ingest.rtmp.errors import RtmpError
from tidegate.ingest.rtmp.handshake import Handshake
from tidegate.ingest.rtmp.messages import Command
from tidegate.media import amf0
from tidegate.settings import CHANNEL_NAME

MAX_COMMAND = 16 * 1024
"""Bytes in a command or in metadata, before and after accept; real ones stay under 2 kB."""

MAX_BEFORE_ACCEPT = 64 * 1024
"""Bytes of the chunk stream before accept: a hundred times what encoders need."""

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes in unfinished messages of an accepted publisher: a keyframe of 4K at 100 Mbit/s."""

WINDOW = 2_500_000
"""Bytes between acknowledgements, ours and (until it says otherwise) the peer's."""

CHUNK_OUT = 4096
"""Payload bytes a chunk of what we send, so that every answer is one chunk."""

APP = "live"


class PublishRequest(msgspec.Struct, frozen=True):
    """The peer wants to publish; answer with `Session.accept` or `Session.refuse`."""

    app: str
    channel: str
    key: str


class Media(msgspec.Struct, frozen=True, gc=False):
    """One audio or video message: the body of an FLV tag, with its time in ms modulo 2**32."""

    kind: Literal["audio", "video"]
    timestamp: int
    payload: bytes


class Metadata(msgspec.Struct, frozen=True):
    """The encoder's onMetaData."""

    values: Mapping[str, amf0.Value]


class Unpublish(msgspec.Struct, frozen=True):
    """The peer ended its publish in good order; nothing follows."""


Event = PublishRequest | Media | Metadata | Unpublish


class State(Enum):
    """Where the conversation is."""

    HANDSHAKE = auto()
    CONNECT = auto()
    IDLE = auto()
    ASKED = auto()
    PUBLISHING = auto()
    ENDED = auto()


_MEDIA: dict[int, Literal["audio", "video"]] = {
    messages.AUDIO: "audio",
    messages.VIDEO: "video",
}

_REFUSALS = {
    "key": "NetStream.Publish.Denied",
    "name": "NetStream.Publish.BadName",
    "busy": "NetStream.Publish.BadName",
    "play": "NetStream.Play.Failed",
}
"""onStatus codes that encoders know, by the word of the refusal."""

_FAILED = "NetStream.Failed"
"""For every other word."""


class Session:
    """The state of one connection. `random` fills S1 (`handshake.RANDOM` bytes)."""

    def __init__(self, random: bytes) -> None:
        self.state = State.HANDSHAKE
        self._handshake: Handshake | None = Handshake(random)
        self._reader = ChunkReader(MAX_COMMAND)
        self._out: list[bytes] = []
        self._chunk_out = DEFAULT_CHUNK
        self._received = 0
        self._acknowledged = 0
        self._window = WINDOW
        self._app = ""
        self._url = ""

    @property
    def held(self) -> int:
        """Bytes held for what is not whole yet."""
        shaking = 0 if self._handshake is None else self._handshake.held
        return shaking + self._reader.held

    def data_to_send(self) -> bytes:
        """Everything to be sent now; it is then forgotten here."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> Iterator[Event]:
        """The events in bytes from the peer, to be iterated to the end.

        Stops after a `PublishRequest`; once that is answered, `receive(b"")` goes on with what was
        left. Raises `RtmpError` when the peer breaks a law; send what waits, then close.
        """
        if self.state is State.ENDED:
            return
        self._received += len(data)
        try:
            if self._handshake is not None:
                data = self._shake_hands(self._handshake, data)
            yield from self._events(data)
        except RtmpError:
            self.state = State.ENDED
            raise

    def accept(self) -> None:
        """The publish may begin."""
        if self.state is not State.ASKED:
            raise RuntimeError(f"nothing to accept while {self.state.name}")
        self.state = State.PUBLISHING
        self._reader.limit = MAX_MESSAGE
        self._send(messages.stream_begin(messages.MEDIA_STREAM))
        self._status("status", "NetStream.Publish.Start", "Publishing.")

    def refuse(self, word: str, text: str) -> None:
        """Tells the peer why its publish does not begin, or does not go on; then close.

        Before `connect` was answered there are no words for it.
        """
        if self.state in {State.IDLE, State.ASKED, State.PUBLISHING}:
            self._status("error", _REFUSALS.get(word, _FAILED), text)
        self.state = State.ENDED

    def _shake_hands(self, handshake: Handshake, data: bytes) -> bytes:
        reply, rest = handshake.receive(data)
        self._out.append(reply)
        if rest is None:
            return b""
        self._handshake = None
        self.state = State.CONNECT
        return rest

    def _events(self, data: bytes) -> Iterator[Event]:
        reader = self._reader
        reader.feed(data)
        if self._received - self._acknowledged >= self._window:
            self._acknowledge()
        while self.state is not State.ASKED and self.state is not State.ENDED:
            message = reader.next()
            if message is None:
                return
            event = self._message(message)
            if event is not None:
                yield event

    def _message(self, message: Message) -> Event | None:
        kind = message.type
        if kind in _MEDIA:
            if self.state is not State.PUBLISHING:
                raise RtmpError("order", "media before a publish was accepted")
            return Media(_MEDIA[kind], message.timestamp, message.payload)
        if len(message.payload) > MAX_COMMAND:
            raise RtmpError(
                "message-size", "a command or metadata is longer than this server takes"
            )
        if self.state is not State.PUBLISHING and self._reader.consumed > MAX_BEFORE_ACCEPT:
            raise RtmpError("before-publish", "too much was sent before a publish")
        if kind in {messages.COMMAND_AMF0, messages.COMMAND_AMF3}:
            return self._command(messages.read_command(message))
        if kind in {messages.DATA_AMF0, messages.DATA_AMF3}:
            return self._data(message)
        self._control(kind, message)
        return None

    def _data(self, message: Message) -> Metadata | None:
        if self.state is not State.PUBLISHING:
            return None
        values = messages.read_metadata(message)
        return None if values is None else Metadata(values)

    def _control(self, kind: int, message: Message) -> None:
        if kind == messages.WINDOW_ACKNOWLEDGEMENT_SIZE and len(message.payload) >= 4:
            self._window = int.from_bytes(message.payload[:4], "big")
        elif kind == messages.USER_CONTROL and messages.is_ping(message):
            self._send(messages.ping_response(message))

    def _command(self, command: Command) -> Event | None:
        known = _COMMANDS.get(command.name)
        if known is None:
            if command.transaction:
                text = "this server does not know the command"
                self._send(messages.error(command.transaction, "NetConnection.Call.Failed", text))
            return None
        states, handler = known
        if self.state not in states:
            raise RtmpError("order", f"{command.name} at the wrong time")
        return handler(self, command)

    def _connect(self, command: Command) -> None:
        app, url = command.object.get("app"), command.object.get("tcUrl")
        self._app = app if isinstance(app, str) else ""
        self._url = url if isinstance(url, str) else ""
        if self._app.partition("?")[0].strip("/") != APP:
            text = f"publish to rtmp://HOST/{APP}/CHANNEL?key=KEY; there is no other application"
            self._send(messages.error(command.transaction, "NetConnection.Connect.Rejected", text))
            self.state = State.ENDED
            raise RtmpError("app", text)
        self._send(messages.window_acknowledgement_size(WINDOW))
        self._send(messages.set_peer_bandwidth(WINDOW))
        self._send(messages.set_chunk_size(CHUNK_OUT))
        self._chunk_out = CHUNK_OUT
        self._send(messages.connect_success(command.transaction))
        self.state = State.IDLE

    def _create_stream(self, command: Command) -> None:
        stream = float(messages.MEDIA_STREAM)
        self._send(messages.result(command.transaction, None, stream))

    def _courtesy(self, command: Command) -> None:
        """releaseStream and its like: Flash's habits, answered so that nobody waits."""
        if command.transaction:
            self._send(messages.result(command.transaction, None, None))

    def _publish(self, command: Command) -> PublishRequest:
        name = command.args[0] if command.args else None
        if not isinstance(name, str):
            raise RtmpError("amf", "publish begins with the stream's name")
        channel = name.partition("?")[0]
        if re.fullmatch(CHANNEL_NAME, channel) is None:
            raise self._refusal("name", "a channel's name is 1 to 64 letters, digits, - and _")
        key = _key_in(name, self._app, self._url)
        if key is None:
            raise self._refusal("key", "no key: publish to CHANNEL?key=KEY")
        self.state = State.ASKED
        return PublishRequest(APP, channel, key)

    def _unpublish(self, _command: Command) -> Unpublish | None:
        if self.state is not State.PUBLISHING:
            return None
        self._status("status", "NetStream.Unpublish.Success", "Unpublished.")
        self.state = State.ENDED
        return Unpublish()

    def _play(self, _command: Command) -> None:
        raise self._refusal("play", "this port takes publishers; viewers come over HTTP")

    def _refusal(self, word: str, text: str) -> RtmpError:
        self.refuse(word, text)
        return RtmpError(word, text)

    def _acknowledge(self) -> None:
        self._acknowledged = self._received
        self._send(messages.acknowledgement(self._received))

    def _status(self, level: str, code: str, text: str) -> None:
        self._send(messages.on_status(level, code, text))

    def _send(self, message: Message) -> None:
        command = message.type == messages.COMMAND_AMF0
        csid = messages.COMMAND_CSID if command else messages.CONTROL_CSID
        self._out.append(write(message, csid, self._chunk_out))


def _key_in(*places: str) -> str | None:
    """The first `key=` in the queries of a stream's name, an app or a URL."""
    for place in places:
        for pair in place.partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            if name == "key" and value:
                return value
    return None


_Handler = Callable[[Session, Command], Event | None]
_CONNECTED = frozenset({State.IDLE, State.PUBLISHING})
_COMMANDS: dict[str, tuple[frozenset[State], _Handler]] = {
    "connect": (frozenset({State.CONNECT}), Session._connect),
    "createStream": (_CONNECTED, Session._create_stream),
    "releaseStream": (_CONNECTED, Session._courtesy),
    "FCPublish": (_CONNECTED, Session._courtesy),
    "getStreamLength": (_CONNECTED, Session._courtesy),
    "_checkbw": (_CONNECTED, Session._courtesy),
    "publish": (frozenset({State.IDLE}), Session._publish),
    "FCUnpublish": (_CONNECTED, Session._unpublish),
    "closeStream": (_CONNECTED, Session._unpublish),
    "deleteStream": (_CONNECTED, Session._unpublish),
    "play": (_CONNECTED, Session._play),
    "play2": (_CONNECTED, Session._play),
}
