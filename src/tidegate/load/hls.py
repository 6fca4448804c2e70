"""An HLS or LL-HLS player: playlists, inits, segments or parts, as hls.js asks for them.

Law: what is asked for next follows from the playlist alone; video and sound are two tracks with a
connection each, and what is in the buffer is what both have.
"""

from dataclasses import replace
from functools import lru_cache

from tidegate.load.abr import Abr
from tidegate.load.crew import Crew
from tidegate.load.fetch import Fetch, Fetched
from tidegate.load.plan import Visit
from tidegate.load.playlist import Media, Multivariant, Piece, PlaylistError, Variant, parse
from tidegate.load.scan import ScanError, segment_times, timescales
from tidegate.load.target import Target, TargetError
from tidegate.load.view import View
from tidegate.media import MediaError
from tidegate.media.cmaf.box import parse_boxes

REDIRECTS = 3
HOLD_BACK_TARGETS = 3
"""Target durations behind the end where a player begins (RFC 8216bis 6.3.3)."""


class HlsView(View):
    """One viewer of an HLS channel."""

    __slots__ = ("_ends", "_start", "_tracks", "_variants", "abr", "multivariant")

    def __init__(self, crew: Crew, visit: Visit) -> None:
        super().__init__(crew, visit)
        self._tracks: list[Track] = []
        self._variants: list[Variant] = []
        self._start: float | None = None
        self.multivariant: Target = crew.target
        self.abr = Abr()

    def begin(self) -> None:
        """See `View`."""
        self.stop()
        self.watched()
        first = Track(self)
        self._tracks = [first]
        first.ask(self.crew.target, self._opened, keep=True)

    def stop(self) -> None:
        """See `View`."""
        for track in self._tracks:
            track.fetch.close()
        self._tracks = []

    def _opened(self, fetched: Fetched) -> None:
        track = self._tracks[0]
        self.multivariant = fetched.target
        playlist = read(fetched)
        if isinstance(playlist, Media):
            track.follow(fetched.target)
            track.listed(playlist)
            return
        self._variants = playlist.variants
        variant = self.abr.choose(self._variants, None)
        track.variant = variant
        track.follow(fetched.target.beside(variant.uri))
        self._listen(playlist, variant)
        track.load()

    def _listen(self, playlist: Multivariant, variant: Variant) -> None:
        uri = playlist.audio.get(variant.audio)
        if uri is not None:
            sound = Track(self)
            self._tracks.append(sound)
            sound.follow(self.multivariant.beside(uri))
            sound.load()

    def better(self, variant: Variant | None) -> Variant | None:
        """Another variant than this to go on with, if there is a better one now."""
        if variant is None or len(self._variants) < 2:
            return None
        chosen = self.abr.choose(self._variants, variant)
        return None if chosen is variant else chosen

    def stay(self, back_s: float) -> None:
        """So far from the end: a buffer as long is no reason to hurry."""
        rules = self.crew.rules
        more = max(0.0, back_s - rules.target_s)
        target_s, most_s = rules.target_s + more, rules.most_s + more
        self.player.obey(replace(rules, target_s=target_s, most_s=most_s))

    def grew(self) -> None:
        """A track has more."""
        if all(track.end is not None for track in self._tracks):
            start = max(track.start for track in self._tracks)
            end = min(track.end or 0.0 for track in self._tracks)
            self._start = start if self._start is None else self._start
            if end > self._start:
                self.player.arrived(self._start, end, self.crew.loop.now)


def read(fetched: Fetched) -> Multivariant | Media:
    """The playlist that was fetched. Raises `PlaylistError`."""
    return _parsed(fetched.body)


@lru_cache(64)
def _parsed(body: bytes) -> Multivariant | Media:
    """Thousands of players get the same bytes: they are read once, and never changed."""
    return parse(body.decode("utf-8", "replace"))


