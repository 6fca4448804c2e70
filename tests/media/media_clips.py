"""Clips that a real encoder made, and what FFmpeg's demuxer reads in them."""

import io
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import av
import numpy as np

from tidegate.media import aac, flv, h264
from tidegate.media.sample import AudioTrack, Sample, Track, VideoTrack


@dataclass(frozen=True)
class Recipe:
    """How a clip is encoded; no picture when `size` is None, no sound when `rate` is 0."""

    size: tuple[int, int] | None = (320, 180)
    rate_of_frames: Fraction = Fraction(30)
    frames: int = 12
    pixels: str = "yuv420p"
    rate: int = 0
    layout: str = "stereo"
    options: tuple[tuple[str, str], ...] = field(default=(("bf", "2"), ("g", "6")))


RECIPES = {
    "1080p-bframes": Recipe((1920, 1080), Fraction(30), 9, rate=44100),
    "480p-baseline": Recipe(
        (854, 480),
        Fraction(25),
        rate=48000,
        layout="mono",
        options=(("profile", "baseline"), ("g", "5")),
    ),
    "ntsc": Recipe(rate_of_frames=Fraction(30000, 1001), rate=48000),
    "interlaced": Recipe(
        (720, 484), Fraction(25), options=(("x264-params", "interlaced=1:sar=16/11"),)
    ),
    "high422-10": Recipe((642, 362), pixels="yuv422p10le"),
    "high444": Recipe((322, 182), pixels="yuv444p"),
    "colour": Recipe(
        options=(("x264-params", "colorprim=bt709:transfer=bt709:colormatrix=bt709:fullrange=on"),)
    ),
    "sound": Recipe(None, rate=48000),
}


class Packet(NamedTuple):
    """A packet as FFmpeg read it; times in seconds."""

    kind: str
    dts: Fraction
    pts: Fraction
    data: bytes


@cache
def clip(name: str) -> bytes:
    """The FLV file of a recipe."""
    recipe = RECIPES[name]
    out = io.BytesIO()
    # 10 bits and 4:4:4 have no name in FLV's muxer either: the codec id is H.264's all the same.
    with av.open(out, "w", format="flv") as file:
        picture = _add_video(file, recipe) if recipe.size else None
        sound = (
            file.add_stream("aac", rate=recipe.rate, layout=recipe.layout) if recipe.rate else None
        )
        for number in range(recipe.frames):
            if picture is not None:
                file.mux(picture.encode(_frame(recipe, number)))
            if sound is not None:
                file.mux(sound.encode(_tone(recipe, number)))
        for stream in (picture, sound):
            if stream is not None:
                file.mux(stream.encode(None))
    return out.getvalue()


def _add_video(file: av.container.OutputContainer, recipe: Recipe) -> av.VideoStream:
    stream = file.add_stream("libx264", rate=recipe.rate_of_frames)
    assert recipe.size is not None
    stream.width, stream.height = recipe.size
    stream.pix_fmt = recipe.pixels
    stream.options = {"preset": "ultrafast", **dict(recipe.options)}
    return stream


def _frame(recipe: Recipe, number: int) -> av.VideoFrame:
    assert recipe.size is not None
    width, height = recipe.size
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : 16 * (number + 1)] = (200, 30 + 10 * number, 90)
    rgb[number * 4 : number * 4 + 40, 60:120] = 255
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=recipe.pixels)
    frame.pts = number
    frame.time_base = 1 / recipe.rate_of_frames
    return frame


def _tone(recipe: Recipe, number: int) -> av.AudioFrame:
    samples = recipe.rate // 20
    at = np.arange(number * samples, (number + 1) * samples) / recipe.rate
    channels = 2 if recipe.layout == "stereo" else 1
    wave = np.tile(np.sin(at * 440 * 2 * np.pi).astype(np.float32), (channels, 1))
    frame = av.AudioFrame.from_ndarray(wave, "fltp", recipe.layout)
    frame.sample_rate = recipe.rate
    frame.pts = number * samples
    frame.time_base = Fraction(1, recipe.rate)
    return frame


def packets(data: bytes) -> list[Packet]:
    """What FFmpeg reads in a file, in the order of the file."""
    with av.open(io.BytesIO(data)) as file:
        return [
            Packet(
                packet.stream.type,
                packet.dts * packet.time_base,
                packet.pts * packet.time_base,
                bytes(packet),
            )
            for packet in file.demux()
            if packet.dts is not None and packet.size
        ]


def read_flv(data: bytes) -> tuple[dict[str, Track], dict[str, list[Sample]]]:
    """The tracks and samples of an FLV file, by our own reader, times straight from the wire."""
    tracks: dict[str, Track] = {}
    samples: dict[str, list[Sample]] = {"video": [], "audio": []}
    for tag in flv.parse_file_tags(data):
        if tag.kind == flv.TagKind.VIDEO:
            video = flv.parse_video_tag(tag.body)
            if video.packet_type is flv.PacketType.CONFIG:
                tracks["video"] = h264.video_track(video.data)
            elif video.packet_type is flv.PacketType.MEDIA:
                key = video.frame_type is flv.FrameType.KEY
                dts = tag.timestamp * 90
                pts = dts + video.composition_ms * 90
                samples["video"].append(Sample(dts, pts, 0, key, video.data))
        elif tag.kind == flv.TagKind.AUDIO:
            audio = flv.parse_audio_tag(tag.body)
            if audio.packet_type is flv.PacketType.CONFIG:
                tracks["audio"] = aac.audio_track(audio.data)
            else:
                rate = tracks["audio"].timescale
                dts = tag.timestamp * rate // 1000
                samples["audio"].append(Sample(dts, dts, 0, True, audio.data))
    return tracks, samples


def video_of(name: str) -> tuple[VideoTrack, list[Sample]]:
    """A recipe's picture."""
    tracks, samples = read_flv(clip(name))
    track = tracks["video"]
    assert isinstance(track, VideoTrack)
    return track, samples["video"]


def audio_of(name: str) -> tuple[AudioTrack, list[Sample]]:
    """A recipe's sound, on the grid of its frames."""
    tracks, samples = read_flv(clip(name))
    track = tracks["audio"]
    assert isinstance(track, AudioTrack)
    size = track.frame_size
    return track, [
        Sample(at * size, at * size, 0, True, sample.data)
        for at, sample in enumerate(samples["audio"])
    ]


def with_durations(samples: list[Sample], last: int) -> list[tuple[Sample, int]]:
    """Each sample with the ticks to the next; the last one's are given."""
    ends = [sample.dts for sample in samples[1:]] + [samples[-1].dts + last]
    return [(sample, end - sample.dts) for sample, end in zip(samples, ends, strict=True)]
