"""An HLS or LL-HLS player: what its tracks fetch, laid side by side for its clock.

Law: video and sound may lie apart; what is in the buffer is what both have, and where it begins and
what it misses is the video's word.
"""

from collections.abc import Sequence
from dataclasses import replace

from tidegate.load.abr import Abr
from tidegate.load.crew import Crew
from tidegate.load.fetch import Done, Fetch, Fetched, Pool, Request
from tidegate.load.plan import Visit
from tidegate.load.playlist import Media, PlaylistError, Variant
from tidegate.load.target import Target, TargetError
from tidegate.load.track import Track, read
from tidegate.load.view import View

REDIRECTS = 3
_REDIRECT = (301, 302, 303, 307, 308)


class HlsView(View):
    """One viewer of an HLS channel."""

    __slots__ = ("_before", "_missed_s", "_multivariant", "_pool", "_start", "_tracks", "abr",
                 "variants")  # fmt: skip

    def __init__(self, crew: Crew, visit: Visit) -> None:
        super().__init__(crew, visit)
        self._pool = Pool(crew, visit.rate / 8, self.heard, self.failed)
        self._tracks: list[Track] = []
        self._before: list[Track] = []
        self._start: float | None = None
        self._missed_s = 0.0
        self._multivariant: Target = crew.target
        self.variants: Sequence[Variant] = ()
        self.abr = Abr()

    def begin(self) -> None:
        """See `View`."""
        self.stop()
        self.watched()
        self.ask(Request(self.crew.target, keep=True, gzip=True), self._opened)

    def stop(self) -> None:
        """See `View`."""
        for track in self._tracks:
            track.stop()
        self._before, self._tracks = self._tracks or self._before, []
        self._pool.close()

    def expire(self, now: float) -> None:
        """See `View`; who waits for the next look at a playlist is not given up."""
        if self._pool.busy:
            super().expire(now)
        else:
            self.watched()

    def ask(self, request: Request, done: Done) -> Fetch:
        """Fetch; a fault or a refusal is mended by coming back."""
        fetch = self._pool.free(request.target.address)
        self._ask(fetch, request, done, REDIRECTS)
        return fetch

    def _ask(self, fetch: Fetch, request: Request, done: Done, redirects: int) -> None:
        def came(fetched: Fetched) -> None:
            if self.over:
                return
            try:
                if fetched.status in _REDIRECT and redirects:
                    target = fetched.target.beside(fetched.location)
                    self._ask(fetch, replace(request, target=target), done, redirects - 1)
                elif fetched.status not in (200, 206):
                    self.failed(str(fetched.status), fetched.retry_after_s)
                else:
                    done(fetched)
            except PlaylistError:
                self.failed("playlist")
            except TargetError:
                self.failed("url")

        fetch.get(request, came)

    def beside(self, uri: str) -> Target:
        """What the multivariant playlist names."""
        return self._multivariant.beside(uri)

    def waits(self, track: Track) -> bool:
        """Sound waits for the first of the picture, and for one that falls behind."""
        picture = self._tracks[0]
        if track is picture:
            return False
        return picture.media.end is None or track.leads(picture)

    def seek(self) -> None:
        """What should play now is listed no more: begin anew, near the end."""
        self.player.sought(self.crew.loop.now)
        for track in self._tracks:
            track.rewind()

    def _opened(self, fetched: Fetched) -> None:
        self._multivariant = fetched.target
        playlist = read(fetched)
        if isinstance(playlist, Media):
            self._follow(fetched.target, None).listed(playlist, fetched)
            return
        self.variants = playlist.variants
        variant = self.abr.first(playlist.variants, playlist.first)
        tracks = [self._follow(self.beside(variant.uri), variant)]
        uri = playlist.audio.get(variant.audio)
        if uri is not None:
            tracks.append(self._follow(self.beside(uri), None))
        for track in tracks:
            track.load()

    def _follow(self, playlist: Target, variant: Variant | None) -> Track:
        track = Track(self, playlist, variant)
        if len(self._tracks) < len(self._before):
            track.goes_on_from(self._before[len(self._tracks)])
        self._tracks.append(track)
        return track

    def grew(self) -> None:
        """A track has more."""
        self.fares_well()
        for track in self._tracks[1:]:
            track.step()
        ends = [track.media.end for track in self._tracks if track.media.end is not None]
        if len(ends) < len(self._tracks):
            return
        if self._start is None:
            self._start = max(track.media.start for track in self._tracks)
        picture = self._tracks[0].media
        self.player.missed(picture.missed_s - self._missed_s)
        self._missed_s = picture.missed_s
        if min(ends) > self._start:
            self.player.arrived(self._start, min(ends), self.crew.loop.now)
