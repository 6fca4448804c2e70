"""The request parser alone: bytes in, requests or one refusal out, whatever the split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge.request import (
    FIELD_LIMIT,
    HEAD_LIMIT,
    KNOWN_HEADS,
    BadRequest,
    Request,
    RequestParser,
)

PARSER = RequestParser()
GOOD = b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"


def parse(data: bytes, sizes: list[int] | None = None) -> list[Request | tuple[int, str]]:
    """What a connection sees of `data` that arrives in pieces of `sizes`, then in one."""
    found: list[Request | tuple[int, str]] = []
    held = b""
    cuts = [*(sizes or []), len(data)]
    at = 0
    for size in cuts:
        held += data[at : at + size]
        at += size
        while held:
            try:
                request, used = PARSER.take(held)
            except BadRequest as bad:
                return [*found, (bad.status, bad.word)]
            held = held[used:]
            if request is None:
                break
            found.append(request)
    return found


def test_a_request() -> None:
    assert parse(GOOD) == [Request(b"GET", b"/a?b", True, True, b"", b"", b"")]


def test_fields_that_matter() -> None:
    (found,) = parse(
        b'HEAD / HTTP/1.1\r\nhOST:x:80 \r\nRange: \t bytes=0-1\t\r\nIf-Range: "e"\r\n'
        b"If-None-Match: a\r\nVia: Range: no\r\nif-none-match: b\r\nX-Range: bytes=9-\r\n\r\n"
    )
    assert found == Request(b"HEAD", b"/", True, False, b"bytes=0-1", b'"e"', b"a, b")


@pytest.mark.parametrize(
    ("line", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", False),
        (b"GET / HTTP/1.0\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n", True),
    ],
)
def test_keep_alive(line: bytes, keep_alive: bool) -> None:
    (found,) = parse(line + b"\r\n")
    assert isinstance(found, Request)
    assert found.keep_alive is keep_alive
    assert parse(GOOD) == parse(GOOD), "what one request said does not stick to the parser"


def test_a_head_that_many_send_is_remembered_and_those_are_bounded() -> None:
    parser = RequestParser()
    heads = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(KNOWN_HEADS + 9)]
    for head in heads:
        found = parser.take(head)
        assert parser.take(head) == found == RequestParser().take(head)
        assert 0 < parser.known <= KNOWN_HEADS


@pytest.mark.parametrize(
    ("lines", "gzip"),
    [
        (b"", False),
        (b"Accept-Encoding: gzip, deflate, br, zstd\r\n", True),
        (b"accept-encoding: br , GZIP;q=0.5\r\n", True),
        (b"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", True),
        (b"Accept-Encoding: gzip;q=0\r\n", False),
        (b"Accept-Encoding: gzip; q=0.000, br\r\n", False),
        (b"Accept-Encoding: gzip;q=1.0\r\n", True),
        (b"Accept-Encoding: gzip;q=x\r\n", False),
        (b"Accept-Encoding: agzip, gzipb, x-gzip, identity\r\n", False),
        (b"Accept-Encoding: *\r\n", False),
    ],
)
def test_who_takes_gzip(lines: bytes, gzip: bool) -> None:
    (found,) = parse(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")
    assert isinstance(found, Request)
    assert (found.gzip, found.plain) == (gzip, True)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /?token=x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCOOKIE: a=b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp4\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1024 + b"\r\n\r\n",
        b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
    ],
)
def test_a_head_that_names_its_sender_or_is_not_alone_is_not_remembered(head: bytes) -> None:
    parser = RequestParser()
    assert parser.take(head) == parser.take(head) == RequestParser().take(head)
    assert parser.known == 0


def test_empty_lines_before_a_request_are_ignored() -> None:
    assert parse(b"\r\n\r\n" + GOOD + b"\r\n" + GOOD) == parse(GOOD) * 2


REFUSED = {
    "both lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "both lengths, the other way": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                                    b"Content-Length: 3\r\n\r\n", 400),
    "a length twice": (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                       b"Content-Length: 0\r\n\r\n", 400),
    "two lengths in one": (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 5\r\n\r\n", 400),
    "a signed length": (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n", 400),
    "a body": (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 413),
    "a body of nothing": (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 413),
    "chunks": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
    "bad chunks": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 413),
    "hidden chunks": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
    "chunks by another name": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
                               400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "the same host twice": (b"GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
    "two ranges": (b"GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nRange: x\r\n\r\n", 400),
    "a folded field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "a folded first field": (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "one bare line feed": (b"GET / HTTP/1.1\r\nHost: x\nContent-Length: 5\r\n\r\n", 400),
    "a bare carriage return": (b"GET / HTTP/1.1\r\nHost: x\rContent-Length: 5\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "no field name": (b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: x\r\nabc\r\n\r\n", 400),
    "a zero byte in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400),
    "a control byte in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400),
    "a control byte in a name": (b"GET / HTTP/1.1\r\nHost: x\r\nA\x7f: b\r\n\r\n", 400),
    "a zero byte in the target": (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a high byte in the target": (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a space in the target": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an absolute target": (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "the star": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an authority": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/0.9 with a version": (b"GET / HTTP/0.9\r\n\r\n", 505),
    "HTTP/0.9 before another": (b"GET /\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/2 by GET": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 400),
    "RTSP": (b"DESCRIBE / RTSP/1.0\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "POST": (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "an unknown method": (b"GETS / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a small get": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a long target": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long head": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    "a head without end": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * HEAD_LIMIT, 431),
    "many fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"many: fields here\r\n" * FIELD_LIMIT
                    + b"\r\n", 431),
}  # fmt: skip


@pytest.mark.parametrize("shape", REFUSED)
def test_refused(shape: str) -> None:
    data, status = REFUSED[shape]
    *before, refusal = parse(data)
    assert not before
    assert isinstance(refusal, tuple)
    assert not isinstance(refusal, Request)
    assert refusal[0] == status
    assert parse(GOOD + data) == [*parse(GOOD), refusal]
    whole = parse(data)
    for size in (1, 2, 7):
        if len(data) < 10_000:
            assert parse(data, [size] * (len(data) // size)) == whole


def test_garbage_is_refused_before_its_end() -> None:
    """Nobody waits ten seconds for the rest of what can never become a request."""
    assert parse(b"\x16\x03\x01") == [(400, "malformed")]
    assert parse(b"GET / HTTP/1.1\nHo") == [(400, "malformed")]


PIECES = st.sampled_from(
    [GOOD, b"GET / HTTP/1.0\r\n\r\n", b"\r\n", b"\n", b"GET /", b" HTTP/1.1", b"Host: x\r\n", b"\r"]
    + [data for data, _ in REFUSED.values() if len(data) < 500]
)


@given(
    st.lists(PIECES | st.binary(max_size=8), max_size=6), st.lists(st.integers(1, 40), max_size=60)
)
def test_the_split_changes_nothing(pieces: list[bytes], sizes: list[int]) -> None:
    data = b"".join(pieces)
    assert parse(data, sizes) == parse(data)
