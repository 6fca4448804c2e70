"""Inits, segments and parts: ranges of a log, the same for every viewer and for ever.

Law: an epoch's bytes never change, so every cache may keep them. What is small and new is read once
and shared; the rest goes from the page cache to the socket.
"""

from tidegate.edge.catalog import Epoch
from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.response import CORS, NOWHERE, SMALL, Answer, Stretch, error
from tidegate.edge.routes import Init, Part, Segment
from tidegate.log import Retired

KNOWN_PARTS = 2048
"""Answers kept of a log's parts: some minutes of them; the first that was made goes first."""

_IMMUTABLE = b"Cache-Control: public, max-age=86400, immutable\r\n"
_TYPES = {
    "video": b"Content-Type: video/mp4\r\n" + _IMMUTABLE + CORS,
    "audio": b"Content-Type: audio/mp4\r\n" + _IMMUTABLE + CORS,
}
_BRIEF = b"Cache-Control: public, max-age=1\r\n"


class Segments:
    """Answers for media; None where the log has to grow first."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._never = error(counts.tally("media", 404), 404, "There is no such media.", _BRIEF)
        self._gone = error(counts.tally("media", 410), 410, "This media is no longer kept.")

    def init(self, epoch: Epoch, feed: Feed, route: Init) -> Answer:
        """An initialisation section."""
        answer = feed.inits.get(route.number)
        if answer is None:
            try:
                data = feed.reader.init(route.number)
            except Retired:
                return self._never
            answer = feed.inits[route.number] = self._media(epoch, route, data)
        return answer

    def segment(self, epoch: Epoch, feed: Feed, route: Segment) -> Answer | None:
        """A whole segment, once it is complete."""
        answer = feed.segments.get(route.number)
        if answer is not None:
            return answer
        kept = feed.window.segment(route.number)
        if kept is None:
            return self._no_segment(feed, route.number)
        if not kept.complete:
            return None
        try:
            file = feed.reader.file(route.number)
        except Retired:
            return self._gone
        body = Stretch(file, kept.head.offset, kept.size)
        answer = self._media(epoch, route, body)
        answer.source = feed
        feed.segments[route.number] = answer
        return answer

    def _no_segment(self, feed: Feed, number: int) -> Answer | None:
        segments = feed.window.segments
        if segments and number < segments[0].number:
            return self._gone
        follows = bool(segments) and number == segments[-1].number + 1
        return None if follows and not feed.ended else self._never

    def part(self, epoch: Epoch, feed: Feed, route: Part) -> Answer | None:
        """A part; the hinted next one is waited for (RFC 8216bis 6.2.6)."""
        answer = feed.parts.get(route.number)
        if answer is not None:
            return answer
        reader = feed.reader
        if route.number >= reader.next:
            return None if route.number == reader.next and not feed.ended else self._never
        try:
            record = reader.record(route.number)
            file = reader.file(record.segment)
        except Retired:
            return self._gone
        hot = record.size <= SMALL and feed.hot(route.number)
        place = record.offset, record.size
        body = file.read(*place) if hot else Stretch(file, *place)
        answer = self._media(epoch, route, body)
        if len(feed.parts) >= KNOWN_PARTS:
            feed.parts.pop(next(iter(feed.parts))).source = NOWHERE
        answer.source = feed
        feed.parts[route.number] = answer
        return answer

    def _media(self, epoch: Epoch, route: Init | Segment | Part, body: bytes | Stretch) -> Answer:
        rendition = epoch.manifest.rendition(route.rendition) if epoch.manifest else None
        fields = _TYPES[rendition.kind if rendition else "video"]
        tally = self._counts.tally(type(route).__name__.lower(), 200, epoch.channel)
        return Answer(tally, 200, fields, body, _etag(route))


def _etag(route: Init | Segment | Part) -> bytes:
    """The URL already means these bytes alone, so its own words are the strong validator."""
    kind = type(route).__name__[0].lower()
    return f'"{route.epoch}.{route.rendition}.{kind}{route.number}"'.encode()
