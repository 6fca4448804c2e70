"""A publisher that says exactly what a test wants said, over a real socket."""

import socket
from urllib.parse import urlsplit

from tidegate.ingest.rtmp import messages
from tidegate.ingest.rtmp.chunks import Message, write
from tidegate.ingest.rtmp.handshake import PACKET
from tidegate.media import flv
from tidegate.media.sample import Sample, Track, VideoTrack

CHUNK = 65_536
DEADLINE_S = 20


class RawPublisher:
    """Publishes to an RTMP URL with a key, as `rtmp://host:port/live/channel?key=…`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        app, _, channel = parts.path.strip("/").partition("/")
        address = (parts.hostname or "", parts.port or 0)
        self._socket = socket.create_connection(address, timeout=DEADLINE_S)
        self._socket.sendall(b"\x03" + bytes(2 * PACKET))
        self._send(messages.set_chunk_size(CHUNK), 2, 128)
        self._command("connect", 1.0, {"app": app, "tcUrl": url})
        self._command("createStream", 2.0, None)
        self._command("publish", 3.0, None, f"{channel}?{parts.query}", "live")

    def _command(self, name: str, transaction: float, *values: object) -> None:
        stream = 1 if name == "publish" else 0
        self._send(messages.command(name, transaction, *values, stream=stream), 3)

    def _send(self, message: Message, csid: int, size: int = CHUNK) -> None:
        self._socket.sendall(write(message, csid, size))

    def parameters(self, *tracks: Track) -> None:
        """Their sequence headers."""
        for track in tracks:
            video = isinstance(track, VideoTrack)
            make = flv.video_sequence_header if video else flv.audio_sequence_header
            self._media(9 if video else 8, 0, make(track))

    def sample(self, track: Track, sample: Sample, shift_ms: int = 0) -> None:
        """A sample, its time moved by `shift_ms`."""
        time = sample.dts * 1000 // track.timescale + shift_ms
        if isinstance(track, VideoTrack):
            self._media(9, time, flv.video_tag_body(sample, track))
        else:
            self._media(8, time, flv.audio_tag_body(sample))

    def _media(self, kind: int, time: int, body: bytes) -> None:
        self._send(Message(kind, 1, time & 0xFFFFFFFF, body), 4 if kind == 9 else 5)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._socket.sendall(data)

    def answer(self) -> bytes:
        """All that the server sent, read until it hangs up."""
        found = b""
        while data := self._socket.recv(65_536):
            found += data
        return found

    def close(self) -> None:
        """Hang up in the middle of whatever was being said; all that was said arrives."""
        self._socket.shutdown(socket.SHUT_WR)
        self.answer()
        self._socket.close()
