"""The kernel's word that a file changed: inotify(7), which Python's library lacks."""

import ctypes
import os
import struct
from pathlib import Path
from typing import ClassVar

from tidegate.log.errors import LogError

_EVENT = struct.Struct("iIII")  # wd, mask, cookie, length of the name that follows
_READ_AT_ONCE = 64 * 1024
_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


class Watcher:
    """Watches files and folders; readable when something happened to one of them."""

    MODIFY: ClassVar = 0x002
    MOVED_TO: ClassVar = 0x080
    CREATE: ClassVar = 0x100
    DELETE: ClassVar = 0x200
    DELETE_SELF: ClassVar = 0x400
    OVERFLOW: ClassVar = 0x4000
    """Events were lost (mask of an event with wd -1): look at everything afresh."""
    IGNORED: ClassVar = 0x8000
    """The watch is gone: unwatched, or its file deleted."""

    def __init__(self) -> None:
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _error("inotify_init1", "raise fs.inotify.max_user_instances")

    def fileno(self) -> int:
        """Readable when `events` has something."""
        return self._fd

    def watch(self, path: Path, mask: int) -> int:
        """Watch a file or folder; returns the descriptor that its events carry.

        Raises `LogError` when the path is gone or the kernel's limit of watches is reached.
        """
        descriptor: int = _libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        if descriptor < 0:
            raise _error(str(path), "raise fs.inotify.max_user_watches if there is no space")
        return descriptor

    def unwatch(self, descriptor: int) -> None:
        """Stop watching; a watch whose file is gone already is no error."""
        _libc.inotify_rm_watch(self._fd, descriptor)

    def events(self) -> list[tuple[int, int, str]]:
        """What happened since the last call: (descriptor, mask, name within a watched folder)."""
        found: list[tuple[int, int, str]] = []
        try:
            data = os.read(self._fd, _READ_AT_ONCE)
        except BlockingIOError:
            return found
        at = 0
        while at < len(data):
            descriptor, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            name = os.fsdecode(data[at - length : at].rstrip(b"\0"))
            found.append((descriptor, mask, name))
        return found

    def close(self) -> None:
        """Stop watching everything."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _error(what: str, fix: str) -> LogError:
    number = ctypes.get_errno()
    return LogError(number, f"{os.strerror(number)}: {what}; {fix}")
