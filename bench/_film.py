"""The film that benches publish: a test picture at a constant rate, made once and kept."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._proc import LOAD_CORE, OUT, on

SECONDS = 60
AUDIO_KBIT = 48
KEYFRAMES = 50
"""Frames from keyframe to keyframe: two seconds."""


def film(kbit: int) -> Path:
    """An FLV of so many kbit/s, picture and sound together."""
    path = OUT / f"film-{kbit}.flv"
    if not path.exists():
        OUT.mkdir(exist_ok=True)
        _make(path, f"{kbit - AUDIO_KBIT - kbit // 50}k")  # a fiftieth is the tags' own
    return path


def _make(path: Path, rate: str) -> None:
    part = path.with_suffix(".part.flv")
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    command += ["-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={SECONDS}"]
    command += ["-f", "lavfi", "-i", f"sine=d={SECONDS}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    command += ["-x264-params", "nal-hrd=cbr:bframes=0:scenecut=0", "-g", str(KEYFRAMES)]
    command += ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate]
    command += ["-c:a", "aac", "-b:a", f"{AUDIO_KBIT}k", "-f", "flv", str(part)]
    subprocess.run(command, check=True, timeout=300)
    part.rename(path)


def mbit_s(path: Path) -> float:
    """What one viewer is sent."""
    return path.stat().st_size * 8 / SECONDS / 1e6


@contextmanager
def published(path: Path, *urls: str) -> Iterator[None]:
    """ffmpeg publishes `path` round and round, to each URL, on the load's core."""
    programs = []
    for url in urls:
        command = [*on(LOAD_CORE), "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin"]
        command += ["-re", "-stream_loop", "-1", "-i", str(path), "-c", "copy", "-f", "flv", url]
        programs.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()
