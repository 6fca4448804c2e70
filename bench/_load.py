"""Those who ask: viewers of a stream (`_sink.c`) and requests in a closed loop (wrk)."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench._proc import LOAD_CORE, compiled, on
from bench._stage import Server

WARM_S = 4.0
CONNECTIONS = 64
LEAST_SHARE = 0.95
"""Of what viewers should have got; below it, a server did not hold them."""
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Watched:
    """A window: what viewers got, what it cost the server, what went wrong."""

    seconds: float
    gbit: float
    cpu_s: float
    closed: int
    refused: int
    gap_ms: float

    @property
    def cost(self) -> float:
        """Processor seconds a Gbit."""
        return self.cpu_s / self.gbit if self.gbit else float("nan")


class Viewers:
    """A sink that has begun; `window` waits for its next one."""

    def __init__(self, process: subprocess.Popen[str], server: Server) -> None:
        self._process = process
        self._server = server
        self.pid = process.pid

    def window(self, meanwhile: Callable[[], None] = lambda: None) -> Watched:
        """`meanwhile` runs while they watch."""
        self._line("begin")
        before = self._server.cpu_s()
        meanwhile()
        told = json.loads(self._line("end").partition(" ")[2])
        spent = self._server.cpu_s() - before
        closed = told["closed"] + told["closed_before"]
        return Watched(
            told["seconds"], told["gbit"], spent, closed, told["refused"], told["gap_ms"]
        )

    def _line(self, start: str) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(start):
            raise RuntimeError(f"the sink said {line!r} in place of {start}")
        return line


@contextmanager
def watching(
    server: Server, viewers: int, seconds: float, windows: int = 1, warm_s: float = WARM_S
) -> Iterator[Viewers]:
    """So many viewers of a server's stream."""
    command = [*on(LOAD_CORE), str(compiled("_sink")), str(server.port), server.path, str(viewers)]
    command += [str(warm_s), str(seconds), str(windows)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Viewers(process, server)
    finally:
        process.kill()
        process.communicate()


def watched(server: Server, viewers: int, seconds: float) -> Watched:
    """One window of them."""
    with watching(server, viewers, seconds) as sink:
        return sink.window()


@dataclass(frozen=True)
class Asked:
    """Requests in a closed loop: how many a second, what they cost, what went wrong."""

    seconds: float
    requests: int
    cpu_s: float
    errors: int
    p99_ms: float
    bytes_each: float

    @property
    def cost(self) -> float:
        """Processor seconds a thousand requests."""
        return self.cpu_s * 1000 / self.requests if self.requests else float("nan")

    @property
    def per_core(self) -> float:
        """Requests a second that one core answers."""
        return self.requests / self.cpu_s if self.cpu_s else float("nan")


def asked(
    server: Server, path: str, seconds: float, close: bool = False, https: bool = False
) -> Asked:
    """wrk on the load's core: one thread, 64 connections, kept or closed after each answer."""
    url = f"http{'s' if https else ''}://127.0.0.1:{server.port}{path}"
    command = [*on(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s"]
    command += ["--latency", "--timeout", "10s"]
    command += ["-H", "Connection: close"] if close else []
    before = server.cpu_s()
    process = subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)
    text = process.communicate(timeout=seconds + 60)[0]
    return _read(text, server.cpu_s() - before)


def _read(text: str, cpu_s: float) -> Asked:
    done = re.search(r"(\d+) requests in ([\d.]+)(m?s|m), ([\d.]+)([KMGT]?B) read", text)
    if done is None:
        raise RuntimeError(f"wrk said:\n{text}")
    seconds = float(done[2]) * (60 if done[3] == "m" else 1)
    scale = 1024 ** "BKMGT".index(done[5][0])
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    errors += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    p99 = float(late[1]) * _UNITS[late[2]] * 1e3 if late else float("nan")
    requests = int(done[1])
    size = float(done[4]) * scale / max(1, requests)
    return Asked(seconds, requests, cpu_s, errors, p99, size)


def need(name: str) -> None:
    """Says what to install when there is no such program."""
    if shutil.which(name) is None:
        raise SystemExit(f"{name} is not installed: apt-get install {name}")
