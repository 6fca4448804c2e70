"""Publishers and disks that misbehave: a clear line, a counter, and nothing else disturbed."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import hls_judge
from support.channel import live, media_playlists
from support.disk import small_disk
from support.film import Film, samples_of
from support.ll_client import LowLatencyClient
from support.node import RunningNode
from support.publish import make_film, packets, publishing
from support.raw_publisher import RawPublisher
from support.wait import until
from tidegate.media.sample import VideoTrack

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=4)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to outlast any test."""
    return make_film(tmp_path_factory.mktemp("long") / "long.mp4", seconds=60)


@pytest.fixture(scope="module")
def film(path: Path) -> Film:
    return samples_of(path)


def publish_all(node: RunningNode, film: Film, shift_ms: Callable[[int], int]) -> None:
    """The whole film at once, each sample's time moved by `shift_ms(its index)`."""
    publisher = RawPublisher(node.rtmp("film"))
    publisher.parameters(*{type(track): track for track, _ in film}.values())
    for index, (track, sample) in enumerate(film):
        publisher.sample(track, sample, shift_ms(index))
    publisher.close()


def health(node: RunningNode, event: str) -> int:
    text = node.get("/metrics").body.decode()
    found = re.findall(rf'health_events_total{{event="{event}"}} ([\d.e+]+)', text)
    return int(float(found[0])) if found else 0


HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("shift_ms", "event"),
    [
        (lambda index: HOUR_MS if index < 150 else 0, "time_jump"),
        (lambda index: 0 if index < 150 else HOUR_MS, "time_jump"),
        (lambda index: (1 << 32) - 2000, "time_wrap"),
    ],
    ids=["an hour back", "an hour ahead", "32 bits go round"],
)
def test_a_clock_that_leaps_is_mended_and_reported(
    start_node: Callable[..., RunningNode],
    path: Path,
    film: Film,
    shift_ms: Callable[[int], int],
    event: str,
) -> None:
    node = start_node({"publish": {"grace_s": 0}})
    publish_all(node, film, shift_ms)
    until(lambda: live(node, "film"), "the channel is there")
    playlist = media_playlists(node, "film")["source"]
    got = packets(playlist, "v")
    wanted = packets(path, "v")
    assert [packet.hash for packet in got] == [packet.hash for packet in wanted]
    lasted = got[-1].dts - got[0].dts
    assert abs(lasted - (wanted[-1].dts - wanted[0].dts)) < 0.25
    sound = packets(f"{node.http}/live/film.m3u8", "a")
    assert abs((sound[-1].dts - got[-1].dts) - (packets(path, "a")[-1].dts - wanted[-1].dts)) < 0.25
    assert health(node, event) >= 1
    assert event in node.log_text()


def test_a_publisher_cut_off_in_a_frame_leaves_whole_frames_and_others_alone(
    start_node: Callable[..., RunningNode], long: Path, film: Film
) -> None:
    node = start_node({"publish": {"grace_s": 0}})
    with publishing(node.rtmp("other"), long):
        until(lambda: live(node, "other"), "the other channel is live")
        client = LowLatencyClient(media_playlists(node, "other")["source"])
        publisher = RawPublisher(node.rtmp("film"))
        publisher.parameters(*{type(track): track for track, _ in film}.values())
        for track, sample in film[:200]:
            publisher.sample(track, sample)
        publisher.raw(b"\x04\x00\x00\x10\x00\xff\xff\x09\x01\x00\x00\x00half a frame")
        publisher.close()
        until(lambda: live(node, "film"), "the cut channel is there")
        got = packets(media_playlists(node, "film")["source"], "v")
        sent = sum(isinstance(track, VideoTrack) for track, _ in film[:200])
        assert len(got) == sent
        client.play_until(parts=12)
        client.close()


def test_a_codec_that_is_not_carried_is_refused_by_name(
    start_node: Callable[..., RunningNode], film: Film
) -> None:
    node = start_node()
    publisher = RawPublisher(node.rtmp("film"))
    publisher._media(9, 0, b"\x1c\x00\x00\x00\x00HEVC the old way")
    assert b"HEVC" in publisher.answer()
    publisher.close()
    publish_all(node, film, lambda _index: 0)
    until(lambda: live(node, "film"), "the channel is there for who sends H.264")


@pytest.fixture
def full_soon(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "4m") as disk:
        yield disk


def test_a_full_log_disk_is_told_and_the_channel_goes_on_with_space(
    full_soon: Path, start_node: Callable[..., RunningNode], long: Path
) -> None:
    node = start_node({"log": {"root": str(full_soon / "log")}})
    with publishing(node.rtmp("film"), long) as publisher:
        until(lambda: live(node, "film"), "the channel is live")
        url = media_playlists(node, "film")["source"]
        before = hls_judge.read(node.get(url.removeprefix(node.http)).body.decode())
        ballast = full_soon / "ballast"
        left = os.statvfs(full_soon)
        ballast.write_bytes(bytes(left.f_bavail * left.f_frsize))
        until(lambda: health(node, "log_full") > 0, "the full disk is counted")
        assert "log_full" in node.log_text()
        assert publisher.poll() is None
        ballast.unlink()
        newest = before.segments[-1].number

        def goes_on() -> bool:
            found = hls_judge.read(node.get(url.removeprefix(node.http)).body.decode())
            return found.segments[-1].discontinuity > 0 and found.segments[-1].number > newest

        until(goes_on, "the channel goes on in its epoch")
