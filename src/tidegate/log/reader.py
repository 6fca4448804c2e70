"""A log as its readers see it: one reader a log and process, shared by every cursor in it.

Law: what a reader saw never changes; it sees whole records only, and it never writes.
"""

import mmap
import os
from bisect import bisect_right
from pathlib import Path
from typing import Self

from tidegate.log.errors import LogError, Retired
from tidegate.log.files import INDEX, init_name, segment_name
from tidegate.log.record import HEADER_SIZE, RECORD, RECORD_SIZE, Header, Record, position

_READ_FIRST, _READ_AT_ONCE = 4096, 1 << 20
"""Bytes of index read in one call: who follows finds a few chunks; who begins, an hour and a half
of parts."""
_SHARED = mmap.MAP_SHARED | mmap.MAP_POPULATE
"""All pages at once: a fault in the middle of a send costs more than the table of them."""


class SegmentFile:
    """An open segment. Closed when its last holder lets go, so a retired one is read to its end.

    Law: what the index names is never cut off its file, so a map of it is never without its bytes.
    """

    __slots__ = ("_map", "fd")

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._map = memoryview(b"")

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes at `offset`, as a copy."""
        return os.pread(self.fd, size, offset)

    def view(self, offset: int, size: int) -> memoryview:
        """`size` bytes at `offset`, where they lie in the page cache; whoever holds it holds them.

        Raises `OSError` when the file is shorter than that, or no more can be mapped.
        """
        if offset + size > len(self._map):
            self._map = self._mapped(offset + size)
        return self._map[offset : offset + size]

    def _mapped(self, least: int) -> memoryview:
        size = os.fstat(self.fd).st_size
        if size < least:
            raise LogError(f"a segment has {size} bytes where the index names {least}")
        return memoryview(mmap.mmap(self.fd, size, _SHARED, mmap.PROT_READ))

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class LogReader:
    """The chunks of the log in folder `path` that are kept now.

    `timescale`: ticks a second · `first`: number of the oldest chunk kept · `next`: number after
    the newest · `ended`: no chunk will follow. Raises `LogError` when there is no log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._index = os.open(path / INDEX, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LogError(error.errno, f"no log here: {path}") from error
        try:
            header = Header.unpack(os.pread(self._index, HEADER_SIZE, 0))
        except LogError:
            os.close(self._index)
            raise
        self.timescale = header.timescale
        self.first = self.next = header.oldest
        self.ended = False
        self._records: list[Record] = []
        self._newest_independent: int | None = None
        self._files: dict[int, SegmentFile] = {}
        self._inits: dict[int, bytes] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read what was appended and drop what was retired; True when anything changed."""
        header = Header.unpack(os.pread(self._index, HEADER_SIZE, 0))
        before = (self.first, self.next, self.ended)
        if self.next < header.oldest:  # everything known was retired while nobody looked
            self._records.clear()
            self.first = self.next = header.oldest
        size = _READ_FIRST
        while data := os.pread(self._index, size, position(self.next)):
            self._take(data[: len(data) // RECORD_SIZE * RECORD_SIZE])
            if len(data) < size:
                break
            size = _READ_AT_ONCE
        # Records retired between the two reads are zero by now; the header tells how many.
        self._drop(Header.unpack(os.pread(self._index, HEADER_SIZE, 0)).oldest)
        self.ended = header.ended
        return before != (self.first, self.next, self.ended)

    def _take(self, data: bytes) -> None:
        for number, record in enumerate(map(Record._make, RECORD.iter_unpack(data)), self.next):
            self._records.append(record)
            if record.independent:
                self._newest_independent = number
        self.next += len(data) // RECORD_SIZE

    def _drop(self, oldest: int) -> None:
        if oldest <= self.first:
            return
        del self._records[: oldest - self.first]
        self.first = oldest
        kept = self._records[0].segment if self._records else 0
        for segment in [number for number in self._files if number < kept]:
            del self._files[segment]

    @property
    def appended_at(self) -> float:
        """When the index last changed, seconds since 1970, to the kernel's tick (4 to 10 ms)."""
        return os.fstat(self._index).st_mtime if self._index >= 0 else 0.0

    def record(self, number: int) -> Record:
        """One chunk's record. Raises `Retired` when it is no longer kept."""
        if number < self.first:
            raise Retired(f"chunk {number} is no longer kept: {self.path}")
        return self._records[number - self.first]

    def records(self, start: int, stop: int) -> list[Record]:
        """Records of the chunks from `start` up to `stop`. Raises `Retired` like `record`."""
        if start < self.first:
            raise Retired(f"chunk {start} is no longer kept: {self.path}")
        return self._records[start - self.first : stop - self.first]

    def newest_independent(self) -> int | None:
        """Number of the newest chunk where decoding can start."""
        number = self._newest_independent
        return number if number is not None and number >= self.first else None

    def at_time(self, time: int) -> int | None:
        """Number of the last independent chunk that begins at or before `time` (ticks)."""
        index = bisect_right(self._records, time, key=lambda record: record.time)
        while index > 0:
            index -= 1
            if self._records[index].independent:
                return self.first + index
        return None

    def init(self, number: int) -> bytes:
        """The bytes a reader needs before the chunks of init `number`. Raises `Retired`."""
        data = self._inits.get(number)
        if data is None:
            try:
                data = self._inits[number] = (self.path / init_name(number)).read_bytes()
            except FileNotFoundError as error:
                raise Retired(f"there is no init {number}: {self.path}") from error
        return data

    def file(self, segment: int) -> SegmentFile:
        """A segment's open file; keep it for as long as it is read. Raises `Retired`."""
        file = self._files.get(segment)
        if file is None:
            try:
                file = SegmentFile(self.path / segment_name(segment))
            except FileNotFoundError as error:
                raise Retired(f"segment {segment} is no longer kept: {self.path}") from error
            self._files[segment] = file
        return file

    def read(self, number: int) -> bytes:
        """One chunk's bytes. Raises `Retired`."""
        record = self.record(number)
        return self.file(record.segment).read(record.offset, record.size)

    def close(self) -> None:
        """Let go of the log; files that others still hold stay open for them."""
        self._files.clear()
        if self._index >= 0:
            os.close(self._index)
            self._index = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
