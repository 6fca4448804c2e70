"""One RTMP connection's socket: bytes to the session, its events to the gate, its end to the log.

Law: every connection has a deadline at all times; it ends once, with one reason, one log line, and
with the reason told to the peer where the protocol has words for it. Times are the loop's.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from tidegate import metrics
from tidegate.ingest.flv_samples import FlvSamples, Sink
from tidegate.ingest.gate import Refused
from tidegate.ingest.rtmp.errors import RtmpError
from tidegate.ingest.rtmp.session import Event, Media, PublishRequest, Session, Unpublish
from tidegate.media.errors import MediaError, UnsupportedCodec
from tidegate.settings import Rtmp

LINGER_S = 2.0
"""Seconds a connection that ended may stay open: a reset would take back what was said last."""

UNREAD = 64 * 1024
"""Bytes of answers a peer may leave unread."""

_REFUSALS_OF_PUBLISH = {"key", "name"}


class Publication(Sink, Protocol):
    """What the gate gives for an accepted publish."""

    def close(self, reason: str) -> None: ...


class Gate(Protocol):
    """Who may publish; raises `Refused`."""

    def admit(self, channel: str, key: str, kick: Callable[[str], None]) -> Publication: ...


class Owner(Protocol):
    """What a connection asks of its server."""

    settings: Rtmp
    gate: Gate
    received: int

    def joined(self, connection: "Connection") -> str | None: ...
    def accepted(self, connection: "Connection") -> None: ...
    def left(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """A publisher, from accept to close."""

    def __init__(self, owner: Owner, session: Session) -> None:
        self._owner = owner
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._publication: Publication | None = None
        self._samples: FlvSamples | None = None
        self._reason: str | None = None
        self._received = 0
        self._began = self._heard = self._loop.time()
        self._linger_until = 0.0
        self._channel = ""
        self.address = ""
        self.pending = True
        """Whether the owner counts it among those that have not published yet."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is open."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else ""
        self._transport.set_write_buffer_limits(high=UNREAD)
        refused = self._owner.joined(self)
        if refused is not None:
            self._fault(refused)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self._reason is not None:
            return
        self._heard = self._loop.time()
        self._received += len(data)
        self._owner.received += len(data)
        wall = time.time_ns() // 1000
        try:
            for event in self._session.receive(data):
                self._event(event, wall)
        except RtmpError as error:
            self._fault(error.word)
        except MediaError as error:
            word = "codec" if isinstance(error, UnsupportedCodec) else "media"
            self._session.refuse(word, str(error))
            self._fault(word)
        except OSError as error:
            # asyncio would take it for the peer's and say nothing: it is our disk or descriptors.
            structlog.get_logger().error("ingest fault", what=str(error), exc_info=error)
            self.end("fault", "this server cannot take the stream now")
        else:
            self._flush()

    def pause_writing(self) -> None:
        """asyncio: the peer does not read its answers."""
        self._fault("unread")

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the socket is closed."""
        self._owner.left(self)
        self._finish("gone" if exc is None or isinstance(exc, OSError) else "fault")
        structlog.get_logger().info(
            "rtmp connection ended",
            reason=self._reason,
            channel=self._channel or None,
            peer=self.address,
            seconds=round(self._loop.time() - self._began, 1),
            bytes=self._received,
        )

    def tick(self, now: float) -> None:
        """Ends what is past its deadline."""
        settings = self._owner.settings
        if self._reason is not None:
            if now >= self._linger_until:
                self._abort()
        elif self._publication is None:
            if now - self._began >= settings.publish_deadline_s:
                self._fault("deadline")
        elif now - self._heard >= settings.idle_timeout_s:
            self._session.refuse("idle", f"nothing came for {settings.idle_timeout_s:g} s")
            self._fault("idle")

    def end(self, reason: str, text: str) -> None:
        """Ends the publish for a reason of ours, with a text for the peer."""
        if self._reason is None:
            self._session.refuse(reason, text)
            self._hang_up(reason)

    def _event(self, event: Event, wall: int) -> None:
        if isinstance(event, Media):
            if self._samples is not None:
                self._samples.media(event, wall)
        elif isinstance(event, PublishRequest):
            self._publish(event)
        elif isinstance(event, Unpublish):
            # The peer closes: rtmp2sink takes our closing first for a failure.
            self._finish("unpublish")
            self._flush()

    def _publish(self, request: PublishRequest) -> None:
        self._channel = request.channel
        try:
            publication = self._owner.gate.admit(request.channel, request.key, self._kick)
        except Refused as refusal:
            metrics.PUBLISHES.labels(refusal.word).inc()
            self._session.refuse(refusal.word, str(refusal))
            self._hang_up(refusal.word)
            return
        self._publication = publication
        self._samples = FlvSamples(publication)
        self._session.accept()
        self._owner.accepted(self)
        metrics.PUBLISHES.labels("accepted").inc()

    def _kick(self, text: str) -> None:
        self.end("takeover", text)

    def _fault(self, word: str) -> None:
        """The peer's fault: counted once, told where the session has something to say."""
        if self._reason is not None:
            return
        counter = metrics.PUBLISHES if word in _REFUSALS_OF_PUBLISH else metrics.INGEST_ERRORS
        counter.labels(word).inc()
        self._hang_up(word)

    def _hang_up(self, reason: str) -> None:
        """Says the last words and closes our half; the peer closes its own, or the tick does."""
        self._finish(reason)
        if not self._flush():
            self._abort()
        elif self._transport is not None and self._transport.can_write_eof():
            try:
                self._transport.write_eof()
            except OSError:  # the peer has reset the connection, and the loop does not know yet
                self._abort()

    def _finish(self, reason: str) -> None:
        if self._reason is not None:
            return
        self._reason = reason
        self._linger_until = self._loop.time() + LINGER_S
        if self._publication is not None:
            self._publication.close(reason)
            self._publication = self._samples = None

    def _flush(self) -> bool:
        """Sends what waits; False when nothing did."""
        data = self._session.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
        return bool(data)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
