"""The supervisor over parts that cannot run: it tries again, counts, and still ends when asked."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from support.processes import alive
from tidegate.edge import part as edge
from tidegate.node.child import describe
from tidegate.node.part import RETIRE, Brief
from tidegate.node.sockets import open_listener
from tidegate.node.supervisor import STOPPING, Counts, Part, Supervisor
from tidegate.settings import Log, Settings

NOBODY = Part("nobody", Brief(settings=Settings().model_dump(mode="json"), sockets=[]))
"""A part that ends at once: there is none of that name."""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-signal.SIGKILL, "signal SIGKILL"),
        (-signal.SIGSEGV, "signal SIGSEGV"),
        (-250, "signal 250"),
    ],
)
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert describe(code) == words


def test_a_part_that_ends_is_started_again_and_each_end_is_told() -> None:
    ended: list[int] = []

    async def scenario() -> None:
        twice = asyncio.Semaphore(0)
        supervisor = Supervisor([NOBODY], 5, Counts(ended.append, lambda _: twice.release()))
        running = asyncio.create_task(supervisor.run())
        async with asyncio.timeout(30):
            await twice.acquire()
            await twice.acquire()
            supervisor.stop()
            await running

    asyncio.run(scenario())
    assert len(set(ended)) == len(ended) >= 2


def test_stop_before_the_start_starts_nothing() -> None:
    ended: list[int] = []

    async def scenario() -> bool:
        supervisor = Supervisor([NOBODY], 5, Counts(ended.append, lambda _: None))
        supervisor.stop()
        return await supervisor.run()

    assert asyncio.run(scenario())
    assert ended == []


def test_the_word_to_retire_is_the_edges() -> None:
    assert RETIRE == edge.RETIRE


class World:
    """A supervisor with one real edge worker, and what it counted."""

    def __init__(self, root: Path) -> None:
        self.listener = open_listener("127.0.0.1", 0, "http")
        settings = Settings(log=Log(root=root))
        brief = Brief(settings.model_dump(mode="json"), [self.listener.fileno()])
        self.part = Part("edge.0", brief)
        self.broken = replace(self.part, brief=msgspec.structs.replace(brief, settings={"no": 1}))
        self.ended: asyncio.Queue[int] = asyncio.Queue()
        self.restarted: asyncio.Queue[str] = asyncio.Queue()
        counts = Counts(self.ended.put_nowait, self.restarted.put_nowait)
        self.supervisor = Supervisor([self.part], 5, counts)

    async def pid(self) -> int:
        """Who serves; once a connection is answered it has come to handle its signals."""
        reader, writer = await asyncio.open_connection(*self.listener.getsockname())
        writer.write(b"GET /channels.json HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()
        child = self.supervisor._seats["edge.0"].child
        assert child is not None
        return child.pid


def in_world(root: Path, play: Callable[[World], Awaitable[None]]) -> World:
    """Runs a scenario beside the supervisor, which must then end clean."""

    async def scenario() -> World:
        world = World(root)
        running = asyncio.create_task(world.supervisor.run())
        async with asyncio.timeout(60):
            try:
                await play(world)
            finally:
                if not world.supervisor._stop.is_set():
                    world.supervisor.stop()
                clean = await running
        world.listener.close()
        assert clean
        return world

    return asyncio.run(scenario())


def test_an_upgrade_puts_another_process_in_the_seat_and_the_first_ends(tmp_path: Path) -> None:
    pids: list[int] = []

    async def play(world: World) -> None:
        pids.append(await world.pid())
        assert await world.supervisor.upgrade([world.part], 30) == ""
        pids.append(await world.pid())
        assert await world.ended.get() == pids[0]
        assert alive(pids[1])

    world = in_world(tmp_path, play)
    assert len(set(pids)) == 2
    assert world.ended.get_nowait() == pids[1]
    assert world.restarted.empty()


def test_a_successor_that_does_not_serve_changes_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.pid()
        problem = await world.supervisor.upgrade([world.broken], 30)
        assert problem.startswith("edge.0: the new process ended: exit code 1")
        assert await world.pid() == before
        assert world.restarted.empty()

    in_world(tmp_path, play)


def test_who_took_the_seat_is_started_again_when_it_dies(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.pid()
        assert await world.supervisor.upgrade([world.part], 30) == ""
        second = await world.pid()
        os.kill(second, signal.SIGKILL)
        assert await world.restarted.get() == "edge.0"
        assert await world.pid() != second

    assert in_world(tmp_path, play).restarted.empty()


def test_stop_in_an_upgrade_leaves_no_process(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.pid()
        upgrading = asyncio.create_task(world.supervisor.upgrade([world.part], 30))
        for _ in range(4):  # the successor is forked, and hardly more
            await asyncio.sleep(0)
        world.supervisor.stop()
        assert await upgrading == STOPPING

    assert in_world(tmp_path, play).ended.qsize() == 2
