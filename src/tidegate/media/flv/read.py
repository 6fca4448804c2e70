"""What is in an FLV tag (FLV 10.1, E.4), and in a file of them.

Law: a body is H.264 or AAC, or the error names what it is instead.
"""

from enum import IntEnum
from typing import NamedTuple

from tidegate.media.errors import MediaError, UnsupportedCodec

_AVC = 7
_AAC = 10
_ENHANCED_AUDIO = 9

_VIDEO_CODECS = {
    1: "JPEG", 2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha",
    6: "Screen video 2", 8: "H.263", 9: "MPEG-4 part 2", 12: "HEVC (codec id 12)",
    13: "AV1 (codec id 13)",
}  # fmt: skip
"""By CodecID (E.4.3.1); 8 and above by custom."""
_AUDIO_CODECS = {
    0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser 16 kHz", 5: "Nellymoser 8 kHz",
    6: "Nellymoser", 7: "G.711 A-law", 8: "G.711 mu-law", 11: "Speex", 13: "Opus (codec id 13)",
    14: "MP3 8 kHz", 15: "device-specific sound",
}  # fmt: skip
"""By SoundFormat (E.4.2.1); 13 by custom."""
_FOURCC = {
    b"avc1": "H.264 in an Enhanced RTMP header", b"hvc1": "HEVC", b"av01": "AV1", b"vp09": "VP9",
    b"vp08": "VP8", b"vvc1": "VVC", b"Opus": "Opus", b"fLaC": "FLAC", b"ac-3": "AC-3",
    b"ec-3": "E-AC-3", b".mp3": "MP3", b"mp4a": "AAC in an Enhanced RTMP header",
}  # fmt: skip
"""Enhanced RTMP's codecs."""
_MULTITRACK = {"video": 6, "audio": 5}
"""Enhanced RTMP's packet type after which another byte stands before the FourCC."""


class FrameType(IntEnum):
    """FrameType of E.4.3.1."""

    KEY = 1
    INTER = 2
    DISPOSABLE = 3
    GENERATED_KEY = 4
    COMMAND = 5


class PacketType(IntEnum):
    """AVCPacketType and AACPacketType."""

    CONFIG = 0
    MEDIA = 1
    NO_MEDIA = 2
    """The end of a sequence, or a command to Flash: nothing to carry."""


class VideoTag(NamedTuple):
    """A video tag's body. `composition_ms` is pts less dts; `data` a record or a sample (AVCC)."""

    frame_type: FrameType
    codec_id: int
    packet_type: PacketType
    composition_ms: int
    data: bytes


class AudioTag(NamedTuple):
    """An audio tag's body; `data` is an AudioSpecificConfig or one raw frame."""

    packet_type: PacketType
    data: bytes


class FileTag(NamedTuple):
    """A tag of a file: 8 is audio, 9 video, 18 script; the time in ms, modulo 2**32."""

    kind: int
    timestamp: int
    body: bytes


_FRAME_TYPES = {int(kind): kind for kind in FrameType}
_PACKET_TYPES = {int(kind): kind for kind in PacketType}


def parse_video_tag(body: bytes) -> VideoTag:
    """Read a video tag's body (E.4.3.1). Raises `MediaError` or `UnsupportedCodec`."""
    if not body:
        raise MediaError("FLV: an empty video tag")
    head = body[0]
    if head & 0x80:
        raise UnsupportedCodec(_enhanced(body, head & 0x0F, "video"))
    codec = head & 0x0F
    if codec != _AVC:
        name = _VIDEO_CODECS.get(codec, f"FLV video codec {codec}")
        raise UnsupportedCodec(f"{name} is not carried; send H.264")
    frame_type = _FRAME_TYPES.get(head >> 4)
    if frame_type is None:
        raise MediaError(f"FLV: video frame type {head >> 4}")
    if frame_type is FrameType.COMMAND:
        return VideoTag(frame_type, codec, PacketType.NO_MEDIA, 0, b"")
    packet_type = _PACKET_TYPES.get(body[1]) if len(body) >= 5 else None
    if packet_type is None:
        raise MediaError("FLV: an H.264 tag is cut short, or of an unknown packet type")
    composition = ((int.from_bytes(body[2:5]) ^ 0x80_0000) - 0x80_0000) if packet_type == 1 else 0
    return VideoTag(frame_type, codec, packet_type, composition, body[5:])


def parse_audio_tag(body: bytes) -> AudioTag:
    """Read an audio tag's body (E.4.2.1). Raises `MediaError` or `UnsupportedCodec`."""
    if not body:
        raise MediaError("FLV: an empty audio tag")
    codec = body[0] >> 4
    if codec == _ENHANCED_AUDIO:
        raise UnsupportedCodec(_enhanced(body, body[0] & 0x0F, "audio"))
    if codec != _AAC:
        name = _AUDIO_CODECS.get(codec, f"FLV sound format {codec}")
        raise UnsupportedCodec(f"{name} is not carried; send AAC")
    if len(body) < 2 or body[1] > PacketType.MEDIA:
        raise MediaError("FLV: an AAC tag is cut short, or of an unknown packet type")
    return AudioTag(_PACKET_TYPES[body[1]], body[2:])


def _enhanced(body: bytes, packet_type: int, kind: str) -> str:
    """What an Enhanced RTMP body holds, in words."""
    at = 2 if packet_type == _MULTITRACK[kind] else 1
    fourcc = body[at : at + 4]
    wanted = "H.264 by plain RTMP" if kind == "video" else "AAC by plain RTMP"
    name = _FOURCC.get(fourcc)
    if name is None:
        return f"Enhanced RTMP {kind} is not carried; send {wanted}"
    return f"{name} ({fourcc.decode()}) is not carried; send {wanted}"


def parse_file_tags(data: bytes) -> list[FileTag]:
    """The tags of a whole FLV file. Raises `MediaError` when it is cut short or out of step."""
    if len(data) < 13 or data[:4] != b"FLV\x01" or data[5:13] != b"\x00\x00\x00\x09\0\0\0\0":
        raise MediaError("FLV: no file header")
    return parse_tags(data[13:])


def parse_tags(data: bytes) -> list[FileTag]:
    """Tags end to end, each with its PreviousTagSize after it, as chunks of a log are.

    Raises `MediaError`.
    """
    tags: list[FileTag] = []
    at = 0
    while at < len(data):
        start = at + 11
        end = start + int.from_bytes(data[at + 1 : at + 4])
        if end + 4 > len(data):
            raise MediaError(f"FLV: the tag at byte {at} is cut short")
        if int.from_bytes(data[end : end + 4]) != end - at:
            raise MediaError(f"FLV: after the tag at byte {at}, another size than its own")
        timestamp = int.from_bytes(data[at + 4 : at + 7]) | data[at + 7] << 24
        tags.append(FileTag(data[at], timestamp, data[start:end]))
        at = end + 4
    return tags
