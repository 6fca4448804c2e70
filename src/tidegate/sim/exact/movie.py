"""A movie: the size of every segment at every bitrate.

Law: rung 0 is the lowest bitrate and every rung above it has a higher one; sizes are bits, as
they are, not bitrate times duration.
"""

import math
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from tidegate.sim.exact.errors import BadOptions
from tidegate.sim.exact.files import decode, read

MOST_RUNGS = 64
MOST_SEGMENTS = 100_000
LONGEST_SEGMENT_MS = 60_000.0
HIGHEST_KBPS = 1e9
LARGEST_SEGMENT = 1e13
"""Bits."""

_Rates = Annotated[
    tuple[Annotated[float, Meta(gt=0, le=HIGHEST_KBPS)], ...],
    Meta(min_length=1, max_length=MOST_RUNGS),
]
_Sizes = tuple[Annotated[float, Meta(ge=1, le=LARGEST_SEGMENT)], ...]


class Movie(msgspec.Struct, frozen=True):
    """Segments of one duration; `segment_sizes_bits[segment][rung]`."""

    segment_duration_ms: Annotated[float, Meta(ge=1, le=LONGEST_SEGMENT_MS)]
    bitrates_kbps: _Rates
    segment_sizes_bits: Annotated[tuple[_Sizes, ...], Meta(min_length=1, max_length=MOST_SEGMENTS)]

    def __post_init__(self) -> None:
        rates = self.bitrates_kbps
        for rung in range(1, len(rates)):
            if rates[rung] <= rates[rung - 1]:
                raise ValueError(f"`bitrates_kbps[{rung}]` must be above the one before it")
        for number, sizes in enumerate(self.segment_sizes_bits):
            if len(sizes) != len(rates):
                where = f"`segment_sizes_bits[{number}]`"
                raise ValueError(f"{where} has {len(sizes)} sizes for {len(rates)} bitrates")

    def lasting(self, seconds: float) -> "Movie":
        """Cut, or begun again, so that it has just the segments for `seconds`."""
        count = seconds * 1000 / self.segment_duration_ms
        if not 0 < count <= MOST_SEGMENTS:
            raise BadOptions(f"a movie of {seconds:g} s: at most {MOST_SEGMENTS:,} segments")
        sizes = self.segment_sizes_bits
        many = math.ceil(count)
        again = math.ceil(many / len(sizes))
        return msgspec.structs.replace(self, segment_sizes_bits=(sizes * again)[:many])


def parse_movie(data: bytes, name: str = "movie") -> Movie:
    """The movie in a file of Sabre's form. Raises `BadFile`, whose text begins with `name`."""
    return decode(data, Movie, name)


def read_movie(path: Path) -> Movie:
    """`parse_movie` of a file."""
    return parse_movie(read(path, "movie"), str(path))
