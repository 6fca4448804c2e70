"""Pages, the list of channels, metrics."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from edge_world import Edge, Publisher, eventually, running

from tidegate.edge import pages
from tidegate.settings import Settings


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pages of this test's own."""
    folder = tmp_path / "web"
    (folder / "vendor").mkdir(parents=True)
    (folder / "index.html").write_text("<title>channels</title>")
    (folder / "watch.html").write_text("<title>watch</title>")
    (folder / "app.js").write_text("let it;")
    (folder / "vendor" / "hls.min.js").write_text("be")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(pages.Pages.__init__, "__defaults__", (folder,))
    return folder


def test_pages_and_their_files(web: Path, settings: Callable[..., Settings]) -> None:
    with running(settings()) as edge, edge.client() as client:
        reply = client.get("/")
        assert (reply.status, reply.body) == (200, b"<title>channels</title>")
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert reply.headers["x-content-type-options"] == "nosniff"
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "media-src 'self' blob:" in policy
        assert client.get("/watch/demo").body == b"<title>watch</title>"
        assert client.get("/static/vendor/hls.min.js").body == b"be"
        script = client.get("/static/app.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        etag = script.headers["etag"]
        assert client.get("/static/app.js", if_none_match=etag).status == 304


def test_pages_come_by_gzip_to_who_takes_it(web: Path, settings: Callable[..., Settings]) -> None:
    long = "let it; " * 1000
    (web / "app.js").write_text(long)
    takes = {"Accept-Encoding": "gzip, br"}
    with running(settings()) as edge, edge.client() as client:
        plain, packed = client.get("/static/app.js"), client.get("/static/app.js", **takes)
        assert (plain.body, "content-encoding" in plain.headers) == (long.encode(), False)
        assert gzip.decompress(packed.body) == plain.body
        assert packed.headers["content-encoding"] == "gzip"
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        assert plain.headers["etag"] != packed.headers["etag"]
        for etag, status in ((packed.headers["etag"], 304), (plain.headers["etag"], 200)):
            assert client.get("/static/app.js", if_none_match=etag, **takes).status == status
        part = client.get("/static/app.js", range="bytes=4-5", **takes)
        assert (part.status, part.body) == (206, b"it")
        assert client.get("/static/vendor/hls.min.js", **takes).body == b"be"  # no smaller so
        head = client.get("/static/app.js", "HEAD", **takes)
        assert int(head.headers["content-length"]) == len(packed.body)


@pytest.mark.parametrize(
    "target",
    ["/static/../secret.js", "/static/%2e%2e/secret.js", "/static/..%2fsecret.js", "/secret.js"],
)
def test_no_target_leaves_the_pages(
    web: Path, settings: Callable[..., Settings], target: str
) -> None:
    with running(settings()) as edge:
        assert edge.get(target).status == 404


def test_channels(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(11)
    publisher.tags()
    eventually(lambda: edge.get("/channels.json").body != b"[]", "the channel is listed")
    reply = edge.get("/channels.json")
    (channel,) = json.loads(reply.body)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "public, max-age=1"
    since = channel.pop("since_ms")
    assert since == (publisher.folder / "source.flv" / "lock").stat().st_mtime_ns // 1_000_000
    assert channel == {
        "name": "demo",
        "epoch": "e1",
        "live": True,
        "video": {"codec": "avc1.64001f", "width": 640, "height": 360, "frame_rate": 30.0},
        "audio": {"codec": "mp4a.40.2", "sample_rate": 48_000, "channels": 2},
        "viewers": 0,
        "hls": "/live/demo.m3u8",
        "flv": "/live/demo.flv",
    }


def test_viewers_are_counted_by_tail_and_by_playlist(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(11)
    publisher.tags()

    def viewers() -> int:
        listed = json.loads(edge.get("/channels.json").body)
        return int(listed[0]["viewers"]) if listed else 0

    with edge.client() as flv, edge.client() as hls, edge.client() as sound:
        flv.ask("/live/demo.flv")
        hls.ask("/live/demo/e1/source.m3u8?_HLS_msn=1&_HLS_part=1")
        sound.get("/live/demo/e1/audio.m3u8")
        eventually(lambda: viewers() == 2, "both are counted")
        publisher.part()
        hls.reply()
        hls.get("/live/demo/e1/source/part.1.m4s")
        eventually(lambda: viewers() == 1, "one watches")
    eventually(lambda: viewers() == 0, "nobody watches")


def test_a_channel_that_ended_is_not_live(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(1)
    publisher.tags()
    publisher.end()
    eventually(lambda: b'"live":false' in edge.get("/channels.json").body, "not live")


def test_metrics(edge: Edge) -> None:
    reply = edge.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"tidegate_http_connections 1.0" in reply.body
