"""Where a server's time goes, by perf(1) and py-spy where they are installed and allowed."""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench._load import watching
from bench._stage import Server, scratch

SECONDS = 6.0
FREQUENCY = "997"
"""Samples a second: no divisor of a tick."""
COPY, KERNEL, CRYPTO, PROGRAM = "copy", "kernel", "crypto", "program"
_WORDS = {
    COPY: "copies bytes in the kernel",
    KERNEL: "is the rest of the kernel",
    CRYPTO: "is OpenSSL",
    PROGRAM: "is the program",
}
_FRAME = re.compile(r"\((?:tidegate/)?(\w+)(?:/.*|\.py):\d+\)")


def shares(server: Server, viewers: int) -> dict[str, float]:
    """Shares of a server's time while so many watch; empty where perf cannot tell."""
    if shutil.which("perf") is None:
        return {}
    with scratch() as folder, watching(server, viewers, SECONDS) as sink:
        data = folder / "perf.data"
        sink.window(lambda: _record(server, data))
        return _read(data)


def sampled(server: Server, work: Callable[[], object]) -> dict[str, float]:
    """The same while `work` keeps it busy, which takes a second longer than `SECONDS`."""
    if shutil.which("perf") is None:
        return {}
    with scratch() as folder:
        data = folder / "perf.data"
        with _recording(server, data):
            work()
        return _read(data)


def told(found: dict[str, float]) -> str:
    """Shares in words."""
    return ", ".join(f"{found[name]:.0%} {_WORDS[name]}" for name in _WORDS if name in found)


def rooms(pid: int) -> dict[str, float]:
    """Shares of a process's time by the room whose code ran, or made a call; empty without py-spy.

    What runs beneath asyncio's own frames alone is asyncio's.
    """
    if shutil.which("py-spy") is None:
        return {}
    with scratch() as folder:
        stacks = folder / "stacks"
        command = ["py-spy", "record", "-d", f"{SECONDS:g}", "-r", "397", "-f", "raw"]
        command += ["-o", str(stacks), "-p", str(pid)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return {}
        return _by_room(stacks.read_text(encoding="utf-8"))


def _by_room(stacks: str) -> dict[str, float]:
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, samples = line.rpartition(" ")
        if "run_forever" in frames:  # no thread that only waits
            found[_room(frames.split(";"))] += int(samples)
    total = sum(found.values())
    return {room: samples / total for room, samples in found.most_common()}


def _room(frames: list[str]) -> str:
    for frame in reversed(frames):
        place = _FRAME.search(frame)
        if place and ("(tidegate/" in frame or place[1] in ("asyncio", "selectors")):
            return "asyncio" if place[1] == "selectors" else place[1]
    return "other"


def _record(server: Server, data: Path) -> None:
    with _recording(server, data):
        time.sleep(SECONDS - 1)


def _recording(server: Server, data: Path) -> subprocess.Popen[bytes]:
    pids = ",".join(map(str, server.pids))
    command = ["perf", "record", "-q", "-F", FREQUENCY, "-p", pids, "-o", str(data)]
    return subprocess.Popen([*command, "--", "sleep", str(SECONDS - 1)], stderr=subprocess.DEVNULL)


def _read(data: Path) -> dict[str, float]:
    command = ["perf", "report", "-i", str(data), "--stdio", "-F", "overhead,dso,sym", "-t", ";"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, float] = {}
    for line in text.splitlines():
        overhead, _, place = line.partition(";")
        if not place or not overhead.strip().endswith("%"):
            continue
        group = _group(place)
        found[group] = found.get(group, 0.0) + float(overhead.strip(" %")) / 100
    return found


def _group(place: str) -> str:
    if "[k]" in place:
        return COPY if "copy" in place else KERNEL
    return CRYPTO if "libcrypto" in place or "libssl" in place else PROGRAM
