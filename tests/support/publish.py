"""Real publishers and real readers: ffmpeg, GStreamer and ffprobe as users run them."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_QUIET = ["-hide_banner", "-loglevel", "error", "-nostdin"]
DEADLINE_S = 60


def make_film(path: Path, *, seconds: float = 6, video: str = "", audio: str = "") -> Path:
    """A film of a test picture and a tone, 640x360 at 30 frames a second, with B-frames.

    `video` and `audio` replace the encoder's options; "none" leaves the track out.
    """
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=30:duration={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    video = video or "-c:v libx264 -preset veryfast -bf 3 -g 60 -sc_threshold 0 -pix_fmt yuv420p"
    audio = audio or "-c:a aac -b:a 96k"
    command = ["ffmpeg", *_QUIET, "-y"]
    command += ([] if video == "none" else picture) + ([] if audio == "none" else tone)
    command += [] if video == "none" else video.split()
    command += [] if audio == "none" else audio.split()
    subprocess.run([*command, str(path)], check=True, timeout=DEADLINE_S)
    return path


@contextmanager
def publishing(url: str, film: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """ffmpeg publishing `film` at its own pace; killed at the end if it still runs."""
    command = ["ffmpeg", *_QUIET, "-re", *options, "-i", str(film), "-c", "copy", "-f", "flv", url]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Packet:
    """One coded frame as ffprobe sees it; times in seconds."""

    pts: float
    dts: float
    key: bool
    hash: str


def probe(source: str | Path, *options: str) -> dict[str, object]:
    """ffprobe's view of a file or URL: its streams."""
    shown = _output(
        "ffprobe", "-loglevel", "error", *options, "-of", "json", "-show_streams", str(source)
    )
    found: dict[str, object] = {
        stream["codec_type"]: stream for stream in json.loads(shown)["streams"]
    }
    return found


def packets(source: str | Path, stream: str, *options: str) -> list[Packet]:
    """Every packet of the first stream of a type ("v", "a"), read to the source's end."""
    show = ["-show_packets", "-show_data_hash", "md5", "-of", "json", "-select_streams"]
    shown = _output("ffprobe", "-loglevel", "error", *options, *show, f"{stream}:0", str(source))
    return [
        Packet(
            float(each["pts_time"]),
            float(each["dts_time"]),
            "K" in each["flags"],
            each["data_hash"],
        )
        for each in json.loads(shown)["packets"]
    ]


def decoded(source: str | Path, *options: str) -> list[str]:
    """The hash of every decoded picture, in the order shown, read to the source's end."""
    hashes = ["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    lines = _output("ffmpeg", *_QUIET, *options, "-i", str(source), *hashes).splitlines()
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


def _output(*command: str) -> str:
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, timeout=DEADLINE_S
    ).stdout.decode()


def offset(source: list[Packet], got: list[Packet]) -> tuple[float, float]:
    """(least, greatest) of how much later each packet of `got` plays than the same in `source`."""
    when = {each.hash: each.pts for each in source}
    moved = [each.pts - when[each.hash] for each in got if each.hash in when]
    return min(moved), max(moved)
