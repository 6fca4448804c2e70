"""What video is: tracks, samples, codec parameters, time; FLV and CMAF. Bytes only, no I/O."""

from tidegate.media import aac, amf0, cmaf, flv, h264
from tidegate.media.errors import MediaError, UnsupportedCodec
from tidegate.media.sample import VIDEO_TIMESCALE, AudioTrack, Sample, Track, VideoTrack
from tidegate.media.timeline import Placed, Repair, Timeline

__all__ = [
    "VIDEO_TIMESCALE",
    "AudioTrack",
    "MediaError",
    "Placed",
    "Repair",
    "Sample",
    "Timeline",
    "Track",
    "UnsupportedCodec",
    "VideoTrack",
    "aac",
    "amf0",
    "cmaf",
    "flv",
    "h264",
]
