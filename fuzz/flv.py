"""Any bytes are FLV or a `MediaError`; and what is read is read the same once rewritten.

The first byte chooses the reader: a video body, an audio body, tags end to end.
"""

from tidegate.media import MediaError, Sample, VideoTrack, flv

_TRACK = VideoTrack(bytes.fromhex("0142c01effe1"), "avc1.42C01E", 320, 180)
_FRAME = Sample(90_000, 97_200, 0, True, bytes.fromhex("00000005658884000a"))

SEEDS: list[bytes] = [
    b"\x00" + flv.video_sequence_header(_TRACK),
    b"\x00" + flv.video_tag_body(_FRAME, _TRACK),
    b"\x00\x90hvc1\x01\x02",
    b"\x01\xaf\x00\x12\x10",
    b"\x01\xaf\x01\x21\x10\x04\x60\x8c\x1c",
    b"\x01\x95\x00Opus",
    b"\x02" + flv.file_init(_TRACK, None, 0)[flv.FILE_HEADER_SIZE :],
    b"\x02" + flv.wall_cue_point(5500, 1_700_000_000_123) + flv.media_tag(_TRACK, _FRAME, 2**31),
]


def one(data: bytes) -> None:
    """Read by the chosen reader, rewrite, read again."""
    if not data:
        return
    try:
        _CHECKS[data[0] % len(_CHECKS)](data[1:])
    except MediaError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error


def _video(body: bytes) -> None:
    tag = flv.parse_video_tag(body)
    if tag.packet_type is not flv.PacketType.MEDIA:
        return
    key = tag.frame_type is flv.FrameType.KEY
    sample = Sample(0, tag.composition_ms * 90, 0, key, tag.data)
    again = flv.parse_video_tag(flv.video_tag_body(sample, _TRACK))
    if again[2:] != tag[2:] or (again.frame_type is flv.FrameType.KEY) != key:
        raise AssertionError(f"{tag} became {again}")


def _audio(body: bytes) -> None:
    tag = flv.parse_audio_tag(body)
    if tag.packet_type is flv.PacketType.MEDIA:
        again = flv.parse_audio_tag(flv.audio_tag_body(Sample(0, 0, 0, True, tag.data)))
        if again != tag:
            raise AssertionError(f"{tag} became {again}")


def _tags(data: bytes) -> None:
    tags = flv.parse_tags(data)
    written = b"".join(flv.tag(tag.kind, tag.timestamp, tag.body) for tag in tags)
    if flv.parse_tags(written) != tags:
        raise AssertionError("tags changed")


_CHECKS = (_video, _audio, _tags)
