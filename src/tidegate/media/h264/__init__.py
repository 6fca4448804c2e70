"""H.264 as it travels in FLV and MP4: its configuration, its parameter sets, its NAL units."""

from tidegate.media.h264.config import AvcConfig, build_config, video_track
from tidegate.media.h264.nal import (
    NalType,
    is_keyframe,
    join_nal_units,
    nal_units,
    to_four_byte_lengths,
)
from tidegate.media.h264.sps import Colour, Sps, parse_sps

__all__ = [
    "AvcConfig",
    "Colour",
    "NalType",
    "Sps",
    "build_config",
    "is_keyframe",
    "join_nal_units",
    "nal_units",
    "parse_sps",
    "to_four_byte_lengths",
    "video_track",
]
