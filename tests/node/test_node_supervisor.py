"""The supervisor over parts that cannot run: it tries again, counts, and still ends when asked."""

import asyncio
import signal

import pytest

from tidegate.node.part import Brief
from tidegate.node.supervisor import Counts, Part, Supervisor, describe
from tidegate.settings import Settings

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
