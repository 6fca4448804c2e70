"""Names inside a log's folder, and the few ways a file is written here.

<root>/<channel>/live                            id of the channel's newest epoch
<root>/<channel>/<epoch>/<rendition>.<format>/   one log
"""

import ctypes
import errno
import os
from pathlib import Path

from tidegate.log.errors import LogError, LogFull

INDEX = "index"
LOCK = "lock"
LIVE = "live"

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01  # linux/falloc.h
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def segment_name(number: int) -> str:
    """File name of one segment."""
    return f"{number}.seg"


def init_name(number: int) -> str:
    """File name of one init."""
    return f"init.{number}"


def live_epoch(channel: Path) -> str | None:
    """Id of the newest epoch in a channel's folder, or None when it never had one."""
    try:
        return (channel / LIVE).read_text(encoding="ascii").strip() or None
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole: a reader sees the old bytes or the new, never a mixture.

    Raises `LogFull` when there is no space; the old file is then untouched.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _told(error, path) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises `LogFull` or `LogError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _told(error, path) from error


def open_file(path: Path, flags: int) -> int:
    """Open a file to write in. Raises `LogFull` or `LogError`."""
    try:
        return os.open(path, flags | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _told(error, path) from error


def write_at(fd: int, data: bytes, offset: int, path: Path) -> None:
    """Write all of `data` at `offset`, or cut the file back to `offset` and raise.

    Raises `LogFull` when there is no space, `LogError` for any other failure.
    """
    view = memoryview(data)
    done = 0
    try:
        while done < len(view):
            done += os.pwrite(fd, view[done:], offset + done)
    except OSError as error:
        os.ftruncate(fd, offset)
        raise _told(error, path) from error


def punch_hole(fd: int, start: int, stop: int) -> None:
    """Give the whole pages between two offsets back to the file system; their bytes read zero.

    A file system that cannot keeps them: that costs space, nothing else.
    """
    _libc.fallocate(fd, _PUNCH_HOLE_KEEP_SIZE, start, stop - start)


def _told(error: OSError, path: Path) -> LogError:
    if error.errno in _FULL:
        return LogFull(error.errno, f"no space left; free some or lower log.retention_s: {path}")
    return LogError(error.errno, f"{error.strerror}: {path}")
