"""FLV and fragmented MP4 as the scout reads them: sizes and times, and nothing of the content.

Law: bytes in, marks out, no I/O; whatever the bytes, memory is bounded by one head, and nonsense is
a `ScanError`.
"""

from collections.abc import Iterator
from typing import Protocol

from tidegate.load.atlas import SIGNATURE, Mark
from tidegate.media import MediaError
from tidegate.media.cmaf.box import parse_boxes

MOOF_LIMIT = 1 << 20
"""Bytes of a moof: a second of samples takes a few kB."""
BOX_LIMIT = 1 << 30
"""Bytes of any other box."""
_FIRST_BOXES = (b"ftyp", b"styp", b"moov")
_FLV_HEAD = 11
_VIDEO, _KEYFRAME = 9, 0x17


class ScanError(ValueError):
    """The bytes are not the format they should be."""


class Scan(Protocol):
    """Reads one stream from its first byte."""

    def feed(self, data: bytes) -> Iterator[Mark]:
        """Take the next bytes. Raises `ScanError`."""


class _Buffer:
    """What is held of a stream, and how much of it went by; `skip` may be more than is there."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.offset = 0
        self._skip = 0

    def add(self, data: bytes) -> None:
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            self.offset += skipped
            data = data[skipped:]
        self.held += data

    def skip(self, size: int) -> None:
        here = min(size, len(self.held))
        del self.held[:here]
        self.offset += here
        self._skip = size - here

    @property
    def ready(self) -> bool:
        return not self._skip


class FlvScan:
    """FLV (Adobe's specification, annex E): a tag's time is there once its last byte is."""

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._begun = False
        self._due: Mark | None = None

    def feed(self, data: bytes) -> Iterator[Mark]:
        """See `Scan`."""
        buffer = self._buffer
        buffer.add(data)
        while buffer.ready:
            if self._due is not None:
                yield self._due
                self._due = None
            if not self._begun:
                if len(buffer.held) < 13:
                    return
                if buffer.held[:3] != b"FLV":
                    raise ScanError("this is no FLV file")
                buffer.skip(13)
                self._begun = True
                continue
            if not self._tag():
                return

    def _tag(self) -> bool:
        buffer = self._buffer
        held = buffer.held
        if len(held) < _FLV_HEAD:
            return False
        kind, size = held[0] & 0x1F, int.from_bytes(held[1:4])
        if kind not in (8, 9, 18):
            raise ScanError(f"an FLV tag of type {kind}")
        keyed = kind == _VIDEO and size >= SIGNATURE
        if keyed and len(held) < _FLV_HEAD + SIGNATURE:
            return False
        whole = _FLV_HEAD + size + 4
        if kind != 18 and size > 2:
            time = (int.from_bytes(held[4:7]) | held[7] << 24) / 1000
            body = bytes(held[_FLV_HEAD : _FLV_HEAD + SIGNATURE])
            known = keyed and body[0] == _KEYFRAME and body[1] == 1
            self._due = Mark(
                buffer.offset + whole,
                time,
                body if known else b"",
                buffer.offset + _FLV_HEAD,
                time,
            )
        buffer.skip(whole)
        return True


class Mp4Scan:
    """Fragmented MP4 (ISO/IEC 14496-12 8.8): a fragment's time is there with its mdat's end."""

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._scales: dict[int, int] = {}
        self._moof: tuple[int, bytes, list[tuple[float, float]]] | None = None
        self._due: Mark | None = None

    def feed(self, data: bytes) -> Iterator[Mark]:
        """See `Scan`."""
        buffer = self._buffer
        buffer.add(data)
        while buffer.ready:
            if self._due is not None:
                yield self._due
                self._due = None
            if not self._box():
                return

    def _box(self) -> bool:
        buffer = self._buffer
        held = buffer.held
        if len(held) < 8:
            return False
        size, kind = int.from_bytes(held[:4]), bytes(held[4:8])
        if not buffer.offset and kind not in _FIRST_BOXES:
            raise ScanError("this is no MP4 file")
        read = kind in (b"moov", b"moof")
        if size < 8 or size > (MOOF_LIMIT if read else BOX_LIMIT):
            raise ScanError(f"an MP4 box of {size} bytes")
        if read and len(held) < size:
            return False
        if kind == b"moov":
            self._scales = timescales(bytes(held[8:size]))
        elif kind == b"moof":
            body = bytes(held[8:size])
            self._moof = buffer.offset + 8, body[:SIGNATURE], fragment_times(body, self._scales)
        elif kind == b"mdat" and self._moof is not None:
            at, signature, times = self._moof
            begin = max(start for start, _ in times)
            end = min(end for _, end in times)
            self._due = Mark(buffer.offset + size, end, signature, at, begin)
            self._moof = None
        buffer.skip(size)
        return True


def timescales(moov: bytes) -> dict[int, int]:
    """Ticks a second by track, of a moov's payload. Raises `ScanError`."""
    found = {}
    try:
        for trak in (box.payload for box in parse_boxes(moov) if box.kind == "trak"):
            boxes = {box.kind: box.payload for box in parse_boxes(trak)}
            media = {box.kind: box.payload for box in parse_boxes(boxes["mdia"])}
            tkhd, mdhd = boxes["tkhd"], media["mdhd"]
            track = int.from_bytes(tkhd[20:24] if tkhd[0] else tkhd[12:16])
            found[track] = int.from_bytes(mdhd[20:24] if mdhd[0] else mdhd[12:16]) or 1
    except (MediaError, KeyError, IndexError) as error:
        raise ScanError(f"a moov that cannot be read: {error}") from error
    return found


def fragment_times(moof: bytes, scales: dict[int, int]) -> list[tuple[float, float]]:
    """Beginning and end of each track in a moof's payload, seconds. Raises `ScanError`."""
    found = []
    try:
        for traf in (box.payload for box in parse_boxes(moof) if box.kind == "traf"):
            inner = parse_boxes(traf)
            boxes = {box.kind: box.payload for box in inner}
            tfhd, tfdt = boxes["tfhd"], boxes["tfdt"]
            scale = scales.get(int.from_bytes(tfhd[4:8]), 0) or next(iter(scales.values()))
            start = int.from_bytes(tfdt[4:12] if tfdt[0] else tfdt[4:8])
            default = _default(tfhd)
            ticks = sum(_ticks(box.payload, default) for box in inner if box.kind == "trun")
            found.append((start / scale, (start + ticks) / scale))
    except (MediaError, KeyError, IndexError, StopIteration) as error:
        raise ScanError(f"a moof that cannot be read: {error}") from error
    if not found:
        raise ScanError("a moof without a track")
    return found


def segment_times(body: bytes, scales: dict[int, int]) -> tuple[float, float] | None:
    """When the media in a segment or part begins and ends, seconds; None if its boxes lie."""
    try:
        moofs = [box.payload for box in parse_boxes(body) if box.kind == "moof"]
        spans = [span for moof in moofs for span in fragment_times(moof, scales)]
    except (ScanError, MediaError):
        return None
    return (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None


def _default(tfhd: bytes) -> int:
    """tfhd's default sample duration (8.8.7); 0 where it has none."""
    flags, at = int.from_bytes(tfhd[1:4]), 8
    at += 8 * bool(flags & 1) + 4 * bool(flags & 2)
    return int.from_bytes(tfhd[at : at + 4]) if flags & 8 else 0


def _ticks(trun: bytes, default: int) -> int:
    """How long a trun's samples last (8.8.8)."""
    flags, count = int.from_bytes(trun[1:4]), int.from_bytes(trun[4:8])
    if not flags & 0x100:
        return count * default
    at = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    step = 4 * (flags >> 8 & 0xF).bit_count()
    if at + count * step > len(trun):
        raise ScanError("a trun that is cut short")
    return sum(int.from_bytes(trun[n : n + 4]) for n in range(at, at + count * step, step))
