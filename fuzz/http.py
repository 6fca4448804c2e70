"""Whatever bytes in whatever split, out come requests or one refusal, the same for every split
and whatever the parser remembers.

And no target of them leads anywhere but to a known route whose names stay in their folder; and what
is held of a connection never passes the limit of a head.
"""

from tidegate.edge.request import HEAD_LIMIT, BadRequest, Request, RequestParser
from tidegate.edge.routes import Malformed, NotFound, parse

SEEDS: list[bytes] = [
    b"\x00GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x01GET /live/demo.flv HTTP/1.0\r\n\r\n"
    b"GET / HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n",
    b"\x05GET /live/demo/e1/source.m3u8?_HLS_msn=3&_HLS_part=1&_HLS_skip=YES HTTP/1.1\r\n"
    b'Host: x\r\nRange: bytes=0-99\r\nIf-Range: "a"\r\nIf-None-Match: W/"b", *\r\n\r\n',
    b"\x0bHEAD /live/demo/e1/source/part.12.m4s HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x03OPTIONS /static/vendor/%2e%2e/hls.min.js HTTP/1.1\r\nhost: x\r\n\r\n\r\n\r\n",
    b"\x02POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    b"\x02GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"\x04GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"\x01PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x07GET / HTTP/1.1\nHost: x\n\n",
]

Seen = list[Request | tuple[int, str]]

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./")


def one(data: bytes) -> None:
    """The first byte chooses the split; the rest is what the peer sends."""
    size = data[0] % 64 + 1 if data else 1
    sent = data[1:]
    parser = RequestParser()
    whole = _connection(parser, [sent])
    split = _connection(parser, [sent[at : at + size] for at in range(0, len(sent), size)])
    again = _connection(parser, [sent])
    assert whole == split == again, (whole, split, again)
    for found in whole:
        if isinstance(found, Request):
            _check_route(found.target)


def _connection(parser: RequestParser, pieces: list[bytes]) -> Seen:
    """What one connection's bytes come to, as the edge feeds the parser that all share."""
    seen: Seen = []
    held = b""
    for piece in pieces:
        held += piece
        while held:
            try:
                request, used = parser.take(held)
            except BadRequest as bad:
                return [*seen, (bad.status, bad.word)]
            assert 0 <= used <= len(held)
            held = held[used:]
            if request is None:
                break
            seen.append(request)
        assert len(held) < HEAD_LIMIT
    return seen


def _check_route(target: bytes) -> None:
    route = parse(target)
    if isinstance(route, NotFound | Malformed):
        return
    for field in route.__struct_fields__:
        value = getattr(route, field)
        if isinstance(value, str):
            assert set(value) <= _SAFE, value
            assert not value.startswith((".", "/")), value
            assert ".." not in value.split("/"), value
