"""One viewer's socket: requests in, responses out in order, nothing held that the kernel can hold.

Law: the socket is registered once, edge-triggered, and read only between two responses; so a viewer
who sends without end, or reads nothing, fills the kernel's buffers and not this process.

    HANDSHAKE ──TLS──► HEAD
    HEAD ──request──► SENDING ──all sent──► HEAD | LINGER | CLOSED
      └─► PARKED ──the log grew──► SENDING      └─► FOLLOWING ──the log ended──► LINGER
"""

import socket

import structlog

from tidegate import metrics
from tidegate.edge.admission import Address
from tidegate.edge.loop import BROKEN, CONNECTED, NEWS, PEER_ENDED, WRITABLE
from tidegate.edge.outlet import Outlet, SecureOutlet
from tidegate.edge.request import BadRequest, Request
from tidegate.edge.response import CLOSE, NO_STORE, Answer, Stretch, error, fit
from tidegate.edge.stage import Stage
from tidegate.edge.timers import NEVER, NO_SLOT, TICK_S
from tidegate.edge.tls import SecureSocket
from tidegate.edge.worker import Follower, Worker

RECEIVE = 8192
"""Bytes read at once: more than any browser's head."""
REQUESTS_A_TURN = 16
"""Pipelined requests answered before others get their turn."""
LINGER_S = 2.0
"""Seconds a closing socket is read, so that a reset does not overtake the last response."""
LINGER_BYTES = 1 << 20
"""Bytes read and thrown away at one go; who sends more gets the reset."""

_NO_REQUEST = Request(
    b"", b"", keep_alive=False, plain=True, range=b"", if_range=b"", if_none_match=b""
)

log = structlog.get_logger()


_HEAD, _SENDING = Stage.HEAD, Stage.SENDING


