"""Any media messages give samples whose times grow, or a `MediaError`; and nothing else.

The bytes are messages end to end: kind and size in a byte, four bytes of time, a body.
"""

from typing import Literal, NamedTuple

from tidegate.ingest.flv_samples import FlvSamples
from tidegate.media import MediaError, Sample, Track, VideoTrack, flv, h264
from tidegate.media.sample import AudioTrack


class _Message(NamedTuple):
    kind: Literal["audio", "video"]
    timestamp: int
    payload: bytes


_SPS = bytes.fromhex("6742c01ed9005005bb016a02020280000003008000001e078c1924")
_PPS = bytes.fromhex("68cb83cb20")
_VIDEO = h264.video_track(h264.build_config([_SPS], [_PPS]))
_AUDIO = AudioTrack(b"\x12\x10", "mp4a.40.2", 44_100, 2)
_KEY = bytes.fromhex("00000005658884000a")
_INTER = bytes.fromhex("00000004419a0001")


def _pack(kind: int, timestamp: int, body: bytes) -> bytes:
    return bytes((kind << 7 | len(body),)) + timestamp.to_bytes(4, "big") + body


def _film(start: int, frames: int) -> bytes:
    out = _pack(1, 0, flv.video_sequence_header(_VIDEO))
    out += _pack(0, 0, flv.audio_sequence_header(_AUDIO))
    for number in range(frames):
        time = (start + number * 33) % (1 << 32)
        sample = Sample(0, 6000, 0, number == 0, _INTER if number else _KEY)
        out += _pack(1, time, flv.video_tag_body(sample, _VIDEO))
        out += _pack(0, time, flv.audio_tag_body(Sample(0, 0, 0, True, b"\x21\x10\x04")))
    return out


SEEDS: list[bytes] = [
    _film(0, 6),
    _film((1 << 32) - 90, 6),
    _film(3_600_000, 3) + _film(0, 3),
    _pack(1, 0, b"\x90hvc1"),
    _pack(1, 0, flv.video_tag_body(Sample(0, 0, 0, True, _KEY), _VIDEO)),
]


class _Sink:
    def __init__(self) -> None:
        self.last: dict[type, float] = {}

    def track(self, track: Track) -> None:
        if not track.codec or track.timescale <= 0:
            raise AssertionError(f"{track} cannot be carried")

    def sample(self, track: Track, sample: Sample) -> None:
        at = sample.dts / track.timescale
        if at <= self.last.get(type(track), -1e9):
            raise AssertionError(f"time stood still at {sample}")
        self.last[type(track)] = at
        if isinstance(track, VideoTrack):
            h264.nal_units(sample.data)

    def event(self, name: str, detail: str) -> None:
        if not name or not detail:
            raise AssertionError("an event that says nothing")


def one(data: bytes) -> None:
    """Take the messages until one is refused."""
    samples = FlvSamples(_Sink())
    at = 0
    while at + 5 <= len(data):
        kind: Literal["audio", "video"] = "video" if data[at] & 0x80 else "audio"
        end = at + 5 + (data[at] & 0x7F)
        message = _Message(kind, int.from_bytes(data[at + 1 : at + 5], "big"), data[at + 5 : end])
        at = end
        try:
            samples.media(message, 0)
        except MediaError as error:
            if not str(error):
                raise AssertionError("an error that says nothing") from error
            return
