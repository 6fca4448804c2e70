"""The segments of one CMAF log, gathered from its records as they come.

Law: it holds records, never media, and follows from them alone: two windows fed the same records
are the same, in whichever process.
"""

from collections import deque
from collections.abc import Sequence

from tidegate.log import Flag, Record


class Segment:
    """One media segment: `number` is its media sequence number, `first` its first chunk's number.

    `records` are its parts in order; `complete` once no part can follow.
    """

    __slots__ = ("complete", "duration", "first", "number", "records", "size")

    def __init__(self, first: int, record: Record) -> None:
        self.first = first
        self.number = record.segment
        self.records: list[Record] = []
        self.duration = 0
        self.size = 0
        self.complete = False
        self.add(record)

    def add(self, record: Record) -> None:
        """Take the next part."""
        self.records.append(record)
        self.duration += record.duration
        self.size += record.size

    @property
    def head(self) -> Record:
        """Its first part."""
        return self.records[0]


class Window:
    """The segments kept of one log, oldest first; `timescale` is ticks a second."""

    def __init__(self, timescale: int) -> None:
        self.timescale = timescale
        self.segments: deque[Segment] = deque()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the log has ended: its last segment is then complete."""
        return self._ended

    @ended.setter
    def ended(self, ended: bool) -> None:
        self._ended = ended
        if ended and self.segments:
            self.segments[-1].complete = True

    def extend(self, first_number: int, records: Sequence[Record]) -> None:
        """Take the records that follow; `first_number` is the chunk number of the first."""
        for number, record in enumerate(records, first_number):
            last = self.segments[-1] if self.segments else None
            if last is not None and record.segment == last.number:
                last.add(record)
                continue
            if last is not None:
                last.complete = True
            if last is not None or record.flags & Flag.STARTS_SEGMENT:
                self.segments.append(Segment(number, record))

    def retire(self, first: int) -> None:
        """Drop the segments that begin before chunk number `first`."""
        while self.segments and self.segments[0].first < first:
            self.segments.popleft()

    @property
    def ready(self) -> bool:
        """Whether there is a whole segment: a player that knows no parts finds nothing before."""
        return bool(self.segments) and self.segments[0].complete

    @property
    def last(self) -> tuple[int, int]:
        """(media sequence number, part index) of the newest part; (-1, -1) before the first."""
        if not self.segments:
            return -1, -1
        segment = self.segments[-1]
        return segment.number, len(segment.records) - 1

    @property
    def next(self) -> int:
        """Number of the chunk that will follow the newest."""
        last = self.segments[-1]
        return last.first + len(last.records)

    def segment(self, number: int) -> Segment | None:
        """The segment with this media sequence number, if it is kept."""
        if not self.segments:
            return None
        index = number - self.segments[0].number
        return self.segments[index] if 0 <= index < len(self.segments) else None

    def has(self, number: int, part: int | None) -> bool:
        """Whether a playlist now answers a blocking reload for this segment or part.

        RFC 8216bis 6.2.5.2; a part past the end of a finished segment is the first of the next.
        """
        if not self.segments:
            return False
        last = self.segments[-1]
        if self._ended or number < last.number:
            return True
        if number > last.number:
            return False
        return last.complete if part is None else part < len(last.records)

    def listed(self, seconds: float) -> list[Segment]:
        """The newest segments that together cover `seconds`, and at least three whole ones."""
        found: list[Segment] = []
        left = seconds * self.timescale
        for segment in reversed(self.segments):
            if left <= 0 and len(found) > 3:
                break
            found.append(segment)
            left -= segment.duration
        found.reverse()
        return found
