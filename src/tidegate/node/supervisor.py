"""Starts the parts, notices their ends, starts them again, replaces them, and drains them.

Law: while the node runs, every part runs or has a time to come back; after it, no process of the
node is left. A part sees the node's end as the end of its standard input, so it also goes when the
node is killed.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from tidegate.node.backoff import Backoff
from tidegate.node.child import Child
from tidegate.node.part import MARGIN_S, Brief

READY_S = 10.0
"""Seconds a successor gets until it serves: ten times what a loaded machine takes to start one."""
END_S = 1.0
"""Seconds from a process's last word to its end."""
STOPPING = "the node is stopping"

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


@dataclass(eq=False)
class Seat:
    """The place of one part: what is started there next, and who holds it now."""

    part: Part
    child: Child | None = None


class Supervisor:
    """The parent of the parts."""

    def __init__(self, parts: Sequence[Part], drain_s: float, counts: Counts) -> None:
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._seats = {part.name: Seat(part) for part in parts}
        self._drain_s = drain_s
        self._counts = counts
        self._children: set[Child] = set()
        self._chores: set[asyncio.Task[Any]] = set()
        self._harmed = False

    def stop(self) -> None:
        """Asks the parts to drain; asked again, kills those that still do."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self) -> bool:
        """Keeps the parts until `stop`; True if all of them then drained, in time and unharmed."""
        keepers = [
            self._own(self._keep(seat), f"keep {name}") for name, seat in self._seats.items()
        ]
        stopped = asyncio.create_task(self._stop.wait(), name="await stop")
        await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self._stop.set()
        self._signal(signal.SIGTERM)
        await self._drain()
        self._signal(signal.SIGKILL)
        await self._all_over()
        await asyncio.gather(*keepers)
        return not self._harmed

    async def upgrade(self, parts: Sequence[Part], retire_s: float) -> str:
        """Puts new processes in the place of running parts, all or none of them.

        Those replaced go on with whom they serve for `retire_s` seconds at most. Returns what went
        wrong; nothing has changed then. Only one at a time.
        """
        return await asyncio.shield(self._own(self._upgrade(parts, retire_s), "upgrade"))

    def _own(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task that `run` does not end before."""
        chore = asyncio.create_task(work, name=name)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
        return chore

    async def _all_over(self) -> None:
        """Every process has ended, and whoever looked after it."""
        while waiting := [*self._chores, *(child.ended for child in self._children)]:
            await asyncio.wait(waiting)

    async def _drain(self) -> None:
        hurried = asyncio.create_task(self._hurry.wait(), name="await hurry")
        everyone = asyncio.create_task(self._all_over(), name="await everyone")
        await asyncio.wait(
            [hurried, everyone],
            timeout=self._drain_s + MARGIN_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurried.cancel()
        everyone.cancel()
        late = sorted(child.name for child in self._children)
        if late:
            log.warning("killing parts that did not drain", parts=late, drain_s=self._drain_s)

    async def _keep(self, seat: Seat) -> None:
        """Holds one seat taken until the node stops."""
        backoff = Backoff()
        name = seat.part.name
        while not self._stop.is_set():
            backoff.started(time.monotonic())
            why, clean = await self._sit(seat)
            if self._stop.is_set():
                self._judge(name, why, clean=clean)
                return
            delay = backoff.ended(time.monotonic())
            log.error("part ended", child=name, why=why, restart_in_s=delay)
            await _within(self._stop.wait(), delay)
            if not self._stop.is_set():
                self._counts.restarted(name)

    def _judge(self, name: str, why: str, *, clean: bool) -> None:
        if not clean:
            self._harmed = True
            log.error("part failed to drain", child=name, why=why)

    async def _sit(self, seat: Seat) -> tuple[str, bool]:
        """Sees to a process in the seat; how, and whether cleanly, the last one there ended."""
        try:
            sitting = await self._occupant(seat)
        except OSError as error:
            return f"cannot start: {error.strerror}", False
        while True:
            await sitting.left.wait()
            if seat.child is sitting:
                seat.child = None
                return sitting.why, sitting.clean
            sitting = seat.child or sitting

    async def _occupant(self, seat: Seat) -> Child:
        """Who holds the seat: a new process, unless an upgrade put one there or does meanwhile."""
        if seat.child is not None:
            return seat.child
        child = await self._start(seat.part)
        if seat.child is None:
            seat.child = child
        else:
            self._own(self._retire(child, 0), f"retire {child.name}")
        return seat.child

    async def _start(self, part: Part, *, announced: bool = False) -> Child:
        start = Child.start_announced if announced else Child.start
        child = await start(part.name, part.brief)
        self._children.add(child)
        child.ended.add_done_callback(lambda _: self._forget(child))
        if self._stop.is_set():
            child.signal(signal.SIGTERM)
        log.info("part started", child=part.name, pid=child.pid)
        return child

    def _forget(self, child: Child) -> None:
        self._children.discard(child)
        self._counts.ended(child.pid)

    async def _upgrade(self, parts: Sequence[Part], retire_s: float) -> str:
        fresh: list[Child] = []
        problem = await self._succeed(parts, fresh)
        if self._stop.is_set():
            return STOPPING  # and all processes are told so
        if problem:
            for child in fresh:  # they serve newcomers already
                self._own(self._retire(child, retire_s), f"retire {child.name}")
            return problem
        for part, child in zip(parts, fresh, strict=True):
            seat = self._seats[part.name]
            before, seat.part, seat.child = seat.child, part, child
            if before is not None:
                before.left.set()
                self._own(self._retire(before, retire_s), f"retire {before.name}")
        return ""

    async def _succeed(self, parts: Sequence[Part], fresh: list[Child]) -> str:
        """Starts successors one by one, into `fresh` those that serve; what went wrong."""
        for part in parts:
            if self._stop.is_set():
                return STOPPING
            try:
                child = await self._start(part, announced=True)
            except OSError as error:
                return f"{part.name}: cannot start: {error.strerror}"
            if not await child.ready(READY_S):
                return await self._give_up(child)
            fresh.append(child)
        lost = [child for child in fresh if not child.running]
        return f"{lost[0].name}: the new process ended: {lost[0].why}" if lost else ""

    async def _give_up(self, child: Child) -> str:
        """Ends a successor that has no viewer yet, and may hang; what was wrong with it."""
        await asyncio.wait([child.ended], timeout=END_S)
        if child.running:
            child.signal(signal.SIGKILL)
            await asyncio.wait([child.ended])
            return f"{child.name}: the new process did not serve within {READY_S:.0f} s"
        return f"{child.name}: the new process ended: {child.why}; the journal says more"

    async def _retire(self, child: Child, seconds: float) -> None:
        """Lets a process end by itself once nobody is left whom it serves."""
        child.signal(signal.SIGUSR1)
        await asyncio.wait([child.ended], timeout=seconds + MARGIN_S)
        if child.running and not self._stop.is_set():
            log.warning("killing a replaced part", child=child.name, pid=child.pid, after_s=seconds)
            child.signal(signal.SIGKILL)
        await asyncio.wait([child.ended])
        if self._stop.is_set():
            self._judge(child.name, child.why, clean=child.clean)
        else:
            log.info("replaced part ended", child=child.name, pid=child.pid, why=child.why)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            child.signal(number)


async def _within(awaitable: Awaitable[object], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(awaitable, seconds)
