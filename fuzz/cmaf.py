"""Any bytes are a fragment or a `MediaError`; and what is read is read the same once rewritten.

The first byte chooses the reader: a chunk of one track, a fragment of any.
"""

from tidegate.media import AudioTrack, MediaError, Sample, VideoTrack, cmaf

_VIDEO = VideoTrack(b"", "avc1.42C01E", 320, 180)
_AUDIO = AudioTrack(b"\x11\x90", "mp4a.40.2", 48000, 2)
_PICTURES = [
    Sample(90_000, 97_200, 0, True, bytes.fromhex("00000005658884000a")),
    Sample(93_000, 92_999, 0, False, bytes.fromhex("00000002419a")),
]
_FRAMES = [Sample(48_000, 48_000, 0, True, bytes.fromhex("2110046080")) for _ in range(2)]
_WALL = 1_700_000_000_123_456
_BOTH = [
    cmaf.Stretch(cmaf.VIDEO_ID, _VIDEO, 90_000, _PICTURES, [3000, 3001]),
    cmaf.Stretch(cmaf.AUDIO_ID, _AUDIO, 48_000, _FRAMES, [1024, 1024]),
]
_NOT_SYNC = 0x0001_0000
_U32 = 0xFFFF_FFFF

SEEDS: list[bytes] = [
    b"\x00" + cmaf.chunk(1, 90_000, [(_PICTURES[0], 3000)], _VIDEO, _WALL, True),
    b"\x00" + cmaf.chunk(2, 48_000, [(each, 1024) for each in _FRAMES], _AUDIO, _WALL, False),
    b"\x01" + cmaf.fragment(1, _BOTH, _WALL),
    b"\x01" + cmaf.fragment(2, _BOTH[1:], _WALL),
]


def one(data: bytes) -> None:
    """Read by the chosen reader, rewrite, read again."""
    if not data:
        return
    try:
        if data[0] % 2:
            _again(cmaf.parse_fragment(data[1:]))
        else:
            chunk = cmaf.parse_chunk(data[1:])
            _again([cmaf.ParsedTrack(1, *chunk)])
    except MediaError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error


def _again(tracks: list[cmaf.ParsedTrack]) -> None:
    if not all(track.samples for track in tracks):
        return
    written = cmaf.fragment(tracks[0].sequence, [_stretch(track) for track in tracks], _WALL)
    again = cmaf.parse_fragment(written)
    if list(map(_told, again)) != list(map(_told, tracks)):
        raise AssertionError(f"{tracks} became {again}")


def _stretch(track: cmaf.ParsedTrack) -> cmaf.Stretch:
    samples, at = [], 0
    for each in track.samples:
        data, at = track.data[at : at + each.size], at + each.size
        samples.append(Sample(0, each.composition, 0, not each.flags & _NOT_SYNC, data))
    durations = [each.duration for each in track.samples]
    return cmaf.Stretch(track.track_id, _VIDEO, track.decode_time, samples, durations)


def _told(track: cmaf.ParsedTrack) -> tuple[object, ...]:
    """What must come again: version 0 of trun has the same offsets without a sign."""
    rows = [
        (each.duration, each.composition & _U32, each.size, each.flags & _NOT_SYNC)
        for each in track.samples
    ]
    return track.track_id, track.sequence, track.decode_time, rows, track.data
