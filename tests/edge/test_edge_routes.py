"""Targets to routes, as a pure function: nothing but known things, by one spelling each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge import routes
from tidegate.edge.routes import Init, Malformed, NotFound, Part, Playlist, Segment, parse

KNOWN = {
    b"/": routes.Index(),
    b"/?a=b": routes.Index(),
    b"/watch/demo": routes.Watch("demo"),
    b"/watch/d%65mo": routes.Watch("demo"),
    b"/static/app.js": routes.Static("app.js"),
    b"/static/vendor/hls.min.js": routes.Static("vendor/hls.min.js"),
    b"/channels.json": routes.Channels(),
    b"/metrics": routes.Metrics(),
    b"/live/a-b_C9.m3u8": routes.Multivariant("a-b_C9"),
    b"/live/demo.flv?token=x": routes.Stream("demo", "flv"),
    b"/live/demo.mp4": routes.Stream("demo", "mp4"),
    b"/live/demo/e1/source.m3u8": Playlist("demo", "e1", "source"),
    b"/live/demo/e1/source.m3u8?_HLS_msn=7": Playlist("demo", "e1", "source", 7),
    b"/live/demo/e1/source.m3u8?_HLS_skip=v2&x&_HLS_part=0&_HLS_msn=7": Playlist(
        "demo", "e1", "source", 7, 0, skip=True
    ),
    b"/live/demo/e1/720p/init.3.mp4": Init("demo", "e1", "720p", 3),
    b"/live/demo/e1/source/0.m4s": Segment("demo", "e1", "source", 0),
    b"/live/demo/e1/source/part.12.m4s": Part("demo", "e1", "source", 12),
}


@pytest.mark.parametrize("target", KNOWN)
def test_known(target: bytes) -> None:
    assert parse(target) == KNOWN[target]
    assert type(parse(target)) is type(KNOWN[target])


@pytest.mark.parametrize(
    "target",
    [
        b"/..",
        b"/../etc/passwd",
        b"/%2e%2e/etc/passwd",
        b"/static/..",
        b"/static/../part.py",
        b"/static/..%2fpart.py",
        b"/static/%2e%2e/part.py",
        b"/static/%252e%252e/part.py",
        b"/static/vendor/../../part.py",
        b"/static/vendor%2fhls.min.js",
        b"/static//etc/passwd",
        b"/static/.hidden",
        b"/static/a\\..\\b",
        b"/static/a%00.js",
        b"/static/",
        b"/static",
        b"/watch/",
        b"/watch/a/b",
        b"/watch/..",
        b"/watch/%C3%A9",
        b"/watch/-a",
        b"//",
        b"/live/..m3u8",
        b"/live/../demo.m3u8",
        b"/live/demo%2fe1.m3u8",
        b"/live/.m3u8",
        b"/live/demo.mkv",
        b"/live/demo/../../etc/source.m3u8",
        b"/live/demo/e1/..m3u8",
        b"/live/demo/e1/source/..",
        b"/live/demo/e1/source/init.-1.mp4",
        b"/live/demo/e1/source/init.00.mp4",
        b"/live/demo/e1/source/1.m4s/",
        b"/live/demo/e1/source/01.m4s",
        b"/live/demo/e1/source/12345678901.m4s",
        "/live/demo/e1/source/\u0661.m4s".encode(),
        b"/live/demo/e1/source/part..m4s",
        b"/live/demo/e1/source/index",
        b"/live/demo/%65%31/source/../index",
        b"/live/" + b"a" * 65 + b".m3u8",
        b"/live/demo/" + b"e" * 65 + b"/source.m3u8",
    ],
)
def test_nothing_else_is_found(target: bytes) -> None:
    assert parse(target) == NotFound()


@given(st.binary(max_size=200) | st.text("/.%2eE5cfa0static", max_size=60).map(str.encode))
def test_names_never_leave_their_folder(target: bytes) -> None:
    route = parse(b"/" + target)
    names = [
        str(getattr(route, name))
        for name in getattr(route, "__struct_fields__", ())
        if not isinstance(route, Malformed)
    ]
    for name in names:
        assert ".." not in name.split("/")
        assert not set(name) - set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./"
        )
        assert not name.startswith(("/", "."))
