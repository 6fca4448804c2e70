"""What a check of this machine found, and the judgements that need nothing but numbers.

Law: a finding that is not `ok` says what to do about it. Nothing here reads the machine.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]

FILES_SPARE = 256
"""Open files beside connections: logs, segments, playlists' sources."""
WATCHES_WANTED = 8192
"""inotify watches: three logs and a manifest a channel, for two thousand channels."""
INSTANCES_WANTED = 16
MEMORY_WANTED = 512 * 2**20
"""Bytes of memory free for four processes and the page cache of their sockets."""
BACKLOG_WANTED = 4096
"""Connections that wait at one listener: who comes while a worker is started again is not lost."""
DAY_S = 86_400
EXPIRY_WANTED_S = 14 * DAY_S
"""Seconds a certificate holds on: those that are renewed by themselves are, weeks before."""
LOGS_WANTED = 256 * 2**20
"""Bytes free at log.root: one channel of 8 Mbit/s for the default 90 seconds, twice."""


@dataclass(frozen=True)
class Finding:
    """One check: its name, the verdict, what was seen, and how to mend it (empty when ok)."""

    name: str
    verdict: Verdict
    seen: str
    fix: str = ""


def python(version: tuple[int, int]) -> Finding:
    """The interpreter is one that the project is tested with."""
    seen = f"{version[0]}.{version[1]}"
    if version >= (3, 11):
        return Finding("Python", "ok", seen)
    return Finding("Python", "fail", seen, "install Python 3.11 or newer and run ./run again")


def system(name: str) -> Finding:
    """epoll, inotify and sendfile are Linux's."""
    if name == "Linux":
        return Finding("system", "ok", name)
    return Finding("system", "fail", name, "run Tidegate on Linux; a container of it will do")


def open_files(hard: int, connections: int) -> Finding:
    """The hard limit (-1: none) holds `connections` sockets; the node raises the soft one."""
    wanted = connections + FILES_SPARE
    seen = "no limit" if hard < 0 else f"{hard} (hard limit)"
    if hard < 0 or hard >= wanted:
        return Finding("open files", "ok", seen)
    return Finding(
        "open files",
        "warn",
        f"{seen}, {wanted} wanted",
        f"ulimit -Hn {wanted} (LimitNOFILE={wanted} in a systemd unit), "
        "or lower http.max_connections",
    )


def inotify(kind: str, limit: int) -> Finding:
    """A limit of fs.inotify (`kind` is max_user_watches or max_user_instances) is high enough."""
    wanted = WATCHES_WANTED if kind == "max_user_watches" else INSTANCES_WANTED
    name = f"inotify {kind.removeprefix('max_user_')}"
    if limit >= wanted:
        return Finding(name, "ok", str(limit))
    return Finding(name, "warn", str(limit), f"sysctl -w fs.inotify.{kind}={wanted}")


def memory(available: int) -> Finding:
    """Enough memory is free, in bytes."""
    if available >= MEMORY_WANTED:
        return Finding("memory", "ok", f"{megabytes(available)} available")
    return Finding(
        "memory",
        "warn",
        f"{megabytes(available)} available",
        f"free {megabytes(MEMORY_WANTED)}, or lower log.retention_s",
    )


def log_space(root: str, kind: str, free: int) -> Finding:
    """The live logs lie in memory, with room; `kind` is the file system's name."""
    seen = f"{root}: {kind}, {megabytes(free)} free"
    if free < LOGS_WANTED:
        fix = f"free {megabytes(LOGS_WANTED)} there, or set log.root to a larger tmpfs"
        return Finding("log.root", "fail" if free == 0 else "warn", seen, fix)
    if kind != "tmpfs":
        fix = "set log.root to a folder on tmpfs, so that live media never waits for a disk"
        return Finding("log.root", "warn", seen, fix)
    return Finding("log.root", "ok", seen)


def backlog(limit: int) -> Finding:
    """net.core.somaxconn lets the listeners be as deep as they ask to be."""
    if limit >= BACKLOG_WANTED:
        return Finding("backlog", "ok", str(limit))
    fix = f"sysctl -w net.core.somaxconn={BACKLOG_WANTED}"
    return Finding("backlog", "warn", f"{limit} connections", fix)


def kernel_tls(protocols: str) -> Finding:
    """Who encrypts for HTTPS; `protocols` is net.ipv4.tcp_available_ulp. No worker hands its keys
    to the kernel yet, so its module is only told of."""
    has = "has" if "tls" in protocols.split() else "does not have"
    seen = f"HTTPS is encrypted by OpenSSL in each worker; the kernel {has} its tls module loaded"
    return Finding("kernel TLS", "ok", seen)


def expiry(name: str, path: str, seconds: float) -> Finding:
    """A certificate, with a key that matches, holds for so many seconds more."""
    match = f"{path}: matches its key"
    if seconds >= EXPIRY_WANTED_S:
        return Finding(name, "ok", f"{match}, expires in {seconds // DAY_S:.0f} days")
    if seconds > 0:
        seen = f"{match}, expires in {seconds / DAY_S:.1f} days"
        return Finding(name, "warn", seen, "renew it; running workers read it again by themselves")
    return Finding(name, "fail", f"{match}, but expired", "renew it")


def clock(synchronised: bool) -> Finding:
    """The kernel's clock follows a time server; latency is told from the wall clock."""
    if synchronised:
        return Finding("clock", "ok", "synchronised")
    fix = "start a time service (apt-get install systemd-timesyncd); else latency shown may be off"
    return Finding("clock", "warn", "not known to be synchronised", fix)


def megabytes(size: int) -> str:
    """A size in bytes for people."""
    return f"{size // 2**20} MB"
