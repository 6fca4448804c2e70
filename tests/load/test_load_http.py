"""Responses out of bytes: the same for every split, bounded, and only `BadResponse` on nonsense."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.http import HEAD_LIMIT, BadResponse, Chunks, Head, parse_head

HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 12\r\nConnection: Keep-Alive\r\n"
    b"X-Content-Length: 9\r\n\r\n"
)


def head(*fields: bytes, status: bytes = b"HTTP/1.1 200 OK") -> Head:
    found = parse_head(b"".join(line + b"\r\n" for line in (status, *fields, b"")) + b"rest")
    assert found is not None
    return found


def chunked(pieces: list[bytes], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """A chunked body of these pieces."""
    sizes = (b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces if piece)
    return b"".join(sizes) + b"0\r\n" + trailer + b"\r\n"


def test_a_head_is_known_once_it_is_whole() -> None:
    for size in range(len(HEAD)):
        assert parse_head(HEAD[:size]) is None
    assert parse_head(HEAD + b"body") == Head(200, len(HEAD), 12, False, True, "", 1.0)


def test_what_a_head_says() -> None:
    assert head().length is None
    assert head(b"Transfer-Encoding: Chunked", b"Content-Length: 5") == head(
        b"Content-Length: 5", b"Transfer-Encoding: chunked"
    )
    assert head(b"Transfer-Encoding: chunked").chunked
    assert head(b"Location: /a?b", status=b"HTTP/1.1 302 Found").location == "/a?b"
    assert head(b"Retry-After: 17", status=b"HTTP/1.1 503 Busy").retry_after_s == 17.0
    assert head(b"Retry-After: Wed, 21 Oct", status=b"HTTP/1.1 503 Busy").retry_after_s == 1.0
    assert head(b"Transfer-Encoding: chunked", status=b"HTTP/1.1 204 None").length == 0
    assert not head(b"Transfer-Encoding: chunked", status=b"HTTP/1.1 304 Same").chunked


@pytest.mark.parametrize(
    ("status", "fields", "keep"),
    [
        (b"HTTP/1.1 200 OK", [], True),
        (b"HTTP/1.1 200 OK", [b"Connection: Close"], False),
        (b"HTTP/1.0 200 OK", [], False),
        (b"HTTP/1.1 200", [], True),
    ],
)
def test_a_connection_is_kept_as_its_version_says(
    status: bytes, fields: list[bytes], keep: bool
) -> None:
    assert head(*fields, status=status).keep_alive is keep


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 999 No\r\n\r\n",
        b"HTTP/1.1 20 No\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT + b"\r\n\r\n",
    ],
)
def test_a_head_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_head(data)


def fed(data: bytes, cuts: list[int]) -> tuple[bytes, bool]:
    chunks = Chunks()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    body = b"".join(chunks.feed(data[a:b]) for a, b in pairwise(edges))
    return body, chunks.over


def test_every_split_of_a_chunked_body_in_two_gives_the_same() -> None:
    data = chunked([b"hello", b"\r\n", b"x" * 300], b";a=b", b"Expires: never\r\n")
    for cut in range(len(data) + 1):
        assert fed(data, [cut]) == (b"hello\r\n" + b"x" * 300, True)
    assert fed(data, list(range(len(data)))) == (b"hello\r\n" + b"x" * 300, True)


def test_a_chunked_body_is_over_with_its_last_byte_and_no_sooner() -> None:
    data = chunked([b"hello"], trailer=b"X: y\r\n")
    for size in range(len(data)):
        assert not fed(data[:size], [])[1]
    assert fed(data, [])[1]


@given(st.lists(st.binary(max_size=200), max_size=20), st.lists(st.integers(0, 4000), max_size=20))
def test_any_chunks_in_any_split_are_the_body(pieces: list[bytes], cuts: list[int]) -> None:
    assert fed(chunked(pieces), cuts) == (b"".join(pieces), True)


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"\r\n",
        b"-5\r\nhello\r\n",
        b"100000000\r\n",
        b"5 " + b"x" * 80 + b"\r\n",
        b"5hello\r\n",
        b"5;" + b"x" * 200,
        b"5\r\nhello!\r\n",
        b"0\r\nX: " + b"y" * 200,
    ],
)
def test_chunks_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(BadResponse):
        fed(data, [])
    with pytest.raises(BadResponse):
        fed(data, list(range(len(data))))


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=9))
def test_any_bytes_are_a_head_chunks_or_a_bad_response(data: bytes, cuts: list[int]) -> None:
    for read in (lambda: parse_head(b"HTTP/1.1 200 OK\r\n" + data), lambda: fed(data, cuts)):
        with suppress(BadResponse):
            read()
