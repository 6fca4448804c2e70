"""Where a server's time goes, by perf(1) where it is installed and allowed: copying, the rest of
the kernel, the program itself."""

import shutil
import subprocess
import time
from pathlib import Path

from bench._load import watching
from bench._stage import Server, scratch

SECONDS = 6.0
FREQUENCY = "997"
"""Samples a second: no divisor of a tick."""
COPY, KERNEL, PROGRAM = "copy", "kernel", "program"


def shares(server: Server, viewers: int) -> dict[str, float]:
    """Shares of a server's time while so many watch; empty where perf cannot tell."""
    if shutil.which("perf") is None:
        return {}
    with scratch() as folder, watching(server, viewers, SECONDS) as sink:
        data = folder / "perf.data"
        sink.window(lambda: _record(server, data))
        return _read(data)


def _record(server: Server, data: Path) -> None:
    pids = ",".join(map(str, server.pids))
    command = ["perf", "record", "-q", "-F", FREQUENCY, "-p", pids, "-o", str(data)]
    with subprocess.Popen([*command, "--", "sleep", str(SECONDS - 1)], stderr=subprocess.DEVNULL):
        time.sleep(SECONDS - 1)


def _read(data: Path) -> dict[str, float]:
    command = ["perf", "report", "-i", str(data), "--stdio", "-F", "overhead,dso,sym", "-t", ";"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, float] = {}
    for line in told.splitlines():
        overhead, _, place = line.partition(";")
        if not place or not overhead.strip().endswith("%"):
            continue
        group = PROGRAM
        if "[k]" in place:
            group = COPY if "copy" in place else KERNEL
        found[group] = found.get(group, 0.0) + float(overhead.strip(" %")) / 100
    return found
