"""A reader's place in a log: an offset and nothing more."""

from typing import NamedTuple

from tidegate.log.reader import LogReader, SegmentFile


class Span(NamedTuple):
    """Bytes to send: `size` at `offset` of `file`; `next` is the chunk number after them."""

    file: SegmentFile
    offset: int
    size: int
    init: int
    next: int


class Cursor:
    """Chunk `number` of `reader`'s log is the next to be read."""

    __slots__ = ("number", "reader")

    def __init__(self, reader: LogReader, number: int) -> None:
        self.reader = reader
        self.number = number

    @classmethod
    def at_newest(cls, reader: LogReader) -> "Cursor":
        """At the newest independent chunk, or at the tail when there is none."""
        number = reader.newest_independent()
        return cls(reader, reader.next if number is None else number)

    @classmethod
    def at_time(cls, reader: LogReader, time: int) -> "Cursor":
        """At the last independent chunk that begins by `time` (ticks), else at the oldest."""
        number = reader.at_time(time)
        return cls(reader, reader.first if number is None else number)

    def span(self, limit: int = 1 << 20) -> Span | None:
        """Whole chunks from here, joined while they lie end to end and share an init.

        At most `limit` bytes, but always one chunk; None at the tail. Does not move the cursor.
        Raises `Retired` when the chunk here is no longer kept.
        """
        reader = self.reader
        if self.number >= reader.next:
            return None
        here = reader.record(self.number)
        size, number = here.size, self.number + 1
        while number < reader.next:
            record = reader.record(number)
            if (
                record.segment != here.segment
                or record.init != here.init
                or record.offset != here.offset + size
                or size + record.size > limit
            ):
                break
            size += record.size
            number += 1
        return Span(reader.file(here.segment), here.offset, size, here.init, number)
