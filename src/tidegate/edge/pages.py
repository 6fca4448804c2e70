"""What people and monitors look at: the two pages and their files, the list of channels, metrics.

Law: the files are read once at the start and found by name in a table, so a target can reach no
other file.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from tidegate import metrics
from tidegate.edge.catalog import Catalog, Epoch
from tidegate.edge.counts import Counts
from tidegate.edge.response import CORS, NO_STORE, VARY, Answer
from tidegate.package.manifest import FLV_LOG, Manifest, Rendition

WEB = Path(__file__).parent / "web"
FRESH_S = 0.25
"""Seconds a list of channels or metrics holds: asking often costs no more than asking once."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".json": "application/json",
    ".map": "application/json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_TEXTS = (".html", ".js", ".css", ".svg", ".json", ".map", ".txt")
"""What gzip makes smaller: hls.js to a third, seconds of a slow line before the first picture."""
_POLICY = (
    # hls.js and mpegts.js feed media and start workers from blobs; nothing comes from elsewhere.
    b"Content-Security-Policy: default-src 'self'; media-src 'self' blob:; "
    b"worker-src 'self' blob:; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    b"form-action 'none'\r\n"
    b"Referrer-Policy: same-origin\r\nX-Content-Type-Options: nosniff\r\n"
)
_REVALIDATE = b"Cache-Control: no-cache\r\n"
_JSON = b"Content-Type: application/json\r\nCache-Control: public, max-age=1\r\n"
_METRICS = b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"


class Pages:
    """Answers that are not media."""

    def __init__(self, catalog: Catalog, counts: Counts, web: Path = WEB) -> None:
        self._catalog = catalog
        self._counts = counts
        self._files = {
            path.relative_to(web).as_posix(): self._load(path)
            for path in sorted(web.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }
        self._channels: tuple[float, Answer | None] = (0.0, None)
        self._metrics: tuple[float, Answer | None] = (0.0, None)

    def file(self, name: str) -> Answer | None:
        """A file of the pages, by its name within their folder."""
        return self._files.get(name)

    def channels(self, now: float) -> Answer:
        """Every channel, as JSON."""
        until, answer = self._channels
        if answer is None or now >= until:
            listed = [
                _described(epoch, epoch.manifest, now)
                for _, channel in sorted(self._catalog.channels.items())
                if (epoch := channel.newest) is not None and epoch.manifest is not None
            ]
            body = msgspec.json.encode(listed)
            answer = Answer(self._counts.tally("channels", 200), 200, _JSON + CORS, body)
            self._channels = (now + FRESH_S, answer)
        return answer

    def metrics(self, now: float) -> Answer:
        """All parts' metrics, in Prometheus' text format."""
        until, answer = self._metrics
        if answer is None or now >= until:
            self._counts.flush()
            tally = self._counts.tally("metrics", 200)
            answer = Answer(tally, 200, _METRICS + NO_STORE, metrics.render())
            self._metrics = (now + FRESH_S, answer)
        return answer

    def _load(self, path: Path) -> Answer:
        data = path.read_bytes()
        etag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'.encode()
        fields = f"Content-Type: {_TYPES[path.suffix]}\r\n".encode() + _REVALIDATE + _POLICY
        packs = path.suffix in _TEXTS
        fields += VARY if packs else b""
        answer = Answer(self._counts.tally("page", 200), 200, fields, data, etag)
        answer.packs = packs and len(answer.packed.body) < len(data)  # now, while nobody waits
        return answer


def _described(epoch: Epoch, manifest: Manifest, now: float) -> dict[str, Any]:
    """One channel as `/channels.json` tells of it."""
    flv = epoch.feed(FLV_LOG, now)
    return {
        "name": manifest.channel,
        "epoch": epoch.id,
        "live": flv is not None and not flv.ended,
        "since_ms": epoch.since_ms,
        "video": _of_kind(manifest.renditions, "video", ("codec", "width", "height", "frame_rate")),
        "audio": _of_kind(manifest.renditions, "audio", ("codec", "sample_rate", "channels")),
        "viewers": sum(feed.viewers for feed in epoch.feeds),
        "hls": f"/live/{manifest.channel}.m3u8",
        "flv": f"/live/{manifest.channel}.flv",
    }


def _of_kind(
    renditions: list[Rendition], kind: str, names: tuple[str, ...]
) -> dict[str, Any] | None:
    for rendition in renditions:
        if rendition.kind == kind:
            return {name: getattr(rendition, name) for name in names}
    return None
