"""What a process costs, read from /proc, and on which core it runs."""

import os
import subprocess
from pathlib import Path

OUT = Path(__file__).parent / "out"
"""What benches build and keep: compiled C, recorded films. Not in git."""
SERVER_CORE, LOAD_CORE = 0, 1
_HZ = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_s(*pids: int) -> float:
    """Processor seconds that these used so far, user and system, all threads that they have.

    In nanoseconds where the kernel tells them: a short window is a few of proc(5)'s clock ticks.
    """
    total = 0.0
    for pid in pids:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        if (threads[0] / "schedstat").exists():
            told = [(thread / "schedstat").read_text(encoding="ascii") for thread in threads]
            total += sum(int(each.split()[0]) for each in told) / 1e9
        else:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
            total += sum(map(int, fields.split()[11:13])) / _HZ  # utime, stime
    return total


def resident(pid: int) -> int:
    """Resident memory, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def descriptors(pid: int) -> int:
    """Open files."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  (a count, no paths)


def pin(pid: int, core: int) -> None:
    """Every thread of a process on one core; on a machine with a single core, nothing."""
    if core not in os.sched_getaffinity(0):
        return
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def on(core: int) -> list[str]:
    """What to put before a command so that it, its threads and its children stay on a core."""
    return ["taskset", "-c", str(core)] if core in os.sched_getaffinity(0) else []


def kernel_memory() -> dict[str, int]:
    """Bytes that the kernel holds: TCP buffers (proc(5) sockstat) and its slabs."""
    tcp = 0
    for line in Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines():
        if line.startswith("TCP:"):
            tcp = int(line.split()[-1]) * _PAGE
    slab = 0
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("Slab:"):
            slab = int(line.split()[1]) * 1024
    return {"tcp": tcp, "slab": slab}


def compiled(name: str, *libraries: str) -> Path:
    """`bench/NAME.c`, compiled when it is newer than what was compiled before."""
    source, program = Path(__file__).parent / f"{name}.c", OUT / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        OUT.mkdir(exist_ok=True)
        command = ["gcc", "-O2", "-o", str(program), str(source), *libraries]
        subprocess.run(command, check=True)
    return program
