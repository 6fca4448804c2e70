"""The box, of which everything in an MP4 file is made (ISO/IEC 14496-12 4.2).

Law: a box read has exactly its size's bytes; sizes of 64 bits and "to the end" are not used here.
"""

from typing import NamedTuple

from tidegate.media.errors import MediaError

MAX_BOXES = 4096
"""Boxes in one place: a segment of an hour's chunks has less."""


class Box(NamedTuple):
    """A box read: its type, where its header begins, and what follows the header."""

    kind: str
    start: int
    payload: bytes


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of these parts, joined."""
    size = 8 + sum(map(len, parts))
    return b"".join((size.to_bytes(4), kind, *parts))


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags (4.2.2)."""
    return box(kind, (version << 24 | flags).to_bytes(4), *parts)


def parse_boxes(data: bytes) -> list[Box]:
    """The boxes that fill `data`, one after another. Raises `MediaError`."""
    boxes: list[Box] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        if size < 8 or at + size > len(data):
            raise MediaError(f"MP4: the box at byte {at} is cut short")
        boxes.append(Box(data[at + 4 : at + 8].decode("latin-1"), at, data[at + 8 : at + size]))
        if len(boxes) > MAX_BOXES:
            raise MediaError(f"MP4: over {MAX_BOXES} boxes in one place")
        at += size
    return boxes
