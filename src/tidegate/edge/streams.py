"""Who joins a tail: by HTTP, or by a WebSocket on the same URL."""

from tidegate.edge.connection import Connection
from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.pace import Pace
from tidegate.edge.protocols import FLV, FMP4, WS_FLV, WS_FMP4, Protocol
from tidegate.edge.request import Request
from tidegate.edge.response import NO_STORE, Answer, StreamHead, UpgradeHead, error
from tidegate.edge.tail import Tail
from tidegate.edge.websocket import VERSION, accept_key, valid_key

_BY_KIND = {"flv": (FLV, WS_FLV), "mp4": (FMP4, WS_FMP4)}
_UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n"


class Streams:
    """Makes tails and their heads. `slow_viewer_s`: see `Settings.http`."""

    def __init__(self, pace: Pace, counts: Counts, slow_viewer_s: float) -> None:
        self._pace = pace
        self._counts = counts
        self._slow_viewer_s = slow_viewer_s
        self._no_websocket = error(
            counts.tally("refused", 426),
            426,
            "This speaks version 13 of the WebSocket protocol, with a key of 16 bytes.",
            # RFC 6455 4.2.2, RFC 9110 15.5.22
            b"Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n" + NO_STORE,
        )

    def protocol(self, kind: str, request: Request) -> Protocol:
        """The protocol that a request for the stream `kind` ("flv", "mp4") speaks."""
        plain, framed = _BY_KIND[kind]
        return framed if request.websocket else plain

    def join(self, connection: Connection, feed: Feed, protocol: Protocol) -> Answer | None:
        """Let a connection follow `feed`, or answer it at once."""
        request = connection.request
        if request.websocket and not (request.version == VERSION and valid_key(request.key)):
            return self._no_websocket
        head = self._head(feed.channel, protocol, request)
        if request.method == b"HEAD":
            return head
        tail = feed.tails.get(protocol.name)
        if tail is None:
            tail = Tail(feed, protocol, self._pace, self._slow_viewer_s, self._counts)
        tail.join(connection, head)
        return None

    def _head(self, channel: str, protocol: Protocol, request: Request) -> Answer:
        if request.websocket:
            tally = self._counts.tally(protocol.name, 101, channel, protocol.name)
            return UpgradeHead(tally, _UPGRADE % accept_key(request.key))
        tally = self._counts.tally(protocol.name, 200, channel, protocol.name)
        return StreamHead(tally, protocol.fields)
