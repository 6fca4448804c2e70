"""Reading chunks back: what a test checks, and what a load generator measures by.

Law: reads chunks of one track as `chunk` writes them, and any other that keeps to the same boxes.
"""

from typing import NamedTuple

from tidegate.media.cmaf.box import parse_boxes
from tidegate.media.cmaf.chunk import NTP_EPOCH_S
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
