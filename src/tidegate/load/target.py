"""What a URL asks to be loaded with: which kind of player, and where."""

import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urljoin, urlsplit

Kind = Literal["flv", "mp4", "hls"]
_KINDS: dict[str, Kind] = {".flv": "flv", ".mp4": "mp4", ".m3u8": "hls"}


class TargetError(ValueError):
    """The URL is none that this can load; the text says what to write instead."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart; `address` is what it resolved to."""

    url: str
    host: str
    address: tuple[str, int]
    path: str

    @property
    def request(self) -> bytes:
        """The request for it."""
        return f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()

    @lru_cache(1024)  # noqa: B019  (a few hundred playlists, which thousands of players follow)
    def beside(self, uri: str) -> "Target":
        """What a playlist at this URL names. Raises `TargetError`."""
        try:
            url = urljoin(self.url, uri)
            at = urlsplit(url)
        except ValueError as error:
            raise TargetError(f"{uri}: {error}") from error
        if at.netloc == self.host and at.scheme == "http":
            path = at.path + (f"?{at.query}" if at.query else "")
            return Target(url, self.host, self.address, path)
        return resolve(url)


def resolve(url: str) -> Target:
    """Look up a URL's host. Raises `TargetError`."""
    try:
        at = urlsplit(url)
        port = at.port or 80
    except ValueError as error:
        raise TargetError(f"{url}: {error}") from error
    if at.scheme != "http" or not at.hostname:
        raise TargetError(f"{url}: write http://HOST[:PORT]/PATH")
    try:
        address = _address(at.hostname, port)
    except (OSError, UnicodeError) as error:  # a label over 63 characters is a UnicodeError
        raise TargetError(f"{url}: {at.hostname} is not found: {error}") from error
    return Target(url, at.netloc, address, (at.path or "/") + (f"?{at.query}" if at.query else ""))


@lru_cache(256)
def _address(host: str, port: int) -> tuple[str, int]:
    """Looked up once: a playlist may name another host in every line."""
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]), port


def kind_of(url: str) -> Kind:
    """The kind of player for a URL. Raises `TargetError`."""
    path = urlsplit(url).path
    for suffix, kind in _KINDS.items():
        if path.endswith(suffix):
            return kind
    raise TargetError(f"{url}: the path must end with one of {', '.join(_KINDS)}")
