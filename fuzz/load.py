"""Whatever a server sends, a load generator ends with its own named errors, the same for any split.

And what it holds of a stream never passes the limit of one head.
"""

import contextlib

from tidegate.load.http import BadResponse, Chunks, parse_head
from tidegate.load.playlist import PlaylistError, parse
from tidegate.load.scan import FlvScan, Mp4Scan, ScanError

SEEDS: list[bytes] = [
    b"\x00HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"\x01#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.2\n#EXTINF:2,\na.m4s\n",
    b'\x01#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"\nb.m3u8\n',
    b"\x02FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x09\x00\x00\x03\x00\x00\x01\x00\x00\x00\x00abc",
    b"\x03\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x10moof\x00\x00\x00\x08traf",
]


def one(data: bytes) -> None:
    """The first byte chooses what is read."""
    kind, rest = (data[0] % 4, data[1:]) if data else (0, b"")
    if kind == 0:
        with contextlib.suppress(BadResponse):
            head = parse_head(rest)
            body = Chunks()
            assert len(body.feed(rest[head.size :] if head else rest)) <= len(rest)
    elif kind == 1:
        with contextlib.suppress(PlaylistError):
            parse(rest.decode("utf-8", "replace"))
    else:
        make = FlvScan if kind == 2 else Mp4Scan
        assert _marks(make(), [rest]) == _marks(
            make(), [rest[at : at + 7] for at in range(0, len(rest), 7)]
        )


def _marks(scan: FlvScan | Mp4Scan, pieces: list[bytes]) -> list[object]:
    seen: list[object] = []
    try:
        for piece in pieces:
            seen += list(scan.feed(piece))
    except ScanError:
        seen.append("error")
    return seen
