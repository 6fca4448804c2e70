"""One rendition as it is fetched: its playlist again and again, and beside it piece after piece.

Law: one playlist and one piece are on their way at most. A playlist of another variant, once it is
there, ends the piece of the one before; what the viewer has is never fetched twice.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from tidegate.load import live
from tidegate.load.abr import Abr, Load
from tidegate.load.crew import Crew
from tidegate.load.fetch import Done, Fetch, Fetched, Request
from tidegate.load.http import BODY_LIMIT
from tidegate.load.player import Player, State
from tidegate.load.playlist import Media, Multivariant, Piece, PlaylistError, Variant, parse
from tidegate.load.scan import ScanError, segment_times, timescales
from tidegate.load.target import Target
from tidegate.load.timeline import Timeline
from tidegate.media import MediaError
from tidegate.media.cmaf.box import parse_boxes

LOOK_S = 0.1
"""Seconds between two looks at a piece that takes long (hls.js)."""
BUFFER_S, BUFFER_BITS, BUFFER_MOST_S = 30.0, 8 * 60e6, 600.0
"""So much is fetched ahead: so many seconds, or more while it is not so many bits (hls.js
maxBufferLength, maxBufferSize, maxMaxBufferLength)."""
GZIP = b"\x1f\x8b"
"""What a body by gzip begins with (RFC 1952 2.3.1), and no playlist does."""
_UNKNOWN = Media()


class Watching(Protocol):
    """Whose track it is."""

    crew: Crew
    player: Player
    abr: Abr
    variants: Sequence[Variant]

    def ask(self, request: Request, done: Done) -> Fetch:
        """Fetch; a fault or a refusal is the view's to mend."""

    def beside(self, uri: str) -> Target:
        """What the multivariant playlist names."""

    def waits(self, track: "Track") -> bool:
        """Whether another track must have more before this one."""

    def seek(self) -> None:
        """What should play now is listed no more: begin anew, near the end."""

    def grew(self) -> None:
        """A track has more."""


