"""Fragmented MP4: CMAF, an init and chunks of one track (ISO/IEC 23000-19), and files of both."""

from tidegate.media.cmaf.box import Box, parse_boxes
from tidegate.media.cmaf.chunk import chunk
from tidegate.media.cmaf.fragment import Stretch, fragment
from tidegate.media.cmaf.init import AUDIO_ID, VIDEO_ID, audio_init, file_init, video_init
from tidegate.media.cmaf.read import (
    ParsedChunk,
    ParsedTrack,
    ProducerTime,
    SampleEntry,
    parse_chunk,
    parse_fragment,
)

__all__ = [
    "AUDIO_ID",
    "VIDEO_ID",
    "Box",
    "ParsedChunk",
    "ParsedTrack",
    "ProducerTime",
    "SampleEntry",
    "Stretch",
    "audio_init",
    "chunk",
    "file_init",
    "fragment",
    "parse_boxes",
    "parse_chunk",
    "parse_fragment",
    "video_init",
]