class Track:
    """One rendition as it is fetched, from its playlist to its newest piece."""

    __slots__ = (
        "_init",
        "_listed_at",
        "_media",
        "_news",
        "_playlist",
        "_point",
        "_queue",
        "_redirects",
        "_scales",
        "_view",
        "end",
        "fetch",
        "start",
        "variant",
    )

    def __init__(self, view: HlsView) -> None:
        self._view = view
        self.fetch = Fetch(view.crew, view.visit.rate / 8, view.heard, view.failed)
        self.variant: Variant | None = None
        self.start = 0.0
        self.end: float | None = None
        self._playlist: Target = view.multivariant
        self._media = Media()
        self._init = ""
        self._scales: dict[int, int] = {}
        self._point: tuple[int, int] | None = None
        self._queue: list[Piece] = []
        self._listed_at = 0.0
        self._news = False
        self._redirects = 0

    def follow(self, playlist: Target) -> None:
        """From now on by this media playlist."""
        self._playlist = playlist

    def ask(self, target: Target, done: object, *, keep: bool, span: str = "") -> None:
        """Fetch `target`; a fault or a refusal is the view's to mend."""

        def came(fetched: Fetched) -> None:
            if self._view.over:
                return
            try:
                if fetched.status in (301, 302, 303, 307, 308) and self._redirects < REDIRECTS:
                    self._redirects += 1
                    self.ask(fetched.target.beside(fetched.location), done, keep=keep, span=span)
                elif fetched.status not in (200, 206):
                    self._view.failed(str(fetched.status), fetched.retry_after_s)
                elif callable(done):
                    done(fetched)
            except PlaylistError:
                self._view.failed("playlist")
            except TargetError:
                self._view.failed("url")

        self.fetch.get(target, came, keep=keep, span=span)

    def load(self) -> None:
        """The playlist, afresh; held back by the server until it has news where that may be."""
        target = self._playlist
        self._listed_at = self._view.crew.loop.now
        if self._low_latency and self._point is not None and self._media.can_block:
            msn, part = self._next_part()
            query = "&" if "?" in target.url else "?"
            target = target.beside(f"{target.url}{query}_HLS_msn={msn}&_HLS_part={part}")
        self.ask(target, lambda fetched: self.listed(read(fetched)), keep=True)

    @property
    def _low_latency(self) -> bool:
        return self._view.crew.low_latency and self._media.part_target_s > 0

    def _next_part(self) -> tuple[int, int]:
        """The part after the newest one listed."""
        media = self._media
        open_parts = [piece for piece in media.parts if piece.msn == media.next_msn]
        return media.next_msn, len(open_parts)

    def listed(self, playlist: Multivariant | Media) -> None:
        """The playlist is there: fetch what is new."""
        if not isinstance(playlist, Media):
            raise PlaylistError("a multivariant playlist where a media playlist should be")
        self._media = playlist
        pieces = self._pieces()
        if self._point is None:
            pieces = self._from_start(pieces)
        else:
            pieces = [piece for piece in pieces if _place(piece) >= self._point]
        self._queue, self._news = pieces, bool(pieces)
        if playlist.init != self._init and playlist.init and pieces:
            self._init = playlist.init
            target = self._playlist.beside(playlist.init)
            self.ask(target, self._opened, keep=True, span=playlist.init_range)
        else:
            self._next()

    def _opened(self, fetched: Fetched) -> None:
        try:
            moov = [box.payload for box in parse_boxes(fetched.body) if box.kind == "moov"]
            self._scales = timescales(moov[0]) if moov else {}
        except (ScanError, MediaError):
            self._scales = {}
        self._next()

    def _pieces(self) -> list[Piece]:
        """In order: whole segments, and parts where they begin a player's way to the edge."""
        media = self._media
        if not self._low_latency:
            return media.segments
        with_parts = {piece.msn for piece in media.parts}
        whole = [piece for piece in media.segments if piece.msn not in with_parts]
        return sorted([*whole, *media.parts], key=_place)

    def _from_start(self, pieces: list[Piece]) -> list[Piece]:
        """RFC 8216bis 6.3.3: begin where the hold-back is kept, and decoding can start."""
        media = self._media
        if self._low_latency:
            back = media.part_hold_back_s or 3 * media.part_target_s
        else:
            back = media.hold_back_s or HOLD_BACK_TARGETS * media.target_s
        self._view.stay(back)
        left = 0.0
        for index in range(len(pieces) - 1, -1, -1):
            left += pieces[index].duration
            if left >= back and pieces[index].independent:
                return pieces[index:]
        return pieces if pieces and pieces[0].independent else []

    def _next(self) -> None:
        crew = self._view.crew
        if self._queue:
            piece = self._queue.pop(0)
            target = self._playlist.beside(piece.uri)
            key = f"{target.url} {piece.byte_range}"
            unknown = key not in crew.times
            # Where a track begins is never guessed: sound and picture are laid side by side by it.
            keep = bool(self._scales) and (unknown or self.end is None)
            if keep and unknown:
                crew.learn(key, None)
            self.ask(
                target,
                lambda fetched: self._came(piece, key, fetched),
                keep=keep,
                span=piece.byte_range,
            )
        elif self._media.ended:
            self.fetch.close()
        elif self._low_latency and self._media.can_block:
            self.load()
        else:
            # RFC 8216bis 6.3.4: a target duration after the last load, half of it without news.
            wait = self._media.target_s / (1 if self._news else 2)
            crew.loop.at(max(crew.loop.now, self._listed_at + wait), self._reload)

    def _reload(self) -> None:
        if not self._view.over and self in self._view._tracks:
            self.load()

    def _came(self, piece: Piece, key: str, fetched: Fetched) -> None:
        crew, view = self._view.crew, self._view
        if fetched.body:
            crew.learn(key, segment_times(fetched.body, self._scales))
        times = crew.times.get(key)
        if times is None:
            begin = self.end if self.end is not None else 0.0
            times = begin, begin + piece.duration
        if self.end is None:
            self.start = times[0]
        self.end = max(self.end or times[1], times[1])
        self._point = (piece.msn + 1, 0) if piece.part is None else (piece.msn, piece.part + 1)
        view.abr.took(fetched.size, fetched.seconds)
        view.grew()
        better = view.better(self.variant) if piece.part is None else None
        if better is not None:
            self.variant = better
            self._queue, self._init = [], ""
            self.follow(view.multivariant.beside(better.uri))
            self.load()
        else:
            self._next()


def _place(piece: Piece) -> tuple[int, int]:
    return piece.msn, piece.part or 0
