"""CMAF: one track's fragmented MP4, an init and chunks (ISO/IEC 23000-19, ISO/IEC 14496-12)."""

from tidegate.media.cmaf.box import Box, parse_boxes
from tidegate.media.cmaf.chunk import chunk
from tidegate.media.cmaf.init import audio_init, video_init
from tidegate.media.cmaf.read import ParsedChunk, ProducerTime, SampleEntry, parse_chunk

__all__ = [
    "Box",
    "ParsedChunk",
    "ProducerTime",
    "SampleEntry",
    "audio_init",
    "chunk",
    "parse_boxes",
    "parse_chunk",
    "video_init",
]
