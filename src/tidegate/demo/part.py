"""The demo part: publishes the test channel in real time, for as long as the node runs.

Law: its time is the machine's. A part that was held up leaves frames out and never lags behind; a
server that goes away is tried again for ever; a call that hangs ends the process, which the node
starts again.
"""

import faulthandler
import select
import time
from urllib.parse import urlsplit

import av
import structlog

from tidegate.demo.encoder import AUDIO_FRAME, Encoder
from tidegate.demo.picture import FPS, Picture
from tidegate.demo.sound import RATE, sample_at, sound
from tidegate.settings import Settings

FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 3.0
"""Seconds between two tries to connect: short, for somebody is looking at the page."""
HANG_S = 20.0
"""Seconds one call into FFmpeg may take. Its RTMP client has no deadline that PyAV could set and
holds the interpreter while it connects, so the watchdog is one that needs no interpreter. Longer
than the longest restart of the ingest part, whose backlog accepts meanwhile."""
LATE_FRAMES = FPS // 2
"""Frames that are caught up with, a few milliseconds each; behind by more, they are left out."""
CLOCK_STEP_S = 0.05
"""A wall clock that is this far from where it should be was set, and is followed."""

log = structlog.get_logger()


def run(settings: Settings, url: str, stop_fd: int) -> None:  # noqa: ARG001  (every part's call)
    """Publishes to an RTMP URL, its key included, until `stop_fd` is readable."""
    channel = urlsplit(url).path.rpartition("/")[2]
    picture = Picture(channel)
    retry = FIRST_RETRY_S
    while not _stopped(stop_fd, 0):
        began = time.monotonic()
        try:
            _publish(url, picture, stop_fd)
        except av.FFmpegError as error:
            # Not the error's own text: that holds the URL, and so the key.
            log.warning("demo publisher lost its server", channel=channel, why=error.strerror)
        finally:
            faulthandler.cancel_dump_traceback_later()
        if time.monotonic() - began > LONGEST_RETRY_S:
            retry = FIRST_RETRY_S
        if _stopped(stop_fd, retry):
            return
        retry = min(retry * 2, LONGEST_RETRY_S)


def _publish(url: str, picture: Picture, stop_fd: int) -> None:
    """One connection's worth of the channel; returns once `stop_fd` is readable."""
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    with Encoder(url) as encoder:
        start, wall = time.monotonic(), _wall_us()
        frame = heard = 0
        while not _stopped(stop_fd, start + frame / FPS - time.monotonic()):
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            elapsed = time.monotonic() - start
            due = int(elapsed * FPS)
            if due - frame > LATE_FRAMES:
                frame = due
            wall = _follow(wall, elapsed)
            # Sound goes first and a little ahead, so the muxer has no picture wait for it.
            while heard * FPS <= frame * RATE:
                encoder.sound(heard, sound(sample_at(wall) + heard, AUDIO_FRAME))
                heard += AUDIO_FRAME
            encoder.picture(frame, picture.frame(frame, wall + frame * 1_000_000 // FPS))
            frame += 1


def _wall_us() -> int:
    return time.time_ns() // 1000


def _follow(wall_us: int, elapsed: float) -> int:
    """The wall clock at the start of the timeline, made anew where the clock was set since."""
    now = _wall_us() - round(elapsed * 1e6)
    return now if abs(now - wall_us) > CLOCK_STEP_S * 1e6 else wall_us


def _stopped(stop_fd: int, timeout_s: float) -> bool:
    readable, _, _ = select.select([stop_fd], [], [], max(timeout_s, 0))
    return bool(readable)
