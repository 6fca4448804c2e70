"""Playlists, inits, segments and parts over real sockets from real logs."""

import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest
from edge_world import Client, Edge, Publisher, Reply, eventually

from tidegate.log import Flag
from tidegate.package.manifest import save_manifest

BASE = "/live/demo/e1"


def test_multivariant_names_the_epochs_playlists(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(11)
    reply = edge.get("/live/demo.m3u8")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"] == "public, max-age=1"
    assert b"demo/e1/source.m3u8" in reply.body
    assert b'URI="demo/e1/audio.m3u8"' in reply.body


def test_multivariant_waits_for_the_first_segment(edge: Edge, publisher: Publisher) -> None:
    eventually(lambda: edge.get("/channels.json").body != b"[]", "the channel is listed")
    with edge.client() as client:
        client.ask("/live/demo.m3u8")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        publisher.parts(10)
        assert edge.metric("tidegate_parked_requests") == 1
        publisher.part()
        assert client.reply().status == 200


def test_media_playlist_lists_segments_parts_and_the_hint(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(23)
    reply = edge.get(f"{BASE}/source.m3u8")
    text = reply.body.decode()
    assert reply.headers["cache-control"] == "public, max-age=1"
    assert "\nsource/1.m4s\n" in text
    assert 'URI="source/part.22.m4s"' in text
    assert '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="source/part.23.m4s"' in text
    assert 'EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=2,LAST-PART=2' in text


@pytest.mark.parametrize("query", ["", "?_HLS_msn=2&_HLS_part=2", "?_HLS_skip=YES"])
def test_a_playlist_comes_by_gzip_to_who_takes_it(
    edge: Edge, publisher: Publisher, query: str
) -> None:
    publisher.parts(23)
    for target in (f"{BASE}/source.m3u8{query}", "/live/demo.m3u8"):
        plain, packed = edge.get(target), edge.get(target, **{"Accept-Encoding": "br, gzip"})
        assert gzip.decompress(packed.body) == plain.body
        assert "content-encoding" not in plain.headers
        assert packed.headers.pop("content-encoding") == "gzip"
        for reply in (plain, packed):
            assert reply.headers["vary"] == "Accept-Encoding"
            assert int(reply.headers.pop("content-length")) == len(reply.body)
        assert packed.headers == plain.headers
        assert len(packed.body) < len(plain.body)


def test_who_waits_is_woken_with_what_he_takes(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(23)
    target = f"{BASE}/source.m3u8?_HLS_msn=2&_HLS_part=3"
    with edge.client() as plain, edge.client() as packed:
        plain.ask(target)
        packed.ask(target, **{"Accept-Encoding": "gzip"})
        eventually(lambda: edge.metric("tidegate_parked_requests") == 2, "both wait")
        publisher.part()
        assert gzip.decompress(packed.reply().body) == plain.reply().body


def test_media_is_never_packed(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(12)
    reply = edge.get(f"{BASE}/source/part.11.m4s", **{"Accept-Encoding": "gzip"})
    assert (reply.body, "content-encoding" in reply.headers) == (parts[11], False)


def test_media_playlist_follows_the_log(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client:
        assert b"source/part.11.m4s" in client.get(f"{BASE}/source.m3u8").body
        publisher.part()
        eventually(
            lambda: (
                b'EXT-X-PART:DURATION=0.20000,URI="source/part.12.m4s"'
                in client.get(f"{BASE}/source.m3u8").body
            ),
            "the new part is listed",
        )


def test_blocking_reload_is_woken_by_the_part_it_names(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{BASE}/source.m3u8?_HLS_msn=1&_HLS_part=2")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        publisher.part()
        reply = client.reply()
    assert b'URI="source/part.12.m4s"' in reply.body
    assert reply.headers["cache-control"] == "public, max-age=12"


def test_blocking_reload_for_a_segment_waits_for_all_of_it(
    edge: Edge, publisher: Publisher
) -> None:
    publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{BASE}/source.m3u8?_HLS_msn=1")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        publisher.parts(9)
        assert b"\nsource/1.m4s\n" in client.reply().body


def test_blocking_reload_of_the_past_answers_at_once(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    assert edge.get(f"{BASE}/source.m3u8?_HLS_msn=0&_HLS_part=3").status == 200


def test_blocking_reload_ends_with_the_log(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{BASE}/source.m3u8?_HLS_msn=1&_HLS_part=5")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        publisher.end()
        assert b"#EXT-X-ENDLIST" in client.reply().body


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_msn=9",
        "_HLS_part=1",
        "_HLS_msn=x",
        "_HLS_msn=1&_HLS_part=-1",
        "_HLS_skip=maybe",
        "_HLS_msn=1&_HLS_part=40",
        "_HLS_msn=1&_HLS_msn=2",
        "_HLS_msn=99999999999",
    ],
)
def test_what_cannot_be_waited_for_is_400(edge: Edge, publisher: Publisher, query: str) -> None:
    publisher.parts(12)
    assert edge.get(f"{BASE}/source.m3u8?{query}").status == 400


def test_other_query_parameters_are_left_alone(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    assert edge.get(f"{BASE}/source.m3u8?token=x&CMCD=bl%3D2000&token=x").status == 200


def test_who_asks_changes_nothing_in_what_is_given(edge: Edge, publisher: Publisher) -> None:
    part = publisher.parts(12)[11]
    target = f"{BASE}/source/part.11.m4s"
    for query in ("", "?CMCD=sid%3D%22a%22", "?CMCD=sid%3D%22b%22", ""):
        assert edge.get(target + query).body == part
    whole = edge.get(f"{BASE}/source.m3u8")
    assert edge.get(f"{BASE}/source.m3u8?CMCD=sid%3D%22a%22").body == whole.body
    assert edge.get(f"{BASE}/source.m3u8?CMCD=a&_HLS_msn=9").status == 400


def test_delta_update_skips_old_segments(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(120)
    whole = edge.get(f"{BASE}/source.m3u8").body
    delta = edge.get(f"{BASE}/source.m3u8?_HLS_skip=YES").body
    assert b"#EXT-X-SKIP:SKIPPED-SEGMENTS=" in delta
    assert len(delta) < len(whole)


def test_late_media_is_503(edge: Edge, publisher: Publisher) -> None:
    save_manifest(publisher.folder, publisher.manifest(target_duration=1))
    publisher.parts(12)
    reply = edge.get(f"{BASE}/source.m3u8?_HLS_msn=1&_HLS_part=2")
    assert reply.status == 503
    assert "retry-after" in reply.headers


def test_two_hundred_waiters_get_the_same_bytes(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    clients = [edge.client() for _ in range(200)]
    for client in clients:
        client.ask(f"{BASE}/source.m3u8?_HLS_msn=1&_HLS_part=2")
    eventually(lambda: edge.metric("tidegate_parked_requests") == 200, "all are parked")
    publisher.part()
    replies = {client.reply().body for client in clients}
    for client in clients:
        client.close()
    assert len(replies) == 1
    eventually(lambda: edge.metric("tidegate_http_connections") == 1, "all are gone")
    assert edge.metric("tidegate_parked_requests") == 0


def test_waiters_that_left_are_forgotten(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{BASE}/source.m3u8?_HLS_msn=1&_HLS_part=2")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
    eventually(lambda: edge.metric("tidegate_parked_requests") == 0, "gone")
    publisher.part()
    assert edge.get(f"{BASE}/source.m3u8").status == 200


def test_parts_and_segments_are_the_logs_bytes(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(21, size=15_000)
    with edge.client() as client:
        for number, part in enumerate(parts):
            reply = client.get(f"{BASE}/source/part.{number}.m4s")
            assert (reply.status, reply.body) == (200, part)
        assert reply.headers["content-type"] == "video/mp4"
        assert reply.headers["cache-control"] == "public, max-age=86400, immutable"
        assert client.get(f"{BASE}/source/0.m4s").body == b"".join(parts[:10])
        assert client.get(f"{BASE}/source/1.m4s").body == b"".join(parts[10:20])
        assert client.get(f"{BASE}/audio/0.m4s").headers["content-type"] == "audio/mp4"


def test_a_large_segment_goes_by_sendfile_whole(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(11, size=900_000)
    assert edge.get(f"{BASE}/source/0.m4s").body == b"".join(parts[:10])
    assert edge.get(f"{BASE}/source/part.3.m4s").body == parts[3]


def test_init(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(2)
    reply = edge.get(f"{BASE}/source/init.0.mp4")
    assert (reply.status, reply.body) == (200, b"video init")
    assert edge.get(f"{BASE}/source/init.1.mp4").status == 404


def test_the_hinted_part_is_waited_for(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client, edge.client() as other:
        client.ask(f"{BASE}/source/part.12.m4s")
        other.ask(f"{BASE}/source/1.m4s")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 2, "parked")
        first = publisher.part()
        assert client.reply().body == first
        publisher.parts(8)
        assert len(other.reply().body) == 10_000


def test_a_hint_holds_where_a_new_segment_begins(edge: Edge, publisher: Publisher) -> None:
    publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{BASE}/source/part.12.m4s")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        publisher.video.append(
            b"cut", time=0, duration=1, wall=0, flags=Flag.STARTS_SEGMENT | Flag.INDEPENDENT
        )
        assert client.reply().body == b"cut"


@pytest.mark.parametrize("name", ["part.13.m4s", "part.99.m4s", "3.m4s", "7.m4s"])
def test_what_nobody_hinted_is_404(edge: Edge, publisher: Publisher, name: str) -> None:
    publisher.parts(12)
    reply = edge.get(f"{BASE}/source/{name}")
    assert reply.status == 404


def test_retired_media_is_410(edge: Edge, publisher: Publisher, tmp_path: object) -> None:
    publisher.video.retention = type(publisher.video.retention)(4, 1 << 30)
    publisher.parts(11)
    with edge.client() as client:
        assert client.get(f"{BASE}/source/0.m4s").status == 200
        assert client.get(f"{BASE}/source/part.0.m4s").status == 200
        publisher.parts(60)
        eventually(lambda: client.get(f"{BASE}/source/0.m4s").status == 410, "retired")
        assert client.get(f"{BASE}/source/part.0.m4s").status == 410
        assert client.get(f"{BASE}/source/6.m4s").status == 200


def test_old_parts_are_the_logs_bytes_too_however_many_are_asked_for(
    edge: Edge, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.edge.segments.KNOWN_PARTS", 8)
    parts = publisher.parts(61, size=15_000)
    with edge.client() as client:
        for number in (*range(20), *range(20), 60, 0, 60):
            assert client.get(f"{BASE}/source/part.{number}.m4s").body == parts[number]


def test_retention_under_a_viewer_does_not_touch_what_it_gets(
    edge: Edge, publisher: Publisher
) -> None:
    publisher.video.retention = type(publisher.video.retention)(4, 1 << 30)
    parts = publisher.parts(11, size=1_500_000)
    with edge.client(receive_buffer=65_536) as client:
        client.ask(f"{BASE}/source/0.m4s")
        client.until(b"\r\n\r\n")
        publisher.parts(60)
        eventually(lambda: edge.get(f"{BASE}/source/0.m4s").status == 410, "retired")
        assert client.read(15_000_000) == b"".join(parts[:10])


def test_an_ended_log_serves_all_of_it(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(13)
    publisher.end()
    assert b"#EXT-X-ENDLIST" in edge.get(f"{BASE}/source.m3u8").body
    assert edge.get(f"{BASE}/source/1.m4s").body == b"".join(parts[10:])
    assert edge.get(f"{BASE}/source/part.13.m4s").status == 404
    assert edge.get(f"{BASE}/source/2.m4s").status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/live/other.m3u8",
        "/live/other.flv",
        "/live/demo/e2/source.m3u8",
        "/live/demo/e1/720p.m3u8",
        "/live/demo/e1/source/x.m4s",
        "/live/demo/e1/source/01.m4s",
    ],
)
def test_what_is_not_published_is_404_in_words(
    edge: Edge, publisher: Publisher, target: str
) -> None:
    publisher.parts(12)
    reply = edge.get(target)
    assert reply.status == 404
    assert reply.headers["cache-control"] == "no-store"
    assert reply.body


class TestRanges:
    """RFC 9110 13 and 14, on a part (held in memory) and a segment (sent from its file)."""

    PART = f"{BASE}/source/part.3.m4s"
    SEGMENT = f"{BASE}/source/0.m4s"

    @pytest.fixture(autouse=True)
    def _published(self, publisher: Publisher) -> None:
        self.parts = publisher.parts(11, size=1000)

    def both(self, edge: Edge, **headers: str) -> list[tuple[Reply, bytes]]:
        wholes = self.parts[3], b"".join(self.parts[:10])
        targets = self.PART, self.SEGMENT
        return [
            (edge.get(target, **headers), whole)
            for target, whole in zip(targets, wholes, strict=True)
        ]

    @pytest.mark.parametrize(
        ("value", "first", "stop"),
        [
            ("bytes=0-99", 0, 100),
            ("bytes=500-", 500, None),
            ("bytes=-7", -7, None),
            ("bytes=5-99999", 5, None),
            ("bytes=-99999", 0, None),
            ("bytes=0-0", 0, 1),
        ],
    )
    def test_one_range(self, edge: Edge, value: str, first: int, stop: int | None) -> None:
        for reply, whole in self.both(edge, range=value):
            assert (reply.status, reply.body) == (206, whole[first:stop])
            start = first % len(whole)
            end = start + len(reply.body) - 1
            assert reply.headers["content-range"] == f"bytes {start}-{end}/{len(whole)}"

    @pytest.mark.parametrize("value", ["bytes=99999-", "bytes=-0"])
    def test_a_range_outside_is_416(self, edge: Edge, value: str) -> None:
        for reply, whole in self.both(edge, range=value):
            assert (reply.status, reply.body) == (416, b"")
            assert reply.headers["content-range"] == f"bytes */{len(whole)}"

    @pytest.mark.parametrize(
        "value", ["bytes=9-5", "bytes=0-1,3-4", "bytes=-", "lines=0-1", "bytes=a-b", "0-5"]
    )
    def test_what_is_no_single_range_is_ignored(self, edge: Edge, value: str) -> None:
        for reply, whole in self.both(edge, range=value):
            assert (reply.status, reply.body) == (200, whole)

    def test_etag_tells_that_nothing_changed(self, edge: Edge) -> None:
        for target in (self.PART, self.SEGMENT):
            etag = edge.get(target).headers["etag"]
            for condition in (etag, f'"x", W/{etag}', "*"):
                reply = edge.get(target, if_none_match=condition)
                assert (reply.status, reply.body) == (304, b"")
                assert "content-length" not in reply.headers
            assert edge.get(target, if_none_match='"x"').status == 200

    def test_if_range(self, edge: Edge) -> None:
        etag = edge.get(self.PART).headers["etag"]
        assert edge.get(self.PART, range="bytes=0-1", if_range=etag).status == 206
        assert edge.get(self.PART, range="bytes=0-1", if_range='"x"').status == 200
        assert edge.get(self.PART, range="bytes=0-1", if_range=f"W/{etag}").status == 200

    def test_head_is_the_get_without_its_body(self, edge: Edge) -> None:
        with edge.client() as client:
            for target in (self.PART, self.SEGMENT, f"{BASE}/source.m3u8", "/live/demo.m3u8"):
                full, head = client.get(target), client.get(target, "HEAD", range="bytes=0-1")
                assert (head.status, head.headers) == (200, full.headers)


def test_pipelined_requests_are_answered_in_order(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(12)
    with edge.client() as client:
        wanted = [number % 12 for number in range(100)]
        names = [f"{BASE}/source/part.{number}.m4s" for number in wanted]
        client.send(b"".join(f"GET {name} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for name in names))
        for number in wanted:
            assert client.reply().body == parts[number]


def test_a_parked_request_holds_back_those_behind_it(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(12)
    with edge.client() as client:
        client.ask(f"{BASE}/source/part.12.m4s")
        client.ask(f"{BASE}/source/part.11.m4s")
        eventually(lambda: edge.metric("tidegate_parked_requests") == 1, "parked")
        new = publisher.part()
        assert client.reply().body == new
        assert client.reply().body == parts[11]


def test_many_viewers_at_once_get_what_they_ask(edge: Edge, publisher: Publisher) -> None:
    parts = publisher.parts(12, size=15_000)

    def view(number: int) -> list[bytes]:
        with Client(edge.port) as client:
            return [client.get(f"{BASE}/source/part.{number}.m4s").body for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        views = list(pool.map(view, range(8)))
    assert views == [[part] * 50 for part in parts[:8]]
