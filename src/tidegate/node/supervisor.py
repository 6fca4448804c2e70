"""Starts the parts, notices their ends, starts them again, and drains them.

Law: while the node runs, every part runs or has a time to come back; after it, none does. A part
sees the node's end as the end of its standard input, so it also goes when the node is killed.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from tidegate.node.backoff import Backoff
from tidegate.node.part import MARGIN_S, Brief

log = structlog.get_logger()


@dataclass(frozen=True)
class Part:
    """A part to keep running: its name, what it is told, and the sockets it inherits."""

    name: str
    brief: Brief


@dataclass(frozen=True)
class Counts:
    """Who is told that a process (its id) ended, and that a part (its name) is started again."""

    ended: Callable[[int], None]
    restarted: Callable[[str], None]


class Supervisor:
    """The parent of the parts."""

    def __init__(self, parts: Sequence[Part], drain_s: float, counts: Counts) -> None:
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._parts = parts
        self._drain_s = drain_s
        self._counts = counts
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._harmed = False

    def stop(self) -> None:
        """Asks the parts to drain; asked again, kills those that still do."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self) -> bool:
        """Keeps the parts until `stop`; True if all of them then drained, in time and unharmed."""
        keepers = [
            asyncio.create_task(self._keep(part), name=f"keep {part.name}") for part in self._parts
        ]
        stopped = asyncio.create_task(self._stop.wait(), name="await stop")
        await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        self._signal(signal.SIGTERM)
        await self._drain(keepers)
        self._signal(signal.SIGKILL)
        await asyncio.gather(*keepers)
        return not self._harmed

    async def _drain(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        hurried = asyncio.create_task(self._hurry.wait(), name="await hurry")
        everyone = asyncio.ensure_future(asyncio.wait(keepers))
        await asyncio.wait(
            [hurried, everyone],
            timeout=self._drain_s + MARGIN_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurried.cancel()
        everyone.cancel()
        late = sorted(self._processes)
        if late:
            log.warning("killing parts that did not drain", parts=late, drain_s=self._drain_s)

    async def _keep(self, part: Part) -> None:
        """Runs one part again and again until the node stops."""
        backoff = Backoff()
        while not self._stop.is_set():
            backoff.started(time.monotonic())
            why = await self._run_once(part)
            if self._stop.is_set():
                self._judge(part, why)
                return
            delay = backoff.ended(time.monotonic())
            log.error("part ended", child=part.name, why=why, restart_in_s=delay)
            await _within(self._stop.wait(), delay)
            if not self._stop.is_set():
                self._counts.restarted(part.name)

    def _judge(self, part: Part, why: str) -> None:
        # SIGTERM ends a part that had not come to handling it: it had nothing to drain.
        if why not in (describe(0), describe(-signal.SIGTERM)):
            self._harmed = True
            log.error("part failed to drain", child=part.name, why=why)

    async def _run_once(self, part: Part) -> str:
        """Starts a part and waits for its end; returns why it ended."""
        try:
            process = await self._start(part)
        except OSError as error:
            return f"cannot start: {error.strerror}"
        self._processes[part.name] = process
        if self._stop.is_set():
            process.terminate()
        log.info("part started", child=part.name, pid=process.pid)
        code = await process.wait()
        del self._processes[part.name]
        self._counts.ended(process.pid)
        return describe(code)

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        # A process group of its own: Ctrl-C reaches the node alone, which drains in order.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "tidegate", "part", part.name),
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.__stderr__,  # standard output is the command's alone
            pass_fds=part.brief.sockets,
            process_group=0,
        )
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(part.brief) + b"\n")
        return process

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            process.send_signal(number)


def describe(code: int) -> str:
    """A process's return code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


async def _within(awaitable: Awaitable[object], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(awaitable, seconds)
