"""What every room means by a track and a sample.

Law: a sample's times are ticks of its track's timescale, already repaired; nothing after `ingest`
mends time again.
"""

from dataclasses import dataclass
from fractions import Fraction

import msgspec

VIDEO_TIMESCALE = 90_000
"""Ticks a second of every video track: divisible by 24, 25, 30, 50, 60 and by a millisecond."""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """An H.264 track.

    `config` is the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1), `codec` the RFC 6381
    string ("avc1.64001F"), `width` and `height` the displayed size in pixels, `frame_rate` frames a
    second where the SPS states it.
    """

    config: bytes
    codec: str
    width: int
    height: int
    frame_rate: Fraction | None = None

    @property
    def timescale(self) -> int:
        """Ticks a second."""
        return VIDEO_TIMESCALE


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An AAC track.

    `config` is the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1), `codec` the RFC 6381 string
    ("mp4a.40.2"), `sample_rate` the rate of the decoded sound in Hz (with SBR, the doubled one),
    `frame_size` the decoded sound samples in one frame (1024, or 2048 with SBR).
    """

    config: bytes
    codec: str
    sample_rate: int
    channels: int
    frame_size: int = 1024

    @property
    def timescale(self) -> int:
        """Ticks a second: one tick is one decoded sound sample."""
        return self.sample_rate


Track = VideoTrack | AudioTrack


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One coded frame, or one audio frame.

    `dts` and `pts` are ticks of the track's timescale; `wall` is the ingest's clock when the sample
    arrived, in microseconds since the Unix epoch; `data` is AVCC (length-prefixed NAL units) or one
    raw AAC frame. `keyframe` is true where decoding can start (every audio frame).
    """

    dts: int
    pts: int
    wall: int
    keyframe: bool
    data: bytes