class Connection:
    """See the module.

    `watching` is the handler's: whose viewer this counts as; `address` the server's: from where it
    came; `since` is when, by the loop's clock.
    """

    __slots__ = (
        "_bench",
        "_closing",
        "_eof",
        "_fd",
        "_follower",
        "_held",
        "_hurried",
        "_late",
        "_outlet",
        "_readable",
        "_socket",
        "_stage",
        "_worker",
        "address",
        "deadline",
        "request",
        "send",
        "since",
        "slot",
        "watching",
    )

    def __init__(
        self, sock: socket.socket | SecureSocket, worker: Worker, address: Address | None = None
    ) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self._worker = worker
        self._outlet: Outlet | SecureOutlet = (
            Outlet(sock) if isinstance(sock, socket.socket) else SecureOutlet(sock)
        )
        self._stage = _HEAD if isinstance(sock, socket.socket) else Stage.HANDSHAKE
        self.send = sock.send
        self.address = address
        self.since = worker.loop.now
        self._held = b""
        self._readable = self._eof = self._closing = False
        self._hurried = True
        self._bench: dict[Connection, None] | None = None
        self._late: Answer | None = None
        self._follower: Follower | None = None
        self.request = _NO_REQUEST
        self.watching: object = None
        self.deadline = NEVER
        self.slot = NO_SLOT
        worker.loop.add(self._fd, self, CONNECTED)
        worker.entered(self)
        limits = worker.limits
        self._due(limits.header_s if self._stage is _HEAD else limits.handshake_s)

    # What the kernel says.

    def ready(self, events: int) -> None:
        """epoll's word. A fault of ours ends this connection, never the others'."""
        try:
            if events & BROKEN:
                self.close()
                return
            if events & NEWS:
                self._readable = True
                self._eof = self._eof or bool(events & PEER_ENDED)
            if self._stage is _HEAD:
                self._serve()
            elif self._stage is Stage.LINGER:
                self._discard()
            elif self._stage is Stage.HANDSHAKE:
                self._shake()
            elif events & WRITABLE and self._outlet.pending:
                self._resume()
            if self._stage is Stage.FOLLOWING and (self._readable or self._held):
                self._hear()
            if self._eof and self._stage in (Stage.PARKED, Stage.FOLLOWING):
                self.close()
        except Exception:
            log.exception("request failed", request=self.request)
            self.close()

    def _resume(self) -> None:
        try:
            whole = self._outlet.flush()
        except OSError:
            self.close()
            return
        if not self._sent(whole):
            return
        if self._follower is not None:
            self._follower.drained()
        else:
            self._finished()
            self._serve()

    def _shake(self) -> None:
        sock = self._socket
        if isinstance(sock, socket.socket):
            return
        try:
            if not sock.handshake():
                if self._eof:
                    self.close()
                return
        except OSError:
            metrics.TLS_HANDSHAKES.labels(outcome="failed").inc()
            self.close()
            return
        metrics.TLS_HANDSHAKES.labels(outcome="resumed" if sock.resumed else "full").inc()
        self._stage = _HEAD
        self._readable = True
        self._due(self._worker.limits.header_s)
        self._serve()

    # Requests in.

    def _serve(self) -> None:
        """Take requests for as long as each is answered at once."""
        for _ in range(REQUESTS_A_TURN):
            if self._stage is not _HEAD:
                return
            request = self._next()
            if request is None:
                return
            self.request = request
            self._worker.handler.handle(self, request)
            if not self._readable and not self._held:
                return
        self._worker.loop.defer(self._serve)

    def _next(self) -> Request | None:
        while True:
            if self._held:
                try:
                    request, used = self._worker.parser.take(self._held)
                except BadRequest as bad:
                    self.refuse(bad)
                    return None
                if used:
                    self._held = self._held[used:]
                if request is not None:
                    return request
            if not self._readable or not self._receive():
                break
        if self._held and not self._hurried and self._stage is _HEAD:
            self._hurried = True
            self._due(self._worker.limits.header_s)
        return None

    def _receive(self) -> bool:
        sock = self._socket
        try:
            data = sock.recv(RECEIVE)
        except BlockingIOError:
            self._readable = False
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        # epoll(7): a short read has emptied the socket, unless its end is already known of.
        self._readable = self._eof or len(data) >= RECEIVE
        self._held = self._held + data if self._held else data
        return True

    def _discard(self) -> None:
        for _ in range(LINGER_BYTES // RECEIVE):
            self._held = b""
            if not self._readable or not self._receive():
                return
        self.close()

    # Responses out.

    def respond(self, answer: Answer) -> None:
        """Answer the request at hand."""
        request, worker = self.request, self._worker
        if answer.packs and request.gzip and not request.range:
            answer = answer.packed
        if not request.plain:
            answer = fit(answer, request, worker.counts)
        self._send(answer, closing=worker.draining or not request.keep_alive)

    def refuse(self, bad: BadRequest) -> None:
        """Answer bytes that are no request, and end."""
        counts = self._worker.counts
        counts.error(bad.word)
        fields = NO_STORE + (b"Allow: GET, HEAD, OPTIONS\r\n" if bad.status == 405 else b"")
        tally = counts.tally("refused", bad.status)
        self.turn_away(error(tally, bad.status, f"Refused: {bad.word}.", fields))

    def turn_away(self, answer: Answer) -> None:
        """Answer whatever is asked, and end."""
        self._send(answer, closing=True)

    def _send(self, answer: Answer, *, closing: bool) -> None:
        tally = self._outlet.tally = answer.tally
        tally.requests += 1
        tally.sent -= answer.head_size + (len(CLOSE) if closing else 0)
        self._closing = closing
        self._stage = _SENDING
        if self._put(answer.last() if closing else answer.wire, answer.stretch):
            self._finished()

    def _put(self, out: bytes | memoryview, body: Stretch | None) -> bool:
        try:
            return self._sent(self._outlet.put(out, body))
        except OSError:
            self.close()
            return False

    def _sent(self, whole: bool) -> bool:
        """Note how far it went: a viewer that takes nothing for too long is let go."""
        if not whole:
            self._due(self._worker.limits.idle_s)
        elif self._follower is not None:
            self.deadline = NEVER
        return whole

    def _finished(self) -> None:
        if self._closing or self._worker.draining:
            self._end()
            return
        self._stage = _HEAD
        self.request = _NO_REQUEST
        self._hurried = False
        self._due(self._worker.limits.idle_s)

    def _end(self) -> None:
        """Close so that the last response arrives: a close on unread bytes would reset it."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self._stage = Stage.LINGER
        self._due(LINGER_S)
        self._discard()

    # Waiting.

    def park(self, bench: "dict[Connection, None]", seconds: float, late: Answer) -> None:
        """Wait on `bench` to be woken; after `seconds` the answer is `late`."""
        bench[self] = None
        self._bench = bench
        self._late = late
        self._stage = Stage.PARKED
        self._worker.counts.gauges.parked += 1
        self._due(seconds)

    def wake(self, answer: Answer) -> None:
        """What this connection was parked for is there."""
        self._unpark()
        self.respond(answer)
        if self._stage is _HEAD and (self._held or self._readable):
            self._worker.loop.defer(self._serve)

    def _unpark(self) -> None:
        if self._bench is not None:
            self._bench.pop(self, None)
            self._bench = None
            self._worker.counts.gauges.parked -= 1

    # Following.

    def follow(self, follower: Follower, head: Answer) -> None:
        """Begin a body without an end; `push` carries it."""
        self._follower = follower
        self._stage = Stage.FOLLOWING
        tally = self._outlet.tally = head.tally
        out = head.last()
        tally.requests += 1
        tally.sent -= len(out)
        if self._put(out, None):
            follower.drained()

    def push(self, out: bytes | memoryview, body: Stretch | None = None) -> bool:
        """Send more of it, all before being sent; True when all of this went at once."""
        return self._put(out, body)

    @property
    def behind(self) -> bool:
        """Whether the kernel has yet to take some of what was pushed."""
        return self._outlet.pending

    def _hear(self) -> None:
        """Hand the follower what the viewer says; who follows by plain HTTP is not listened to."""
        for _ in range(REQUESTS_A_TURN):
            follower = self._follower
            if follower is None or not follower.hears:
                return
            if not self._held and not (self._readable and self._receive()):
                return
            data, self._held = self._held, b""
            follower.heard(data)
        self._worker.loop.defer(self._hear)

    def finish(self) -> None:
        """The followed body has ended after all."""
        self._unfollow()
        self._end()

    def _unfollow(self) -> None:
        if self._follower is not None:
            self._follower.gone()
            self._follower = None

    # The end.

    def _due(self, seconds: float) -> None:
        loop = self._worker.loop
        self.deadline = deadline = loop.now + seconds
        if deadline < (self.slot - 1) * TICK_S:
            loop.wheel.watch(self)

    @property
    def closed(self) -> bool:
        """Whether nothing will be sent any more."""
        return self._stage is Stage.CLOSED

    @property
    def idle(self) -> bool:
        """Between two requests, with nothing of the next one here."""
        return self._stage is _HEAD and not self._held

    def expire(self, now: float) -> None:  # noqa: ARG002  (the wheel's word)
        """The deadline of whatever this connection is doing passed."""
        if self._stage is Stage.PARKED and self._late is not None:
            self.wake(self._late)
        elif self._stage is Stage.HANDSHAKE:
            metrics.TLS_HANDSHAKES.labels(outcome="failed").inc()
            self.close()
        elif self._stage is _HEAD and self._held:
            self.refuse(BadRequest(408, "header_timeout"))
        else:
            if self._outlet.pending:
                self._worker.counts.error("stalled")
            self.close()

    def close(self) -> None:
        """Close now, whatever is under way; more than once is no error."""
        if self._stage is Stage.CLOSED:
            return
        self._unpark()
        self._stage = Stage.CLOSED
        self.deadline = NEVER
        self._outlet.drop()
        self._unfollow()
        self._worker.loop.forget(self._fd)
        self._socket.close()
        self._worker.left(self)
