"""One process of a part, from its start to its end.

Law: who holds a `Child` hears of its end however it ended, and a signal to one that ended already
goes nowhere.
"""

import asyncio
import contextlib
import os
import signal
import sys

import msgspec

from tidegate.node.part import Brief

CLEAN_ENDS = (0, -signal.SIGTERM, -signal.SIGUSR1)
"""A signal ends a part that had not come to handling it: it had nothing to drain."""


class Child:
    """A running process. `left` is set once it ended, and by whoever puts another in its place."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, ready_fd: int) -> None:
        self.name = name
        self.pid = process.pid
        self.left = asyncio.Event()
        self.ended = asyncio.create_task(process.wait(), name=f"end of {name}")
        self.ended.add_done_callback(lambda _: self.left.set())
        self._process = process  # and with it our end of its standard input
        self._pidfd = _pidfd(process.pid)
        self._ready_fd = ready_fd
        self.ended.add_done_callback(self._close)

    @classmethod
    async def start(cls, name: str, brief: Brief) -> "Child":
        """A part at work; it may be one of several of a kind, as `edge.1`."""
        return await cls._start(name, brief, -1)

    @classmethod
    async def start_announced(cls, name: str, brief: Brief) -> "Child":
        """The same, of which `ready` is awaited next."""
        ours, theirs = os.pipe()
        try:
            return await cls._start(name, msgspec.structs.replace(brief, ready=theirs), ours)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)

    @classmethod
    async def _start(cls, name: str, brief: Brief, ready_fd: int) -> "Child":
        # A process group of its own: Ctrl-C reaches the node alone, which drains in order.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "tidegate", "part", name.partition(".")[0]),
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.__stderr__,  # standard output is the command's alone
            pass_fds=[*brief.sockets, *([brief.ready] if brief.ready >= 0 else [])],
            process_group=0,
        )
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(brief) + b"\n")
        return cls(name, process, ready_fd)

    async def ready(self, seconds: float) -> bool:
        """Whether it said within `seconds` that it serves; its end says that it does not."""
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_reader(self._ready_fd, told.set)
        try:
            await asyncio.wait_for(told.wait(), seconds)
            return os.read(self._ready_fd, 1) != b""
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._ready_fd)
            os.close(self._ready_fd)

    def signal(self, number: signal.Signals) -> None:
        """Tell it, if it still runs.

        Not by `send_signal` of the process: that one reaps who has just ended, whose exit code is
        then lost to who waits for it.
        """
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _close(self, _ended: "asyncio.Task[int]") -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    @property
    def running(self) -> bool:
        """Whether its end was not seen yet."""
        return not self.ended.done()

    @property
    def clean(self) -> bool:
        """Whether it ended as one does who was asked to."""
        return not self.running and self.ended.result() in CLEAN_ENDS

    @property
    def why(self) -> str:
        """How it ended."""
        return "still running" if self.running else describe(self.ended.result())


def _pidfd(pid: int) -> int:
    """A descriptor that means this process for ever; -1 where it is gone already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def describe(code: int) -> str:
    """A process's return code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
