"""The header: what a player reads before any sample (ISO/IEC 23000-19 7.3.1, 14496-12 8.2).

Law: no sample in it, no edit list: times in fragments are the presentation's. A CMAF header has one
track, number `TRACK_ID`; a file's has both, or the one there is, numbers `VIDEO_ID` and `AUDIO_ID`.
"""

import struct
from collections.abc import Mapping

from tidegate.media.cmaf.box import box, full_box
from tidegate.media.errors import MediaError
from tidegate.media.h264.config import sps_of
from tidegate.media.h264.sps import Colour
from tidegate.media.sample import AudioTrack, Track, VideoTrack

TRACK_ID = 1
VIDEO_ID, AUDIO_ID = 1, 2

SYNC = 0x0200_0000
"""Sample flags (14496-12 8.8.3.1): depends on no other sample."""
NOT_SYNC = 0x0101_0000
"""Sample flags: depends on others, and is not a sync sample."""

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
_UND = 0x55C4
"""Language "und" (8.4.2.3)."""


_CMAF = b"cmf2", b"iso6cmfccmf2mp41"
_FILE = b"iso6", b"iso6mp41"
"""ftyp's brands, the major one and the others: iso6 has offsets from the moof, and prft."""


def video_init(track: VideoTrack) -> bytes:
    """The header of an H.264 track. Raises `MediaError` when its config cannot be read."""
    return _init(_CMAF, {TRACK_ID: track})


def audio_init(track: AudioTrack) -> bytes:
    """The header of an AAC track, its rate that of the decoded sound."""
    return _init(_CMAF, {TRACK_ID: track})


def file_init(video: VideoTrack | None, audio: AudioTrack | None) -> bytes:
    """The header of a file of these tracks, at least one. Raises `MediaError` as `video_init`."""
    tracks = {VIDEO_ID: video, AUDIO_ID: audio}
    return _init(_FILE, {number: track for number, track in tracks.items() if track is not None})


def _init(brands: tuple[bytes, bytes], tracks: Mapping[int, Track]) -> bytes:
    ftyp = box(b"ftyp", brands[0], bytes(4), brands[1])
    lead = next(iter(tracks.values()))
    traks = [_trak(number, track) for number, track in tracks.items()]
    mvex = box(b"mvex", *(_trex(number, track) for number, track in tracks.items()))
    return ftyp + box(b"moov", _mvhd(lead.timescale, max(tracks) + 1), *traks, mvex)


def _trak(number: int, track: Track) -> bytes:
    if isinstance(track, VideoTrack):
        size, entry = _picture(track)
        tkhd, handler = _tkhd(number, size, 0), _hdlr(b"vide")
        header = full_box(b"vmhd", 0, 1, bytes(8))
    else:
        tkhd, handler = _tkhd(number, (0, 0), 0x0100), _hdlr(b"soun")
        header, entry = full_box(b"smhd", 0, 0, bytes(4)), _sound(track)
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.timescale, 0, _UND, 0))
    dinf = box(b"dinf", full_box(b"dref", 0, 0, _word(1), full_box(b"url ", 0, 1)))
    minf = box(b"minf", header, dinf, _stbl(entry))
    return box(b"trak", tkhd, box(b"mdia", mdhd, handler, minf))


def _picture(track: VideoTrack) -> tuple[tuple[int, int], bytes]:
    """The size shown, and the sample entry."""
    sps = sps_of(track)
    across, down = sps.sample_aspect or (1, 1)
    shown = min(0xFFFF, round(track.width * across / down))
    extras = [box(b"avcC", track.config)]
    if sps.colour is not None:
        extras.append(_colr(sps.colour))
    if sps.sample_aspect is not None:
        extras.append(box(b"pasp", struct.pack(">II", across, down)))
    # 12.1.3: the entry's size is the coded one, cropped; 24 bits deep, 72 dots an inch, no name.
    size = (track.width, track.height, 0x48_0000, 0x48_0000, 0, 1, b"", 24, 0xFFFF)
    entry = box(b"avc1", struct.pack(">6xH16xHHIIIH32sHH", 1, *size), *extras)
    return (shown, track.height), entry


def _sound(track: AudioTrack) -> bytes:
    """The sample entry."""
    rate = track.sample_rate if track.sample_rate <= 0xFFFF else 0  # 16.16 holds no more
    head = struct.pack(">6xH8xHH4xI", 1, track.channels, 16, rate << 16)
    return box(b"mp4a", head, full_box(b"esds", 0, 0, _es_descriptor(track.config)))


def _mvhd(timescale: int, next_id: int) -> bytes:
    times = struct.pack(">IIII", 0, 0, timescale, 0)
    rest = struct.pack(">IHH8x36s24xI", 0x10000, 0x0100, 0, _MATRIX, next_id)
    return full_box(b"mvhd", 0, 0, times, rest)


def _tkhd(number: int, size: tuple[int, int], volume: int) -> bytes:
    """8.3.2: flags 7, the track is enabled and part of the movie and its preview."""
    head = struct.pack(">IIIII8xHHHH", 0, 0, number, 0, 0, 0, 0, volume, 0)
    return full_box(b"tkhd", 0, 7, head, _MATRIX, struct.pack(">II", size[0] << 16, size[1] << 16))


def _hdlr(kind: bytes) -> bytes:
    return full_box(b"hdlr", 0, 0, bytes(4), kind, bytes(12), b"\x00")


def _stbl(entry: bytes) -> bytes:
    empty = [full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    stsd = full_box(b"stsd", 0, 0, _word(1), entry)
    return box(b"stbl", stsd, *empty, full_box(b"stsz", 0, 0, bytes(8)))


def _trex(number: int, track: Track) -> bytes:
    flags = NOT_SYNC if isinstance(track, VideoTrack) else SYNC
    return full_box(b"trex", 0, 0, struct.pack(">IIIII", number, 1, 0, 0, flags))


def _colr(colour: Colour) -> bytes:
    points = (colour.primaries, colour.transfer, colour.matrix, colour.full_range << 7)
    return box(b"colr", struct.pack(">4sHHHB", b"nclx", *points))


def _es_descriptor(config: bytes) -> bytes:
    """14496-1 7.2.6.5: MPEG-4 audio (0x40), an audio stream, its specific config; SL of MP4."""
    specific = _descriptor(0x05, config)
    decoder = _descriptor(0x04, struct.pack(">BBxxxII", 0x40, 0x15, 0, 0) + specific)
    return _descriptor(0x03, struct.pack(">HB", 0, 0) + decoder + _descriptor(0x06, b"\x02"))


def _descriptor(kind: int, payload: bytes) -> bytes:
    """14496-1 8.3.3: the size in seven bits a byte; four bytes are what every reader expects."""
    size = len(payload)
    if size >= 1 << 14:
        raise MediaError("MP4: a decoder config over 16 kB")
    return bytes((kind, 0x80, 0x80, 0x80 | size >> 7, size & 0x7F)) + payload


def _word(value: int) -> bytes:
    return value.to_bytes(4)
