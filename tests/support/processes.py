"""What runs on this machine, read from /proc."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process runs: a zombie, which only waits to be reaped, does not."""
    try:
        return _stat(pid)[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> dict[int, list[str]]:
    """The running children of a process: process id to command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = _stat(int(entry.name))[:2]
            if int(parent) == pid and state not in "ZX":
                arguments = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                found[int(entry.name)] = [os.fsdecode(each) for each in arguments]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, proc(5) statm."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def servers(pids: Iterable[int], port: int) -> dict[int, int]:
    """Who of these processes serves which peer of a TCP port: the peer's port to process id."""
    holders = {}
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                holders[str(fd.readlink())] = pid
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ours, theirs = (int(address.split(":")[1], 16) for address in fields[1:3])
        if ours == port and f"socket:[{fields[9]}]" in holders:
            found[theirs] = holders[f"socket:[{fields[9]}]"]
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; the name before may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
