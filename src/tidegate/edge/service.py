"""Which answer a request gets: routes to those who know, and what waits to its bench."""

from collections.abc import Callable
from typing import Any

from tidegate.edge.catalog import Catalog, Epoch
from tidegate.edge.connection import Connection
from tidegate.edge.counts import Counts
from tidegate.edge.door import Door
from tidegate.edge.feed import Feed
from tidegate.edge.loop import Loop
from tidegate.edge.pages import Pages
from tidegate.edge.playlists import Playlists, too_far
from tidegate.edge.request import Request
from tidegate.edge.response import CORS, NO_STORE, PREFLIGHT, RETRY, Answer, error
from tidegate.edge.routes import (
    Channels,
    Index,
    Init,
    Malformed,
    Media,
    Metrics,
    Multivariant,
    NotFound,
    Part,
    Playlist,
    Segment,
    Static,
    Stream,
    Watch,
    parse,
)
from tidegate.edge.segments import Segments
from tidegate.edge.streams import Streams
from tidegate.edge.timers import Timer

PATIENCE_TARGETS = 3
"""Target durations a request is kept waiting, then 503 (RFC 8216bis 6.2.5.2)."""
PATIENCE_S = 6.0
"""The same where no manifest tells the target duration yet."""

KNOWN_TARGETS = 8192
"""Targets whose answer is found at once: the parts and playlists of some forty channels."""
SWEEP_S = 5.0
"""Seconds between two looks for answers gone stale, which hold bytes and files that are retired."""

Waited = Media | Multivariant


