"""The servers that benches compare, each on the server's core, each stopped at the end.

Law: a bench ends only processes that it started.
"""

import contextlib
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench._proc import LOAD_CORE, SERVER_CORE, compiled, cpu_s, on, pin

sys.path[1:1] = [str(Path(__file__).parent.parent / "tests")]

from support.node import RunningNode, memory_folder  # noqa: E402
from support.processes import children  # noqa: E402
from support.wait import until  # noqa: E402

CHANNEL = "ch"
TICK_MS = 350
MOST = 20_000
"""Connections that every server allows."""


@dataclass(frozen=True)
class Server:
    """One that is measured: its processes, where viewers ask, and where a publisher goes."""

    name: str
    pids: tuple[int, ...]
    port: int
    path: str = f"/live/{CHANNEL}.flv"
    rtmp: str = ""

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return cpu_s(*self.pids)

    def running(self) -> bool:
        """Whether all its processes are."""
        return all(Path(f"/proc/{pid}/fd").exists() for pid in self.pids)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-", dir=memory_folder()) as folder:
        yield Path(folder)


def free_port() -> int:
    """A TCP port that nobody listens on, of those that the kernel gives to no viewer meanwhile."""
    told = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    while True:
        port = random.randrange(10_000, int(told.split()[0]))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def node(**settings: Mapping[str, Any]) -> Iterator[RunningNode]:
    """A node with one edge worker on the server's core, all else of it on the load's."""
    http = {"workers": 1, "reserve": 0.0, "max_connections": MOST, "tick_min_ms": TICK_MS}
    http |= {"max_requests_per_address": 1_000_000, "keepalive_s": 600}
    tables = {**settings, "http": {**http, **settings.get("http", {})}}
    with scratch() as folder:
        running = RunningNode(folder, tables)
        try:
            parts = until(lambda: _whole(running), "the node has its parts")
            for name, pid in parts.items():
                pin(pid, SERVER_CORE if name == "edge.0" else LOAD_CORE)
            pin(running.pid, LOAD_CORE)
            yield running
        finally:
            running.close()


def _whole(running: RunningNode) -> dict[str, int]:
    parts = running.parts()
    return parts if {"ingest", "edge.0"} <= set(parts) else {}


def ours(running: RunningNode, path: str = Server.path, name: str = "ours") -> Server:
    """Its edge worker."""
    pids = (running.parts()["edge.0"],)
    return Server(name, pids, running.http_port, path, running.rtmp(CHANNEL))


@contextmanager
def program(name: str, command: list[str], port: int, folder: Path) -> Iterator[Server]:
    """Any server that listens on `port` and stays in the foreground."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([*on(SERVER_CORE), *command], stdout=log, stderr=log, cwd=folder)
    try:
        until(lambda: listens(port) or process.poll() is not None, f"{name} listens")
        if process.poll() is not None:
            told = (folder / f"{name}.log").read_text(errors="replace")
            raise RuntimeError(f"{name} ended with code {process.returncode}:\n{told[-2000:]}")
        time.sleep(0.2)  # its workers are there
        yield Server(name, (process.pid, *children(process.pid)), port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def c_loop(chunk: int, tick_ms: int = TICK_MS, name: str = "C loop") -> Iterator[Server]:
    """The paced loop in C, which needs no publisher."""
    port = free_port()
    command = [str(compiled("_fanout")), str(port), str(chunk), str(tick_ms)]
    with scratch() as folder, program(name, command, port, folder) as server:
        yield server
