"""An LL-HLS player without a picture: follows preload hints and blocking reloads, keeps the bytes.

It judges every playlist it is given, so it is both a viewer and a witness.
"""

import http.client
from urllib.parse import urljoin, urlsplit

from support import hls_judge
from support.hls_judge import Playlist

DEADLINE_S = 30


class LowLatencyClient:
    """Plays the media playlist at `url` from its first listed part."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=DEADLINE_S
        )
        self.playlists: list[Playlist] = []
        self.parts: dict[str, bytes] = {}
        self.inits: dict[str, bytes] = {}

    def get(self, url: str) -> bytes:
        """One GET on the kept connection; an answer other than 200 fails."""
        parts = urlsplit(url)
        self._connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{answer.status} for {url}: {body[:200]!r}"
        return body

    def reload(self) -> Playlist:
        """The next playlist: the first at once, then blocking until it has one part more."""
        url = self.url
        if self.playlists:
            last = self.playlists[-1].segments[-1]
            url += f"?_HLS_msn={last.number}&_HLS_part={len(last.parts)}"
        playlist = hls_judge.read(self.get(url).decode())
        hls_judge.judge(playlist)
        if self.playlists:
            hls_judge.judge_reload(self.playlists[-1], playlist)
        self.playlists.append(playlist)
        return playlist

    def play(self) -> None:
        """Follow the log to its end, asking for the hinted part before it is there."""
        while not self.reload().ended:
            self._take_listed()
            self._take(self.playlists[-1].hint["URI"])

    def play_until(self, parts: int) -> None:
        """Follow the log until it has this many parts."""
        while len(self.parts) < parts:
            self.reload()
            self._take_listed()

    def _take_listed(self) -> None:
        for segment in self.playlists[-1].segments:
            if segment.map not in self.inits:
                self.inits[segment.map] = self.get(urljoin(self.url, segment.map))
            for part in segment.parts:
                self._take(part.uri)

    def _take(self, uri: str) -> None:
        if uri not in self.parts:
            try:
                self.parts[uri] = self.get(urljoin(self.url, uri))
            except AssertionError as refused:
                # The log may end instead of bringing the part it promised.
                if "404" not in str(refused):
                    raise

    def media(self) -> bytes:
        """The init and all parts, end to end: a fragmented MP4 file."""
        ordered = sorted(self.parts, key=lambda uri: int(uri.split(".")[-2]))
        return b"".join(self.inits.values()) + b"".join(self.parts[uri] for uri in ordered)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