class Service:
    """The `Handler` of every connection of a worker."""

    def __init__(
        self, loop: Loop, counts: Counts, catalog: Catalog, door: Door, streams: Streams
    ) -> None:
        self._loop = loop
        self._counts = counts
        self._catalog = catalog
        self._door = door
        self._streams = streams
        self._pages = Pages(catalog, counts)
        self._playlists = Playlists(counts)
        self._segments = Segments(counts)
        self._late = error(
            counts.tally("late", 503), 503, "The media did not come in time.", NO_STORE + RETRY
        )
        self._busy = error(
            counts.tally("busy", 503), 503, "Out of descriptors; try again.", NO_STORE + RETRY
        )
        self._known: dict[bytes, Answer] = {}
        self._sweeper = Timer(self._sweep)
        self._sweep(loop.now)
        self._preflight = Answer(counts.tally("preflight", 204), 204, PREFLIGHT + CORS, b"")
        self._by_route: dict[type, Callable[[Connection, Any], Answer | None]] = {
            Index: lambda _connection, _route: self._file("index.html"),
            Watch: lambda _connection, _route: self._file("watch.html"),
            Static: lambda _connection, route: self._file(route.name),
            Channels: lambda _connection, _route: self._pages.channels(loop.now),
            Metrics: lambda _connection, _route: self._pages.metrics(loop.now),
            NotFound: lambda _connection, _route: self._absent("Nothing is here."),
            Malformed: lambda _connection, route: self._wrong(f"Bad request: {route.why}."),
            Multivariant: self._multivariant,
            Playlist: self._media,
            Segment: self._media,
            Part: self._media,
            Init: self._media,
            Stream: self._stream,
        }

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer now, or park, or let follow."""
        if connection.address is not None and not self._door.allows(connection.address):
            connection.turn_away(self._door.too_fast)
            return
        target = request.target
        answer = self._known.get(target if b"?" not in target else _subject(target))
        if answer is None or answer.source.stale or request.method == b"OPTIONS":
            answer = self._answer(connection, request)
        if answer is not None:
            watched = answer.source if answer.leads else None
            if connection.watching is not watched:
                self._watch(connection, watched)
            connection.respond(answer)

    def left(self, connection: Connection) -> None:
        """The connection is closed."""
        self._watch(connection, None)
        self._door.left(connection)

    def _watch(self, connection: Connection, feed: object) -> None:
        """Who was last given a playlist counts as a viewer of its log."""
        viewers = self._counts.gauges.viewers
        if isinstance(connection.watching, Feed):
            connection.watching.watchers -= 1
            viewers["hls"] -= 1
        connection.watching = feed
        if isinstance(feed, Feed):
            feed.watchers += 1
            viewers["hls"] += 1

    def _answer(self, connection: Connection, request: Request) -> Answer | None:
        if request.method == b"OPTIONS":
            return self._preflight
        route = parse(request.target)
        try:
            answer = self._by_route[type(route)](connection, route)
        except OSError:
            return self._busy
        if answer is not None and not answer.source.stale:
            subject = _subject(request.target)
            if b"?" not in subject:
                if len(self._known) >= KNOWN_TARGETS:
                    self._known.clear()
                self._known[subject] = answer
        return answer

    def _sweep(self, now: float) -> None:
        known = self._known.items()
        self._known = {target: answer for target, answer in known if not answer.source.stale}
        self._sweeper.deadline = now + SWEEP_S
        self._loop.wheel.watch(self._sweeper)

    def _media(self, connection: Connection, route: Media) -> Answer | None:
        epoch = self._catalog.epoch(route.channel, route.epoch)
        feed = epoch.cmaf(route.rendition, self._loop.now) if epoch is not None else None
        if epoch is None or feed is None:
            return self._absent(f"There is no such epoch or rendition of {route.channel}.")
        if type(route) is Playlist and too_far(epoch, feed, route):
            return self._wrong("That segment or part is too far ahead.")
        answer = self._resolve(epoch, feed, route)
        if answer is None:
            leads = type(route) is Playlist and epoch.leads(route.rendition)
            self._watch(connection, feed if leads else None)
            self._park(connection, epoch, feed, route)
        return answer

    def _resolve(self, epoch: Epoch, feed: Feed, route: Waited) -> Answer | None:
        """The answer, once the log holds it."""
        try:
            return self._found(epoch, feed, route)
        except OSError:
            return self._busy

    def _found(self, epoch: Epoch, feed: Feed, route: Waited) -> Answer | None:
        match route:
            case Part():
                return self._segments.part(epoch, feed, route)
            case Playlist():
                return self._playlists.media(epoch, feed, route, self._loop.now)
            case Segment():
                return self._segments.segment(epoch, feed, route)
            case Init():
                return self._segments.init(epoch, feed, route)
            case Multivariant():
                return self._playlists.multivariant(epoch, self._loop.now)

    def _park(self, connection: Connection, epoch: Epoch, feed: Feed, route: Waited) -> None:
        manifest = epoch.manifest
        seconds = PATIENCE_TARGETS * manifest.target_duration if manifest else PATIENCE_S
        bench = feed.bench(route, lambda: self._resolve(epoch, feed, route))
        connection.park(bench, seconds, self._late)

    def _multivariant(self, connection: Connection, route: Multivariant) -> Answer | None:
        epoch = self._catalog.newest(route.channel)
        if epoch is None or epoch.manifest is None:
            return self._absent(f"There is no channel {route.channel}.")
        refusal = self._door.refusal(connection.request, epoch)
        if refusal is not None:
            return refusal
        answer = self._playlists.multivariant(epoch, self._loop.now)
        if answer is not None:
            return answer
        # The first segment is not there yet: wait where the first rendition grows.
        feed = epoch.cmaf(epoch.manifest.renditions[0].name, self._loop.now)
        if feed is None or feed.ended:
            return self._absent(f"Channel {route.channel} has nothing to play.")
        self._park(connection, epoch, feed, route)
        return None

    def _stream(self, connection: Connection, route: Stream) -> Answer | None:
        epoch = self._catalog.newest(route.channel)
        protocol = self._streams.protocol(route.kind, connection.request)
        feed = epoch.feed(protocol.log, self._loop.now) if epoch is not None else None
        if epoch is None or feed is None or feed.ended:
            return self._absent(f"Channel {route.channel} is not live.")
        refusal = self._door.refusal(connection.request, epoch)
        if refusal is not None:
            return refusal
        return self._streams.join(connection, feed, protocol)

    def _file(self, name: str) -> Answer:
        return self._pages.file(name) or self._absent(f"There is no file {name}.")

    def _absent(self, text: str) -> Answer:
        return error(self._counts.tally("absent", 404), 404, text)

    def _wrong(self, text: str) -> Answer:
        return error(self._counts.tally("malformed", 400), 400, text)


def _subject(target: bytes) -> bytes:
    """What a target names; a query without delivery directives only says who asks (CTA-5004)."""
    path, _, query = target.partition(b"?")
    return target if b"_HLS_" in query else path
