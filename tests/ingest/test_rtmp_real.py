"""Real encoders publish over loopback, and read why they may not."""

import shlex
import subprocess

import pytest
from rtmp_peer import KEY
from rtmp_service import serving

from support.wait import until
from tidegate.media.sample import AudioTrack, VideoTrack

pytestmark = pytest.mark.real

SECONDS = 2
FFMPEG = (
    "ffmpeg -nostdin -hide_banner -loglevel error -re -f lavfi -i testsrc2=size=160x120:rate=15 "
    f"-f lavfi -i sine=sample_rate=44100 -t {SECONDS} -c:v libx264 -preset ultrafast "
    "-pix_fmt yuv420p -g 15 -c:a aac -f flv {url}"
)
GSTREAMER = (
    f"gst-launch-1.0 -q videotestsrc is-live=true num-buffers={15 * SECONDS} "
    "! video/x-raw,format=I420,width=160,height=120,framerate=15/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! h264parse "
    "! flvmux name=mux streamable=true "
    f"audiotestsrc is-live=true num-buffers={43 * SECONDS} "
    "! audio/x-raw,rate=44100,channels=1 ! voaacenc ! aacparse ! mux. mux. "
)
PUBLISHERS = {
    "ffmpeg": FFMPEG,
    "rtmp2sink": GSTREAMER + "! rtmp2sink location={url}",
    "rtmpsink": GSTREAMER + "! rtmpsink location={url}",
}


def run(command: str, url: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command.replace("{url}", url))
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", PUBLISHERS)
def test_a_live_encoder_is_taken_whole_and_ends_in_good_order(name):
    with serving() as service:
        done = run(PUBLISHERS[name], service.url())
        assert done.returncode == 0, done.stderr
        (stay,) = service.gate.stays
        until(lambda: stay.closed, "the publish was closed")
        assert stay.closed == ["unpublish"]
        assert {type(track) for track in stay.tracks} == {VideoTrack, AudioTrack}
        pictures = [sample for track, sample in stay.samples if isinstance(track, VideoTrack)]
        assert len(pictures) == 15 * SECONDS
        sound = [sample for track, sample in stay.samples if isinstance(track, AudioTrack)]
        assert abs(sound[-1].dts / 44100 - SECONDS) < 0.5
        # A live source on a starved machine stamps its sound unevenly; nothing else may be amiss.
        assert {event for event, _ in stay.events} <= {"time_drift", "time_reorder"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("demo?key=not-the-right-key", "the stream key is missing or wrong"),
        ("demo", "no key: publish to CHANNEL?key=KEY"),
        (f"d.e.m.o?key={KEY}", "a channel's name is 1 to 64 letters, digits, - and _"),
    ],
)
def test_ffmpeg_shows_its_user_why_it_was_refused(name, words):
    with serving() as service:
        done = run(FFMPEG, service.url(name))
        assert done.returncode != 0
        assert words in done.stderr


def test_ffmpeg_shows_that_another_took_over():
    with serving() as service:
        service.gate.takeover = True
        words = shlex.split(FFMPEG.replace("{url}", service.url()).replace("-t 2", "-t 60"))
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as first:
            until(lambda: service.gate.stays and service.gate.stays[0].samples, "the first is live")
            assert run(FFMPEG, service.url()).returncode == 0
            assert "another publisher took over" in first.communicate(timeout=30)[1]
        assert service.gate.stays[0].closed == ["takeover"]
