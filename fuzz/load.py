"""Whatever a server sends, in whatever split, each reader of the load generator gives the same.

Or its own error, at the same place, which says something; and what it holds of a stream is bounded.
The first byte chooses the split, and its lowest two bits the reader: a response and its chunks, a
playlist, FLV, fragmented MP4.
"""

from collections.abc import Callable

from tidegate.load import live
from tidegate.load.http import BadResponse, Chunks, parse_head
from tidegate.load.playlist import Media, Multivariant, PlaylistError, parse
from tidegate.load.scan import MOOF_LIMIT, FlvScan, Mp4Scan, ScanError
from tidegate.media import Sample, VideoTrack, cmaf, flv, h264

_CONFIG = bytes.fromhex(
    "0142c00dffe1001b6742c00dda05067e79b808080a000003000200000300781e28554001000468ce0fc8"
)
_TRACK: VideoTrack = h264.video_track(_CONFIG)
_SAMPLES = [Sample(n * 3000, n * 3000, 0, n == 0, b"\x65" + bytes(80)) for n in range(3)]
_STRETCH = cmaf.Stretch(cmaf.VIDEO_ID, _TRACK, 90_000, _SAMPLES, [3000, 3000, 3001])

SEEDS: list[bytes] = [
    b"\x18HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    b"\x08HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n",
    b"\x00HTTP/1.0 302 Found\r\nLocation: /a\r\nRetry-After: 7\r\n\r\n",
    b'\x01#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="a"\nlow.m3u8\n'
    b'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="a.m3u8"\n',
    b"\x01#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.2\n"
    b"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n#EXT-X-MEDIA-SEQUENCE:7\n"
    b'#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2.0,\n#EXT-X-BYTERANGE:10@5\na.m4s\n'
    b'#EXT-X-PART:DURATION=0.2,URI="b.m4s",INDEPENDENT=YES,BYTERANGE="9"\n#EXT-X-ENDLIST\n',
    b"\x01#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n"
    b"#EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXTINF:2,\na\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nb\n",
    b"\x22" + flv.file_init(_TRACK, None, 40) + flv.media_tag(_TRACK, _SAMPLES[0], 40),
    b"\x7b" + cmaf.file_init(_TRACK, None) + cmaf.fragment(1, [_STRETCH], 0),
]

Seen = list[object]


def one(data: bytes) -> None:
    """The rest is what the server sends."""
    if not data:
        return
    reader = _READERS[data[0] % len(_READERS)]
    sent, size = data[1:], data[0] // len(_READERS) + 1
    whole = reader([sent])
    split = reader([sent[at : at + size] for at in range(0, len(sent), size)])
    assert whole == split, (whole, split)


def _response(pieces: list[bytes]) -> Seen:
    """A head and its body, as a fetch takes them."""
    held = b""
    chunks: Chunks | None = None
    seen: Seen = []
    body = b""
    for piece in pieces:
        try:
            if chunks is not None:
                body += chunks.feed(piece)
                assert len(chunks._held) < 256
                continue
            held += piece
            head = None if seen else parse_head(held)
            if head is not None:
                assert 0 < head.size <= len(held)
                assert head.length is None or head.length >= 0
                seen.append(head)
                chunks = Chunks() if head.chunked else None
                body = held[head.size :] if chunks is None else chunks.feed(held[head.size :])
            elif seen:
                body += piece
        except BadResponse as error:
            return [*seen, _said(error)]
    return [*seen, body, chunks is not None and chunks.over]


def _playlist(pieces: list[bytes]) -> Seen:
    try:
        playlist = parse(b"".join(pieces).decode("utf-8", "replace"))
    except PlaylistError as error:
        return [_said(error)]
    if isinstance(playlist, Multivariant):
        assert playlist.variants
        rates = [variant.bandwidth for variant in playlist.variants]
        assert rates == sorted(rates)
        assert rates[0] >= 0
        return [playlist]
    assert playlist.target_s > 0
    for each in (*playlist.segments, *playlist.parts):
        assert 0 <= each.duration < 1e9
        assert 0 <= each.msn <= playlist.next_msn
        size, _, offset = each.byte_range.partition("@")
        assert not each.byte_range or (int(size) > 0 <= int(offset))
    for low_latency in (False, True):
        _begun(playlist, low_latency)
    return [playlist]


def _begun(playlist: Media, low_latency: bool) -> None:
    """One begins with a piece that is listed, and comes from each to the one behind it."""
    listed = live.pieces(playlist, low_latency)
    assert [each.place for each in listed] == sorted(each.place for each in listed)
    found = live.beginning(playlist, low_latency, 1)
    assert found is None or (found[0] in listed and found[1] >= 0)
    for each in listed[:8]:
        assert live.following(playlist, low_latency, each.place) is not None
    live.directives(playlist, low_latency, 1.0)
    assert live.reload_s(playlist, True, 1.0) > 0


def _scanned(make_scan: type[FlvScan] | type[Mp4Scan]) -> Callable[[list[bytes]], Seen]:
    def read(pieces: list[bytes]) -> Seen:
        scan = make_scan()
        seen: Seen = []
        for piece in pieces:
            try:
                for mark in scan.feed(piece):
                    assert mark.offset > mark.at >= 0
                    seen.append(mark)
            except ScanError as error:
                return [*seen, _said(error)]
            assert len(scan._buffer.held) <= MOOF_LIMIT + len(piece)
        return seen

    return read


def _said(error: Exception) -> str:
    assert str(error)
    return type(error).__name__


_READERS = (_response, _playlist, _scanned(FlvScan), _scanned(Mp4Scan))
