"""What a request target asks for: a few frozen values, or nothing.

Law: whatever the bytes, the outcome is one of these; names hold no slash, no dot-dot, no escape, so
no target leads to a file that was not meant. Each thing has one spelling, so caches hold it once.
"""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

from tidegate.settings import CHANNEL_NAME

CACHED_PATHS = 8192
"""Paths whose meaning is remembered: all parts, segments and playlists of some forty channels."""


class Index(msgspec.Struct, frozen=True):
    """`/`: the channels page."""


class Watch(msgspec.Struct, frozen=True):
    """`/watch/<channel>`: the player page."""

    channel: str


class Static(msgspec.Struct, frozen=True):
    """`/static/<file>`: a file of the pages."""

    name: str


class Channels(msgspec.Struct, frozen=True):
    """`/channels.json`."""


class Metrics(msgspec.Struct, frozen=True):
    """`/metrics`."""


class Multivariant(msgspec.Struct, frozen=True):
    """`/live/<channel>.m3u8`."""

    channel: str


class Stream(msgspec.Struct, frozen=True):
    """`/live/<channel>.flv` or `.mp4`: the tail, as a progressive body or by WebSocket."""

    channel: str
    kind: str


class Playlist(msgspec.Struct, frozen=True):
    """A media playlist; `msn` and `part` make it a blocking reload (RFC 8216bis 6.2.5.2)."""

    channel: str
    epoch: str
    rendition: str
    msn: int | None = None
    part: int | None = None
    skip: bool = False


class Init(msgspec.Struct, frozen=True):
    """An initialisation section."""

    channel: str
    epoch: str
    rendition: str
    number: int


class Segment(msgspec.Struct, frozen=True):
    """A whole segment, by its media sequence number."""

    channel: str
    epoch: str
    rendition: str
    number: int


class Part(msgspec.Struct, frozen=True):
    """A partial segment, by the number of its chunk in the log."""

    channel: str
    epoch: str
    rendition: str
    number: int


class NotFound(msgspec.Struct, frozen=True):
    """The target names nothing here."""


class Malformed(msgspec.Struct, frozen=True):
    """A directive that means nothing; `why` is for whoever reads the answer."""

    why: str


Media = Playlist | Init | Segment | Part
Page = Index | Watch | Static | Channels | Metrics
Route = Page | Multivariant | Stream | Media | NotFound | Malformed

_NAME = re.compile(CHANNEL_NAME)
_EPOCH = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RENDITION = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_NUMBER = r"(0|[1-9][0-9]{0,9})"
_INIT = re.compile(rf"init\.{_NUMBER}\.mp4")
_SEGMENT = re.compile(rf"{_NUMBER}\.m4s")
_PART = re.compile(rf"part\.{_NUMBER}\.m4s")
_DIRECTIVE = re.compile(r"[0-9]{1,10}")
_NOT_FOUND = NotFound()


def parse(target: bytes) -> Route:
    """The route of an origin-form target; directives of other makers are ignored."""
    path, _, query = target.partition(b"?")
    route = parse_path(path)
    if query and type(route) is Playlist and b"_HLS_" in query:
        return _directed(route, query)
    return route


@lru_cache(CACHED_PATHS)
def parse_path(path: bytes) -> Route:
    """The route of a path alone."""
    steps = _decode(path)
    if steps is None:
        return _NOT_FOUND
    match steps:
        case [""]:
            return Index()
        case ["channels.json"]:
            return Channels()
        case ["metrics"]:
            return Metrics()
        case ["watch", name] if _NAME.fullmatch(name):
            return Watch(name)
        case ["static", *names] if 1 <= len(names) <= 2 and all(map(_FILE.fullmatch, names)):
            return Static("/".join(names))
        case ["live", *rest]:
            return _live(rest)
    return _NOT_FOUND


def _decode(path: bytes) -> list[str] | None:
    """Steps of the path, each decoded by itself: an escaped slash never makes a step."""
    steps = path.split(b"/")
    if len(steps) > 6 or steps[0]:
        return None
    try:
        return [unquote_to_bytes(step).decode("ascii") for step in steps[1:]]
    except UnicodeDecodeError:
        return None


def _live(steps: list[str]) -> Route:
    match steps:
        case [file]:
            return _channel(file)
        case [channel, epoch, file] if _named(channel, epoch, file.removesuffix(".m3u8")):
            if file.endswith(".m3u8"):
                return Playlist(channel, epoch, file.removesuffix(".m3u8"))
        case [channel, epoch, rendition, file] if _named(channel, epoch, rendition):
            return _media(channel, epoch, rendition, file)
    return _NOT_FOUND


def _channel(file: str) -> Route:
    name, _, kind = file.rpartition(".")
    if _NAME.fullmatch(name):
        if kind == "m3u8":
            return Multivariant(name)
        if kind in ("flv", "mp4"):
            return Stream(name, kind)
    return _NOT_FOUND


def _named(channel: str, epoch: str, rendition: str) -> bool:
    return bool(
        _NAME.fullmatch(channel) and _EPOCH.fullmatch(epoch) and _RENDITION.fullmatch(rendition)
    )


def _media(channel: str, epoch: str, rendition: str, file: str) -> Route:
    if found := _PART.fullmatch(file):
        return Part(channel, epoch, rendition, int(found[1]))
    if found := _SEGMENT.fullmatch(file):
        return Segment(channel, epoch, rendition, int(found[1]))
    if found := _INIT.fullmatch(file):
        return Init(channel, epoch, rendition, int(found[1]))
    return _NOT_FOUND


@lru_cache(CACHED_PATHS)
def _directed(playlist: Playlist, query: bytes) -> Route:
    """The playlist with its delivery directives (RFC 8216bis 6.2.5)."""
    given: dict[str, str] = {}
    for pair in query.decode("latin-1").split("&"):
        name, _, value = pair.partition("=")
        if name in given:
            return Malformed(f"{name} is given twice")
        if name in ("_HLS_msn", "_HLS_part", "_HLS_skip"):
            given[name] = value
    for name in ("_HLS_msn", "_HLS_part"):
        if name in given and not _DIRECTIVE.fullmatch(given[name]):
            return Malformed(f"{name} is not a decimal number of at most ten digits")
    if "_HLS_part" in given and "_HLS_msn" not in given:
        return Malformed("_HLS_part needs _HLS_msn")
    if given.get("_HLS_skip", "YES") not in ("YES", "v2"):
        return Malformed("_HLS_skip is YES or v2")
    msn, part = (int(given[key]) if key in given else None for key in ("_HLS_msn", "_HLS_part"))
    return msgspec.structs.replace(playlist, msn=msn, part=part, skip="_HLS_skip" in given)