class Track:
    """`media` is what it has."""

    __slots__ = (
        "_by_parts",
        "_cuts_before",
        "_due",
        "_forced",
        "_init",
        "_list",
        "_listed_at",
        "_media",
        "_number",
        "_piece",
        "_playlist",
        "_point",
        "_scales",
        "_stopped",
        "_variant",
        "_view",
        "media",
    )

    def __init__(self, view: Watching, playlist: Target, variant: Variant | None = None) -> None:
        self._view = view
        self._variant = variant
        self._forced: Variant | None = None
        self.media = Timeline()
        self._point: tuple[int, int] | None = None
        self._by_parts = False
        self._number = 0
        self._piece: Fetch | None = None
        self._list: Fetch | None = None
        self._stopped = False
        self._follow(playlist)

    def goes_on_from(self, before: "Track") -> None:
        """It has what another had before a fault."""
        self.media, self._point = before.media, before._point
        self._by_parts = before._by_parts

    def leads(self, other: "Track") -> bool:
        """Whether it is so far before another that falls behind that it should wait."""
        if self._by_parts or self._point is None or other._point is None:
            return False
        return self._point[0] > other._point[0] + 1

    def load(self) -> None:
        """The playlist, afresh."""
        view, target = self._view, self._playlist
        self._number += 1
        if self._media is not _UNKNOWN:
            age_s = view.crew.loop.now - self._listed_at
            query = live.directives(self._media, self._low_latency, age_s)
            if query:
                joint = "&" if "?" in target.url else "?"
                target = target.beside(f"{target.url}{joint}{query}")
        self._list = view.ask(Request(target, keep=True, gzip=True), self._came_list)

    def stop(self) -> None:
        """Nothing of it is wanted any more."""
        self._stopped = True

    def rewind(self) -> None:
        """Begin anew, near the end of the playlist."""
        self._point = None
        self._drop_piece()
        self.step()

    def _follow(self, playlist: Target) -> None:
        """From now on by this playlist."""
        self._playlist = playlist
        self._media = _UNKNOWN
        self._init = ""
        self._scales: dict[int, int] = {}
        self._listed_at = self._due = 0.0
        self._cuts_before = 0
        if self._list is not None:
            self._list.close()
            self._list = None

    def _drop_piece(self) -> None:
        if self._piece is not None:
            self._piece.close()
            self._piece = None

    @property
    def _low_latency(self) -> bool:
        return self._view.crew.low_latency

    def _came_list(self, fetched: Fetched) -> None:
        self._list = None
        media = read(fetched)
        if not isinstance(media, Media):
            raise PlaylistError("a multivariant playlist where a media playlist should be")
        self.listed(media, fetched)

    def listed(self, media: Media, fetched: Fetched) -> None:
        """The playlist is there: load it again in time, and fetch what is new."""
        view, before = self._view, self._media
        changed = before is _UNKNOWN or _news(before) != _news(media)
        if before is _UNKNOWN:
            self._due = view.crew.loop.now - fetched.seconds
            self._drop_piece()  # of the variant before
        self._cuts_before = self._cuts(before, media)
        self._media, self._listed_at = media, view.crew.loop.now
        if self._variant is not None:
            view.abr.list_s = fetched.seconds - fetched.first_s
        self._plan_reload(media, changed)
        if self._lost(media):
            view.seek()
        self.step()

    def _cuts(self, before: Media, media: Media) -> int:
        """Discontinuities among the segments that a delta update leaves out."""
        if not media.skipped or not media.segments:
            return 0
        known = live.following(before, False, media.segments[0].place)
        return self._cuts_before + known.cut - media.segments[0].cut if known else 0

    def _plan_reload(self, media: Media, changed: bool) -> None:
        if media.ended:
            return
        if changed and media.can_block and self._low_latency:
            self.load()
            return
        view = self._view
        now = view.crew.loop.now
        view.player.advance(now)
        behind_s = view.player.buffered_s + live.left_s(media, self._point or (0, 0))
        interval = live.reload_s(media, changed, behind_s)
        if self._due + interval < now:
            self._due = now
        elif self._due <= now:
            self._due += interval
        number = self._number
        view.crew.loop.at(self._due, lambda: self._reload(number))

    def _reload(self, number: int) -> None:
        if number == self._number and not self._stopped:
            self.load()

    def _lost(self, media: Media) -> bool:
        """Whether it stands where the playlist no longer is, and nothing plays."""
        player = self._view.player
        if self._point is None or player.state is State.PLAYING:
            return False
        if not media.first_msn <= self._point[0] <= media.next_msn + 1:
            return True
        passed = live.passed_s(media, self._point)
        return player.buffered_s > passed + live.TOLERANCE_S

    def step(self) -> None:
        """Fetch the next piece, of the variant that is best now."""
        media = self._media
        if self._piece is not None or media is _UNKNOWN or self._stopped:
            return
        if self._point is None and not self._begin(media):
            return
        assert self._point is not None  # noqa: S101  (it has begun)
        if self._view.waits(self):
            return
        piece = self._following(media, self._point)
        if piece is not None and not self._turned(piece) and not self._full():
            self._fetch(piece)

    def _following(self, media: Media, point: tuple[int, int]) -> Piece | None:
        """What is fetched next."""
        if not self._low_latency:
            return live.following(media, False, point)
        player = self._view.player
        player.advance(self._view.crew.loop.now)
        piece, self._by_parts = live.after(media, point, player.buffered_s, self._by_parts)
        return piece

    def _begin(self, media: Media) -> bool:
        found = live.beginning(media, self._low_latency, self._view.player.stalls)
        if found is None:
            return False
        self._point, self._by_parts = found[0].place, found[0].part is not None
        self.media.enter(found[1])
        return True

    def _turned(self, piece: Piece) -> bool:
        """Whether another variant is better to go on with; its playlist comes first."""
        now, view = self._variant, self._view
        if now is None or len(view.variants) < 2 or piece.part or self.media.end is None:
            return False
        view.player.advance(view.crew.loop.now)
        chosen = self._forced or view.abr.choose(
            view.variants, now, view.player.buffered_s, piece.duration
        )
        if chosen is now:
            return False
        self._turn(chosen)
        return True

    def _turn(self, variant: Variant) -> None:
        self._variant = variant
        self._follow(self._view.beside(variant.uri))
        self.load()

    def _full(self) -> bool:
        """Whether enough is in the buffer; then it goes on when there is room."""
        view = self._view
        loop = view.crew.loop
        view.player.advance(loop.now)
        most_s = BUFFER_S
        if self._variant is not None and self._variant.bandwidth:
            most_s = min(max(most_s, BUFFER_BITS / self._variant.bandwidth), BUFFER_MOST_S)
        more_s = view.player.buffered_s - most_s
        if more_s < 0:
            return False
        loop.at(loop.now + more_s + LOOK_S, self.step)
        return True

    def _fetch(self, piece: Piece) -> None:
        view, media = self._view, self._media
        init = f"{media.init} {media.init_range}" if media.init else ""
        if init != self._init:
            self._init = init
            request = Request(self._playlist.beside(media.init), True, media.init_range)
            self._piece = view.ask(request, self._opened)
            return
        target = self._playlist.beside(piece.uri)
        key = f"{target.url} {piece.byte_range}"
        times = view.crew.times
        # Where a track begins is never guessed: sound and picture are laid side by side by it.
        wanted = key not in times or (times[key] is None and self.media.end is None)
        keep = bool(self._scales) and wanted
        if keep and key not in times:
            view.crew.learn(key, None)
        request = Request(target, keep, piece.byte_range)
        fetch = view.ask(request, lambda fetched: self._came(piece, key, fetched))
        self._piece = fetch
        if self._variant is not None and self._variant is not view.variants[0]:
            wait_s = view.abr.patience_s(piece.duration)
            view.crew.loop.at(view.crew.loop.now + wait_s, lambda: self._look(piece, fetch))

    def _opened(self, fetched: Fetched) -> None:
        self._piece = None
        try:
            moov = [box.payload for box in parse_boxes(fetched.body) if box.kind == "moov"]
            self._scales = timescales(moov[0]) if moov else {}
        except (ScanError, MediaError):
            self._scales = {}
        self.step()

    def _look(self, piece: Piece, fetch: Fetch) -> None:
        """Whether this piece, which takes long, should be given up for one of a lower variant."""
        view, now = self._view, self._variant
        if self._stopped or self._piece is not fetch or self._point != piece.place or now is None:
            return
        loop, player = view.crew.loop, view.player
        player.advance(loop.now)
        rescue = None
        if player.state is not State.WAITING and self._media is not _UNKNOWN:
            load = Load(fetch.size, fetch.for_s, fetch.first_s, piece.duration, player.buffered_s)
            rescue = view.abr.rescue(view.variants, now, load)
        if rescue is None:
            loop.at(loop.now + LOOK_S, lambda: self._look(piece, fetch))
            return
        if rescue.at_once:
            self._drop_piece()
        self._forced = rescue.variant
        self._turn(rescue.variant)

    def _came(self, piece: Piece, key: str, fetched: Fetched) -> None:
        view, crew = self._view, self._view.crew
        self._piece = None
        if fetched.body:
            crew.learn(key, segment_times(fetched.body, self._scales))
        cut = piece.cut + self._cuts_before
        self.media.append(crew.times.get(key), piece.duration, cut)
        self._point = (piece.msn + 1, 0) if piece.part is None else (piece.msn, piece.part + 1)
        crew.media_bits += fetched.size * 8
        if self._variant is not None or len(view.variants) == 0:
            crew.media_s += piece.duration
            view.abr.took(fetched.size, fetched.seconds, fetched.first_s)
        if self._media is not _UNKNOWN:
            self._forced = None
        view.grew()
        self.step()


def read(fetched: Fetched) -> Multivariant | Media:
    """The playlist that was fetched. Raises `PlaylistError`."""
    return parsed(fetched.body)


@lru_cache(64)
def parsed(body: bytes) -> Multivariant | Media:
    """Thousands of players get the same bytes: they are read once, and never changed."""
    if body.startswith(GZIP):
        body = _unpacked(body)
    return parse(body.decode("utf-8", "replace"))


def _unpacked(body: bytes) -> bytes:
    gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = gzip.decompress(body, BODY_LIMIT)
    except zlib.error as error:
        raise PlaylistError(f"the playlist's gzip is broken: {error}") from error
    if not gzip.eof:
        raise PlaylistError("the playlist's gzip is cut off, or too long")
    return text


def _news(media: Media) -> tuple[int, int]:
    return media.next_msn, live.open_parts(media)
