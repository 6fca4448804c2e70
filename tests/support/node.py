"""A real node, `tidegate up --json`, in a process of its own, on free ports and folders."""

import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from support.processes import children

TIDEGATE = [sys.executable, "-m", "tidegate"]
READY_DEADLINE_S = 30.0
STOP_DEADLINE_S = 30.0
STARTED = '"event": "part started"'
FREE_PORTS = {
    "rtmp": {"host": "127.0.0.1", "port": 0},
    "http": {"host": "127.0.0.1", "port": 0, "workers": 1},
}
"""Also one edge worker, `edge.0`, unless the test is about many."""


class Answer(NamedTuple):
    """An HTTP answer, read whole."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Program:
    """A `tidegate` command that prints one line of JSON when it is ready, and then stays.

    `folder` gets its journal; its standard output is read line by line.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.journal = folder / "journal.log"
        self.killed = False
        with self.journal.open("ab") as journal:
            self.process = subprocess.Popen(
                [*TIDEGATE, *arguments], stdout=subprocess.PIPE, stderr=journal, env=environment()
            )
        self.pid = self.process.pid

    def ready_line(self) -> str:
        """The line that says it is ready; fails with the journal when it ends or takes too long."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + READY_DEADLINE_S
        fd, line = self.process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            left = max(0.0, deadline - time.monotonic())
            readable = select.select([fd], [], [], left)[0]
            more = os.read(fd, 4096) if readable else b""
            if not more:
                self.kill()
                raise AssertionError(f"not ready; its journal:\n{self.log_text()}")
            line += more
        return line.decode()

    def rest_of_output(self) -> str:
        """What else it printed on standard output; only after its end."""
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def parts(self) -> dict[str, int]:
        """The running parts, `ingest` or `edge.0`, to process id: the newest of each."""
        running = children(self.pid)
        return {name: pid for pid, name in self.started().items() if pid in running}

    def started(self) -> dict[int, str]:
        """Every process of a part so far, from the oldest on: process id to the part's name."""
        lines = self.log_text().splitlines(keepends=True)
        told = [json.loads(line) for line in lines if STARTED in line and line.endswith("\n")]
        return {each["pid"]: each["child"] for each in told}

    def log_text(self) -> str:
        """The journal of the node and all its parts so far."""
        return self.journal.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to drain and waits; returns its exit code. Called again, only returns it."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return code

    def kill(self) -> None:
        """Kills it at once, as the kernel would for want of memory."""
        self.killed = True
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Stops it if it runs and frees what this process holds of it."""
        try:
            self.stop()
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()


class RunningNode(Program):
    """A node started from settings, `{"table": {"key": value}}`, over free ports and folders."""

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tidegate-test-", dir=memory_folder()))
        self.log_root = self.folder / "log"
        self.state_folder = self.folder / "state"
        tables: dict[str, Any] = {
            "log": {"root": str(self.log_root)},
            "state": {"folder": str(self.state_folder)},
            **FREE_PORTS,
        }
        for name, table in (settings or {}).items():
            tables[name] = {**tables.get(name, {}), **table}
        self.config = folder / "config.toml"
        self.config.write_text(toml(tables))
        super().__init__(folder, "up", "--json", str(self.config))
        try:
            told = json.loads(self.ready_line())
        except BaseException:
            self.close()
            raise
        self.http: str = told["http"]
        self.https: str = told["https"]
        self.key: str = told["key"]
        self._rtmp: str = told["rtmp"]

    @property
    def rtmp_port(self) -> int:
        """The TCP port of RTMP."""
        return urlsplit(self._rtmp).port or 0

    @property
    def http_port(self) -> int:
        """The TCP port of HTTP."""
        return urlsplit(self.http).port or 0

    def rtmp(self, channel: str, key: str | None = None) -> str:
        """The URL to publish a channel to, with the node's key unless another is given."""
        return f"{self._rtmp}/{channel}?key={key or self.key}"

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One GET on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def close(self) -> None:
        """Stops it, and removes its folders."""
        try:
            super().close()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def environment(**more: str) -> dict[str, str]:
    """This process's environment without the settings that a developer may have in it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TIDEGATE_")}
    return {**kept, **more}


def memory_folder() -> str | None:
    """Where temporary folders are in memory, as live logs are; else the default."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def toml(tables: Mapping[str, Any], prefix: str = "") -> str:
    """TOML of nested tables; JSON's spelling of strings, numbers and booleans is TOML's too."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in tables.items() if _plain(value)]
    nested = [
        f"[{prefix}{key}]\n" + toml(value, f"{prefix}{key}.")
        for key, value in tables.items()
        if not _plain(value)
    ]
    return "\n".join([*plain, *nested]) + "\n"


def _plain(value: object) -> bool:
    return not isinstance(value, Mapping)
