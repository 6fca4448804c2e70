"""What ffmpeg published with B-frames comes out whole: LL-HLS, HLS and HTTP-FLV, frame by frame."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from support.channel import live, media_playlists
from support.ll_client import LowLatencyClient
from support.node import RunningNode
from support.publish import decoded, make_film, offset, packets, probe, publishing
from support.wait import until

pytestmark = pytest.mark.real

SYNC_S = 0.020
"""How far sound and picture may move against each other, seconds."""


class Background:
    """Runs readers beside the publisher, and hands on what they return or raise."""

    def __init__(self, *calls: Callable[[], object]) -> None:
        self.results: list[object] = [None] * len(calls)
        self._threads = [
            threading.Thread(target=self._run, args=(index, call), name=f"reader {index}")
            for index, call in enumerate(calls)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, index: int, call: Callable[[], object]) -> None:
        try:
            self.results[index] = call()
        except BaseException as error:  # noqa: BLE001  (raised again by `join`)
            self.results[index] = error

    def join(self) -> list[object]:
        for thread in self._threads:
            thread.join(90)
        for result in self.results:
            if isinstance(result, BaseException):
                raise result
        return self.results


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4")


def test_every_way_out_gives_the_publishers_frames(
    start_node: Callable[..., RunningNode], film: Path, tmp_path: Path
) -> None:
    node = start_node({"publish": {"grace_s": 0}})
    hls, flv = f"{node.http}/live/film.m3u8", f"{node.http}/live/film.flv"
    saved = tmp_path / "saved.flv"
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        clients = {
            name: LowLatencyClient(url) for name, url in media_playlists(node, "film").items()
        }
        assert set(clients) == {"source", "audio"}
        readers = Background(
            lambda: decoded(hls, "-live_start_index", "0"),
            lambda: saved.write_bytes(node.get("/live/film.flv").body),
            *(client.play for client in clients.values()),
        )
        seen = probe(hls), probe(flv)
        pictures = readers.join()[0]

    source = {kind: packets(film, kind) for kind in "va"}
    assert pictures == decoded(film)
    for streams in seen:
        video, audio = streams["video"], streams["audio"]
        assert (video["codec_name"], video["width"], video["height"]) == ("h264", 640, 360)
        assert video["profile"] == "High"
        assert video["r_frame_rate"] == "30/1"
        assert (audio["codec_name"], audio["profile"]) == ("aac", "LC")
        assert (audio["sample_rate"], audio["channels"]) == ("48000", 1)

    got = {"v": packets(hls, "v"), "a": packets(hls, "a")}
    check(source, got, whole=True)
    for client, kind in ((clients["source"], "v"), (clients["audio"], "a")):
        path = tmp_path / f"{kind}.mp4"
        path.write_bytes(client.media())
        got[kind] = packets(path, kind)
        client.close()
    check(source, got, whole=True)
    got = {"v": packets(saved, "v"), "a": packets(saved, "a")}
    check(source, got, whole=False)


def check(source: dict[str, list], got: dict[str, list], *, whole: bool) -> None:
    """No frame lost, none twice, none moved against the other track.

    A viewer of a tail joins at a keyframe, so without `whole` the beginning may be missing.
    """
    moved = []
    for kind in "va":
        wanted = [packet.hash for packet in source[kind]]
        found = [packet.hash for packet in got[kind]]
        assert len(found) == len(set(found))
        missing = len(wanted) - len(found)
        if kind == "v":
            assert found == wanted[missing:]
            assert missing == 0 or (not whole and missing <= 120)
            assert [p.key for p in got[kind]] == [p.key for p in source[kind][missing:]]
        else:  # sound of before the first picture is not carried
            assert found == wanted[missing:]
            assert missing <= (2 if whole else 200)
        moved += offset(source[kind], got[kind])
    assert max(moved) - min(moved) < SYNC_S


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_lone_track_is_a_channel(
    start_node: Callable[..., RunningNode], tmp_path: Path, kind: str
) -> None:
    other = {"video": "audio", "audio": "video"}[kind]
    film = make_film(tmp_path / "film.mp4", seconds=4, **{other: "none"})
    node = start_node({"publish": {"grace_s": 0}})
    with publishing(node.rtmp("lone"), film):
        until(lambda: live(node, "lone"), "the channel is live")
        (client,) = [LowLatencyClient(url) for url in media_playlists(node, "lone").values()]
        client.play()
        client.close()
    hls = f"{node.http}/live/lone.m3u8"
    assert set(probe(hls)) == {kind}
    wanted = [packet.hash for packet in packets(film, kind[0])]
    assert [packet.hash for packet in packets(hls, kind[0])] == wanted


def test_the_list_of_channels_says_what_is_live(
    start_node: Callable[..., RunningNode], film: Path
) -> None:
    node = start_node()
    assert json.loads(node.get("/channels.json").body) == []
    with publishing(node.rtmp("one"), film), publishing(node.rtmp("two"), film):
        until(lambda: live(node, "one") and live(node, "two"), "both channels are live")
        listed = json.loads(node.get("/channels.json").body)
        assert [each["name"] for each in listed] == ["one", "two"]
        assert listed[0]["video"]["width"] == 640
        assert listed[0]["audio"]["sample_rate"] == 48000
