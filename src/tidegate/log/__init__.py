"""The narrow waist: append-only logs of chunks. Knows bytes and time, no video."""

from tidegate.log.cursor import Cursor, Span
from tidegate.log.errors import LogError, LogFull, LogHeld, Retired
from tidegate.log.files import LIVE, live_epoch, replace_file
from tidegate.log.inotify import Watcher
from tidegate.log.reader import LogReader, SegmentFile
from tidegate.log.record import Flag, Record
from tidegate.log.writer import LogWriter, Retention

__all__ = [
    "LIVE",
    "Cursor",
    "Flag",
    "LogError",
    "LogFull",
    "LogHeld",
    "LogReader",
    "LogWriter",
    "Record",
    "Retention",
    "Retired",
    "SegmentFile",
    "Span",
    "Watcher",
    "live_epoch",
    "replace_file",
]
