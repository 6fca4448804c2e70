"""The one writer of a log.

Law: a chunk's bytes are written before its record, so a record never stands without its bytes; a
writer killed at any byte leaves a log that the next one opens, cut at its last whole record.
"""

import contextlib
import fcntl
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from tidegate.log.errors import LogError, LogHeld
from tidegate.log.files import (
    INDEX,
    LOCK,
    init_name,
    make_folder,
    open_file,
    punch_hole,
    replace_file,
    segment_name,
    write_at,
)
from tidegate.log.record import (
    ENDED,
    HEADER_SIZE,
    OLDEST_AT,
    RECORD,
    RECORD_SIZE,
    STATE_AT,
    U32_MAX,
    Flag,
    Header,
    Record,
    position,
)


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept behind the newest chunk; whichever limit is reached first retires."""

    seconds: float
    bytes: int


class _Kept(NamedTuple):
    """One finished segment still kept."""

    segment: int
    after: int  # number of the chunk after its last
    end: int  # decode time of its end, ticks
    size: int
    init: int  # of its last chunk


class LogWriter:
    """Appends chunks to the log in folder `path`, made if absent, and retires old segments.

    `timescale` is ticks a second; `first_segment` numbers the first segment of a new log. Raises
    `LogHeld` when another writer holds the log, `LogError` when the log has ended or is not one.
    """

    def __init__(
        self, path: Path, timescale: int, retention: Retention, *, first_segment: int = 0
    ) -> None:
        self.path = path
        self.retention = retention
        make_folder(path)
        with contextlib.ExitStack() as undo:
            self._lock = _lock(path)
            undo.callback(os.close, self._lock)
            if not (path / INDEX).exists():
                replace_file(path / INDEX, Header(timescale, 0, ended=False).pack())
            self._index = open_file(path / INDEX, os.O_RDWR)
            undo.callback(os.close, self._index)
            header = Header.unpack(os.pread(self._index, HEADER_SIZE, 0))
            if header.ended or header.timescale != timescale:
                raise LogError(f"ended, or of another timescale; start a new epoch: {path}")
            self.timescale = timescale
            self.oldest = header.oldest
            self._file = -1
            self._recover(first_segment)
            undo.pop_all()

    def _recover(self, first_segment: int) -> None:
        """Take up where the last writer, which may have died at any byte, left off."""
        records = self._whole_records()
        self.next = self.oldest + len(records)
        os.ftruncate(self._index, position(self.next))
        self.last: Record | None = records[-1] if records else None
        self.segment = self.last.segment if self.last else first_segment
        self._size = self.last.offset + self.last.size if self.last else 0
        self._kept: deque[_Kept] = deque()
        for number, record in enumerate(records, self.oldest):
            if record.segment != self.segment:
                if self._kept and self._kept[-1].segment == record.segment:
                    self._kept.pop()
                self._kept.append(_kept(record, number + 1))
        self._kept_bytes = sum(kept.size for kept in self._kept)
        names = [entry.name for entry in self.path.iterdir()]
        oldest = records[0].segment if records else self.segment
        for number in _numbers(names, "", ".seg"):
            if not oldest <= number <= self.segment:  # retired, or bytes that got no record
                (self.path / segment_name(number)).unlink()
        inits = _numbers(names, "init.", "")
        self.init = max(inits, default=-1)
        self._oldest_init = min(inits, default=0)
        if self.last:
            self._file = self._open_segment(os.O_RDWR)
            os.ftruncate(self._file, self._size)

    def _whole_records(self) -> list[Record]:
        """The index's records up to the first that is torn or whose bytes are missing."""
        start = position(self.oldest)
        stop = os.fstat(self._index).st_size
        data = os.pread(self._index, max(0, stop - start), start)
        whole = len(data) // RECORD_SIZE * RECORD_SIZE
        records = []
        sizes: dict[int, int] = {}
        for record in map(Record._make, RECORD.iter_unpack(data[:whole])):
            if record.segment not in sizes:
                sizes[record.segment] = _size(self.path / segment_name(record.segment))
            if not record.size or record.offset + record.size > sizes[record.segment]:
                break
            records.append(record)
        return records

    def set_init(self, data: bytes, number: int) -> None:
        """Write init `number`, which the chunks that follow belong to. Raises `LogFull`.

        It must be above the init of every chunk that stands: those never change.
        """
        if number <= (self.last.init if self.last else -1):
            raise LogError(f"init {number} has chunks already: {self.path}")
        replace_file(self.path / init_name(number), data)
        self.init = number

    def append(self, data: bytes, *, time: int, duration: int, wall: int, flags: int) -> int:
        """Append one chunk; returns its number.

        `time` and `duration` are ticks, `wall` microseconds since 1970. With `STARTS_SEGMENT` the
        chunk begins a new segment, and old ones are retired. Raises `LogFull` when there is no
        space: nothing was appended then, and a later append may succeed.
        """
        if not data or self.init < 0:
            raise LogError(f"a chunk needs bytes and an init before it: {self.path}")
        if flags & Flag.STARTS_SEGMENT or self._file < 0:
            self._begin_segment()
        if self._size + len(data) > U32_MAX:
            raise LogError(f"a segment may not pass 4 GiB: {self.path}")
        record = Record(time, wall, self.segment, self._size, len(data), duration, self.init, flags)
        write_at(self._file, data, self._size, self.path)
        write_at(self._index, RECORD.pack(*record), position(self.next), self.path)
        self._size += len(data)
        self.last = record
        self.next += 1
        return self.next - 1

    def _begin_segment(self) -> None:
        if self.last and self._size:  # without: the segment's first chunk found no space
            self._kept.append(_kept(self.last, self.next))
            self._kept_bytes += self._size
            self._retire(self.last.end)
            self.segment += 1
            self._size = 0
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._file = self._open_segment(os.O_RDWR | os.O_CREAT | os.O_TRUNC)

    def _retire(self, now: int) -> None:
        """Let go of whole segments past the retention; a reader with the file open keeps it."""
        too_old = now - int(self.retention.seconds * self.timescale)
        gone = []
        while self._kept and (
            self._kept[0].end < too_old or self._kept_bytes > self.retention.bytes
        ):
            gone.append(self._kept.popleft())
            self._kept_bytes -= gone[-1].size
        if not gone:
            return
        self.oldest = gone[-1].after
        os.pwrite(self._index, self.oldest.to_bytes(8, "little"), OLDEST_AT)
        for kept in gone:
            (self.path / segment_name(kept.segment)).unlink(missing_ok=True)
        for number in range(self._oldest_init, gone[-1].init):
            (self.path / init_name(number)).unlink(missing_ok=True)
        self._oldest_init = gone[-1].init
        punch_hole(self._index, 4096, position(self.oldest) // 4096 * 4096)

    def _open_segment(self, flags: int) -> int:
        return open_file(self.path / segment_name(self.segment), flags)

    def end(self) -> None:
        """Say that no chunk will follow, and close."""
        os.pwrite(self._index, ENDED.to_bytes(4, "little"), STATE_AT)
        self.close()

    def close(self) -> None:
        """Let go of the log; another writer may go on with it."""
        for fd in (self._file, self._index, self._lock):
            if fd >= 0:
                os.close(fd)
        self._file = self._index = self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _kept(last: Record, after: int) -> _Kept:
    """The segment that ends with chunk `last`, before chunk number `after`."""
    return _Kept(last.segment, after, last.end, last.offset + last.size, last.init)


def _lock(path: Path) -> int:
    fd = open_file(path / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise LogHeld(error.errno, f"another writer holds this log: {path}") from error
    return fd


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _numbers(names: list[str], prefix: str, suffix: str) -> list[int]:
    """The numbers in file names of one form."""
    middles = (
        name[len(prefix) : len(name) - len(suffix)]
        for name in names
        if name.startswith(prefix) and name.endswith(suffix)
    )
    return [int(middle) for middle in middles if middle.isdecimal()]
