"""The RTMP server on a free port in a thread of its own, with a gate that only writes down."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from rtmp_peer import KEY, answers, statuses

from tidegate.ingest.gate import Refused
from tidegate.ingest.rtmp.handshake import PACKET
from tidegate.ingest.rtmp.server import RtmpServer
from tidegate.media.sample import Sample, Track
from tidegate.settings import Rtmp

DEADLINE_S = 10.0


class Stay:
    """One publisher's stay, written down."""

    def __init__(self, channel: str, kick: Callable[[str], None]) -> None:
        self.channel = channel
        self.kick = kick
        self.tracks: list[Track] = []
        self.samples: list[tuple[Track, Sample]] = []
        self.events: list[tuple[str, str]] = []
        self.closed: list[str] = []

    def track(self, track: Track) -> None:
        self.tracks.append(track)

    def sample(self, track: Track, sample: Sample) -> None:
        self.samples.append((track, sample))

    def event(self, name: str, detail: str) -> None:
        self.events.append((name, detail))

    def close(self, reason: str) -> None:
        self.closed.append(reason)


class RecordingGate:
    """Keeps every stay; `takeover` says what a second publisher of a channel does."""

    def __init__(self) -> None:
        self.stays: list[Stay] = []
        self.takeover = False

    def admit(self, channel: str, key: str, kick: Callable[[str], None]) -> Stay:
        if key != KEY:
            raise Refused("key", "the stream key is missing or wrong")
        for stay in self.stays:
            if stay.channel == channel and not stay.closed:
                if not self.takeover:
                    raise Refused("busy", f"{channel} has a publisher already")
                stay.kick("another publisher took over")
        self.stays.append(Stay(channel, kick))
        return self.stays[-1]


class Service:
    """The server while it runs."""

    def __init__(self, port: int, gate: RecordingGate, drain: Callable[..., None]) -> None:
        self.port = port
        self.gate = gate
        self.drain = drain

    def url(self, name: str = f"demo?key={KEY}") -> str:
        return f"rtmp://127.0.0.1:{self.port}/live/{name}"

    def connect(self) -> "Peer":
        return Peer(self.port)


@contextlib.contextmanager
def serving(**settings: float) -> Iterator[Service]:
    """A server with these settings; drained and checked for leftovers at the end."""
    loop, gate = asyncio.new_event_loop(), RecordingGate()
    server = RtmpServer(Rtmp.model_validate(settings), gate)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    thread = threading.Thread(target=loop.run_forever, name="rtmp-server")
    thread.start()

    def call(work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(DEADLINE_S)  # type: ignore[arg-type]

    call(server.start(listener))

    async def drain(first: Callable[[], None]) -> None:
        first()  # in the loop's own thread: the loop hears of nothing that it does
        await server.close(1.0)

    try:
        yield Service(
            listener.getsockname()[1], gate, lambda first=lambda: None: call(drain(first))
        )
    finally:
        call(server.close(1.0))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_S)
        loop.close()


class Peer:
    """A TCP client that sends what it is told and keeps what it hears."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.heard = b""

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, enough: bytes) -> None:
        """Reads until `enough` was heard."""
        while enough not in self.heard:
            data = self.socket.recv(65536)
            assert data, f"closed before {enough!r}"
            self.heard += data

    def hear_the_end(self) -> list[tuple[str, str]]:
        """Reads until the server closes; what it said of the publish."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self.heard += data
        if len(self.heard) <= 1 + 2 * PACKET:
            return []
        return statuses(answers(self.heard, handshake=True))
