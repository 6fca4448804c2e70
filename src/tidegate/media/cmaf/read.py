"""Reading chunks and fragments back: what a test checks, and what a load generator measures by.

Law: reads chunks of one track as `chunk` writes them, fragments of several as `fragment` does, and
any other that keeps to the same boxes.
"""

from typing import NamedTuple

from tidegate.media.cmaf.box import Box, parse_boxes
from tidegate.media.cmaf.fragment import BASE_IS_MOOF, NTP_EPOCH_S
from tidegate.media.errors import MediaError

MAX_SAMPLES = 65_536
"""Samples in one chunk: over ten minutes of video."""


class SampleEntry(NamedTuple):
    """A row of trun: ticks, ticks from dts to pts, bytes, sample flags (8.8.3.1)."""

    duration: int
    composition: int
    size: int
    flags: int


class ProducerTime(NamedTuple):
    """What prft says: at `wall_us`, microseconds since 1970, media time was `media_time` ticks."""

    flags: int
    wall_us: int
    media_time: int


class ParsedChunk(NamedTuple):
    """A chunk read; `data` holds the samples end to end."""

    sequence: int
    decode_time: int
    samples: list[SampleEntry]
    prft: ProducerTime | None
    data: bytes


class ParsedTrack(NamedTuple):
    """One track's part of a fragment read; `prft` where that speaks of this track."""

    track_id: int
    sequence: int
    decode_time: int
    samples: list[SampleEntry]
    prft: ProducerTime | None
    data: bytes


class _Words:
    """Big-endian words of 32 bits, one after another."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def next(self) -> int:
        start, self._at = self._at, self._at + 4
        if self._at > len(self._payload):
            raise MediaError("MP4: a box of a chunk is cut short")
        return int.from_bytes(self._payload[start : self._at])

    def long(self) -> int:
        return self.next() << 32 | self.next()


def parse_chunk(data: bytes) -> ParsedChunk:
    """Read one chunk: boxes in any order, one moof and one mdat. Raises `MediaError`."""
    boxes = parse_boxes(data)
    top = {box.kind: box.payload for box in boxes}
    if len(top) != len(boxes) or "moof" not in top or "mdat" not in top:
        raise MediaError("MP4: a chunk has one moof and one mdat")
    moof = {box.kind: box.payload for box in parse_boxes(top["moof"])}
    traf = {box.kind: box.payload for box in parse_boxes(moof.get("traf", b""))}
    if "mfhd" not in moof or not {"tfhd", "tfdt", "trun"} <= traf.keys():
        raise MediaError("MP4: a moof wants mfhd, and a traf with tfhd, tfdt and trun")
    sequence = _Words(moof["mfhd"][4:]).next()
    samples = _samples(traf["trun"], *_defaults(traf["tfhd"]))
    if sum(sample.size for sample in samples) != len(top["mdat"]):
        raise MediaError("MP4: a chunk's samples do not fill its mdat")
    prft = _producer_time(top["prft"]) if "prft" in top else None
    return ParsedChunk(sequence, _decode_time(traf["tfdt"]), samples, prft, top["mdat"])


def parse_fragment(data: bytes) -> list[ParsedTrack]:
    """Read one fragment, each track once, as moof has them. Raises `MediaError`.

    The tracks' samples fill its mdat in the same order, and offsets count from the moof.
    """
    boxes = parse_boxes(data)
    top = {box.kind: box for box in boxes}
    if len(top) != len(boxes) or "moof" not in top or "mdat" not in top:
        raise MediaError("MP4: a fragment has one moof and one mdat")
    inner = parse_boxes(top["moof"].payload)
    mfhd = next((box.payload for box in inner if box.kind == "mfhd"), b"")
    sequence = _Words(mfhd[4:]).next()
    prft = top["prft"].payload if "prft" in top else b""
    tracks: dict[int, ParsedTrack] = {}
    mdat, at = top["mdat"], 0
    for traf in (box for box in inner if box.kind == "traf"):
        number, start, decode_time, samples = _track(traf)
        stop = at + sum(sample.size for sample in samples)
        if top["moof"].start + start != mdat.start + 8 + at or number in tracks:
            raise MediaError("MP4: a fragment has each track once, its samples behind the last's")
        told = _producer_time(prft) if prft and _track_id(prft) == number else None
        own = mdat.payload[at:stop]
        tracks[number] = ParsedTrack(number, sequence, decode_time, samples, told, own)
        at = stop
    if not tracks or at != len(mdat.payload):
        raise MediaError("MP4: a fragment's samples do not fill its mdat")
    return list(tracks.values())


def _track(traf: Box) -> tuple[int, int, int, list[SampleEntry]]:
    """A traf's track id, where its data begins behind its moof's start, decode time and samples."""
    boxes = parse_boxes(traf.payload)
    found = {box.kind: box.payload for box in boxes}
    if len(found) != len(boxes) or not {"tfhd", "tfdt", "trun"} <= found.keys():
        raise MediaError("MP4: a traf wants one tfhd, one tfdt and one trun")
    tfhd, words = found["tfhd"], _Words(found["trun"])
    present, _, start = words.next(), words.next(), words.next()
    if not _Words(tfhd).next() & BASE_IS_MOOF or not present & 0x01:
        raise MediaError("MP4: where a traf's data begins is not told from its moof")
    samples = _samples(found["trun"], *_defaults(tfhd))
    return _track_id(tfhd), start, _decode_time(found["tfdt"]), samples


def _track_id(payload: bytes) -> int:
    """The word after version and flags: in tfhd and prft, a track's id; 0 in nothing."""
    return int.from_bytes(payload[4:8])


def _producer_time(payload: bytes) -> ProducerTime:
    words = _Words(payload)
    head = words.next()
    words.next()  # reference_track_ID
    seconds, fraction = words.next(), words.next()
    media_time = words.long() if head >> 24 else words.next()
    wall_us = (seconds - NTP_EPOCH_S) * 1_000_000 + (fraction * 1_000_000 + (1 << 31) >> 32)
    return ProducerTime(head & 0xFF_FFFF, wall_us, media_time)


def _decode_time(payload: bytes) -> int:
    words = _Words(payload)
    return words.long() if words.next() >> 24 else words.next()


def _defaults(payload: bytes) -> tuple[int, int, int]:
    """tfhd's default duration, size and flags (8.8.7); zero where it has none."""
    words = _Words(payload)
    present = words.next()
    words.next()  # track_ID
    if present & 0x01:
        words.long()  # base_data_offset
    if present & 0x02:
        words.next()  # sample_description_index
    duration, size, flags = (words.next() if present & bit else 0 for bit in (0x08, 0x10, 0x20))
    return duration, size, flags


def _samples(payload: bytes, duration: int, size: int, flags: int) -> list[SampleEntry]:
    """trun's table (8.8.8)."""
    words = _Words(payload)
    present, count = words.next(), words.next()
    if count > MAX_SAMPLES:
        raise MediaError(f"MP4: {count} samples in a chunk, over {MAX_SAMPLES}")
    if present & 0x01:
        words.next()  # data_offset
    first = words.next() if present & 0x04 else flags
    rows: list[SampleEntry] = []
    for number in range(count):
        lasts = words.next() if present & 0x0100 else duration
        length = words.next() if present & 0x0200 else size
        default = flags if number else first
        row_flags = words.next() if present & 0x0400 else default
        offset = words.next() if present & 0x0800 else 0
        if present >> 24 and offset >> 31:
            offset -= 1 << 32
        rows.append(SampleEntry(lasts, offset, length, row_flags))
    return rows
