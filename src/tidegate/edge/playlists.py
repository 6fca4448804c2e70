"""Playlists: rendered once a change, and shared by all who ask or wait.

Law: a playlist is a pure function of the windows; this only decides when, and what caches may do.
"""

from tidegate.edge.catalog import Epoch
from tidegate.edge.counts import Counts
from tidegate.edge.feed import Feed
from tidegate.edge.response import CORS, VARY, Answer, error
from tidegate.edge.routes import Playlist
from tidegate.package import hls
from tidegate.package.manifest import Manifest
from tidegate.package.window import Window

MULTIVARIANT_S = 1.0
"""Seconds a multivariant playlist is kept, here and in caches: its bit rates move slowly."""
BLOCKED_TARGETS = 6
"""Target durations that a blocking reload's answer may be cached: its URL names what it holds
(RFC 8216bis, the low-latency server profile)."""

_TYPE = b"Content-Type: application/vnd.apple.mpegurl\r\n" + VARY


def too_far(epoch: Epoch, feed: Feed, route: Playlist) -> bool:
    """Whether a blocking reload asks for what is too far ahead (RFC 8216bis 6.2.5.2)."""
    if route.msn is None or feed.window.has(route.msn, route.part):
        return False
    rendition = epoch.manifest.rendition(route.rendition) if epoch.manifest else None
    return rendition is not None and not hls.can_block(
        feed.window, rendition.part_target, route.msn, route.part
    )


class Playlists:
    """Answers for playlists; None where the log has to grow first."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._over = error(counts.tally("playlist", 404), 404, "This log ended without a segment.")

    def multivariant(self, epoch: Epoch, now: float) -> Answer | None:
        """The multivariant playlist of a channel's newest epoch."""
        until, answer = epoch.answers.get("multivariant", (0.0, None))
        if answer is not None and now < until:
            return answer
        manifest = epoch.manifest
        if manifest is None or (windows := _windows(epoch, manifest, now)) is None:
            return None
        fields = _TYPE + _cache(MULTIVARIANT_S) + CORS
        tally = self._counts.tally("multivariant", 200, epoch.channel)
        answer = Answer(tally, 200, fields, hls.multivariant(manifest, windows))
        answer.packs = True
        epoch.answers["multivariant"] = (now + MULTIVARIANT_S, answer)
        return answer

    def media(self, epoch: Epoch, feed: Feed, route: Playlist, now: float) -> Answer | None:
        """A media playlist, when it holds what `route` waits for."""
        blocking = route.msn is not None
        if route.msn is not None and not feed.window.has(route.msn, route.part):
            return None
        answer = feed.answers.get((route.skip, blocking))
        if answer is None:
            manifest = epoch.manifest
            if manifest is None or (windows := _windows(epoch, manifest, now)) is None:
                return self._over if feed.ended else None
            text = hls.media_playlist(manifest, route.rendition, windows, route.skip)
            fields = _TYPE + _cache(_age(manifest, blocking=blocking)) + CORS
            tally = self._counts.tally("playlist", 200, epoch.channel)
            answer = feed.answers[route.skip, blocking] = Answer(tally, 200, fields, text)
            answer.source = feed
            answer.packs = True
            answer.leads = epoch.leads(route.rendition)
        return answer


def _windows(epoch: Epoch, manifest: Manifest, now: float) -> dict[str, Window] | None:
    """Every rendition's window, or None while one of them has no whole segment."""
    windows = {}
    for rendition in manifest.renditions:
        feed = epoch.feed(rendition.log, now)
        if feed is None or not feed.window.ready:
            return None
        windows[rendition.name] = feed.window
    return windows


def _age(manifest: Manifest, *, blocking: bool) -> float:
    target = manifest.target_duration
    return BLOCKED_TARGETS * target if blocking else max(1, target // 2)


def _cache(seconds: float) -> bytes:
    return b"Cache-Control: public, max-age=%d\r\n" % seconds
