"""Writing FLV tags (FLV 10.1, E.2 to E.4).

Law: every tag is followed by its PreviousTagSize, so tags written one after another are always
whole; and after a file header they are a file.
"""

import struct
from enum import IntEnum

from tidegate.media import amf0
from tidegate.media.errors import MediaError
from tidegate.media.sample import AudioTrack, Sample, Track, VideoTrack

FILE_HEADER_SIZE = 13
"""Bytes of the file header and PreviousTagSize0."""

MAX_BODY = 0xFF_FFFF
"""DataSize has 24 bits."""

_AAC = b"\xaf"
"""E.4.2.1: for AAC the bits of rate, size and type are these, whatever the sound."""
_AUDIO_PREFIX = _AAC + b"\x01"


class TagKind(IntEnum):
    """TagType of E.4.1."""

    AUDIO = 8
    VIDEO = 9
    SCRIPT = 18


# Each fixed 11 bytes as two words: kind and size; time's low 24 bits and its high 8; stream 0.
_HEAD = struct.Struct(">II3x")
_VIDEO_PREFIX = struct.Struct(">BI")
_SIZE = struct.Struct(">I")


def file_header(*, video: bool, audio: bool) -> bytes:
    """The file header (E.2) and PreviousTagSize0."""
    return b"FLV\x01" + bytes((video | audio << 2,)) + b"\x00\x00\x00\x09\x00\x00\x00\x00"


def _words(kind: int, timestamp_ms: int, size: int) -> tuple[int, int]:
    if size > MAX_BODY:
        raise MediaError(f"FLV: a tag of {size} bytes, over {MAX_BODY}")
    low, high = timestamp_ms & 0xFF_FFFF, timestamp_ms >> 24 & 0xFF
    return kind << 24 | size, low << 8 | high


def tag(kind: int, timestamp_ms: int, body: bytes) -> bytes:
    """A tag and its PreviousTagSize; the time is taken modulo 2**32. Raises `MediaError`."""
    head = _HEAD.pack(*_words(kind, timestamp_ms, len(body)))
    return b"".join((head, body, _SIZE.pack(11 + len(body))))


def _video_prefix(sample: Sample, track: VideoTrack) -> bytes:
    """What E.4.3 puts before an H.264 sample; dts and offset are whole ms that add up to pts."""
    timescale = track.timescale
    offset = sample.pts * 1000 // timescale - sample.dts * 1000 // timescale
    return _VIDEO_PREFIX.pack(0x17 if sample.keyframe else 0x27, 1 << 24 | offset & 0xFF_FFFF)


def video_tag_body(sample: Sample, track: VideoTrack) -> bytes:
    """VIDEODATA (E.4.3) of an H.264 sample."""
    return _video_prefix(sample, track) + sample.data


def audio_tag_body(sample: Sample) -> bytes:
    """AUDIODATA (E.4.2) of a raw AAC frame."""
    return _AUDIO_PREFIX + sample.data


def media_tag(track: Track, sample: Sample, timestamp_ms: int) -> bytes:
    """A sample's tag, its data copied once: this is done for every sample. Raises `MediaError`."""
    if isinstance(track, VideoTrack):
        kind, prefix = TagKind.VIDEO, _video_prefix(sample, track)
    else:
        kind, prefix = TagKind.AUDIO, _AUDIO_PREFIX
    size = len(prefix) + len(sample.data)
    head = _HEAD.pack(*_words(kind, timestamp_ms, size))
    return b"".join((head, prefix, sample.data, _SIZE.pack(11 + size)))


def video_sequence_header(track: VideoTrack) -> bytes:
    """Body of the tag that must come before a track's samples: its record."""
    return b"\x17\x00\x00\x00\x00" + track.config


def audio_sequence_header(track: AudioTrack) -> bytes:
    """Body of the tag that must come before a track's frames: its AudioSpecificConfig."""
    return _AAC + b"\x00" + track.config


def sequence_header(track: Track, timestamp_ms: int) -> bytes:
    """A track's sequence header as a whole tag."""
    if isinstance(track, VideoTrack):
        return tag(TagKind.VIDEO, timestamp_ms, video_sequence_header(track))
    return tag(TagKind.AUDIO, timestamp_ms, audio_sequence_header(track))


def script_tag(timestamp_ms: int, name: str, value: amf0.Value) -> bytes:
    """A script tag (E.4.4): a name, and one value."""
    return tag(TagKind.SCRIPT, timestamp_ms, amf0.encode(name, value))


def metadata(video: VideoTrack | None, audio: AudioTrack | None) -> amf0.EcmaArray:
    """What onMetaData (E.5) says of the tracks; sizes in pixels, rates in Hz."""
    values = amf0.EcmaArray(hasVideo=video is not None, hasAudio=audio is not None)
    if video is not None:
        values |= {"videocodecid": 7.0, "width": float(video.width), "height": float(video.height)}
        if video.frame_rate is not None:
            values["framerate"] = float(video.frame_rate)
    if audio is not None:
        values |= {"audiocodecid": 10.0, "audiosamplerate": float(audio.sample_rate)}
        values |= {"audiosamplesize": 16.0, "stereo": audio.channels >= 2}
    return values


def file_init(video: VideoTrack | None, audio: AudioTrack | None, timestamp_ms: int) -> bytes:
    """All that comes before a file's first sample: header, onMetaData and sequence headers."""
    parts = [file_header(video=video is not None, audio=audio is not None)]
    parts.append(script_tag(timestamp_ms, "onMetaData", metadata(video, audio)))
    parts += [sequence_header(track, timestamp_ms) for track in (video, audio) if track is not None]
    return b"".join(parts)


def wall_cue_point(timestamp_ms: int, wall_ms: int) -> bytes:
    """A script tag that tells the ingest's clock, ms since the Unix epoch, at a media time.

    It is a cue point (onCuePoint, as Flash's encoders wrote them) of the name "wall".
    """
    values: dict[str, amf0.Value] = {
        "name": "wall",
        "time": timestamp_ms / 1000,
        "type": "event",
        "parameters": {"wall": float(wall_ms)},
    }
    return script_tag(timestamp_ms, "onCuePoint", values)
