"""Several processes as one load: each has its share of the viewers, and their seconds add up.

Law: a process that dies takes its own viewers with it and is told of; the others' figures stand.
"""

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait

import msgspec

from tidegate.edge.loop import Loop
from tidegate.load.crew import Crew
from tidegate.load.engine import Engine, raise_file_limit
from tidegate.load.outcome import Moment, Outcome
from tidegate.load.plan import Audience
from tidegate.load.player import Rules
from tidegate.load.target import Target, TargetError, kind_of

GARBAGE = 100_000
"""Objects more than there were, at which Python looks for cycles: each look goes over all viewers,
and the few cycles of those who left are small."""
CONNECTIONS_A_VIEW = {"hls": 4}
"""A playlist and a piece, of video and of sound; a progressive body needs one."""


class _Word(msgspec.Struct):
    """What a process says: a second passed, or all is over, or why it could not be."""

    moment: Moment | None = None
    outcome: Outcome | None = None
    trouble: str = ""


Tell = Callable[[int, Moment], None]
"""Hears of every second of every process: its number, and what it saw."""


def run_load(
    target: Target, audience: Audience, rules: Rules, processes: int, low_latency: bool, tell: Tell
) -> Outcome:
    """Load `target` with `audience`. Raises `TargetError` when that cannot be done."""
    context = multiprocessing.get_context("fork")
    pipes: dict[Connection, int] = {}
    children = []
    for number, share in enumerate(_shares(audience, processes)):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(
            target=_child, args=(theirs, target, share, rules, low_latency), name=f"load {number}"
        )
        child.start()
        theirs.close()
        pipes[ours] = number
        children.append(child)
    try:
        return _gather(pipes, tell)
    finally:
        for child in children:
            child.terminate()
            child.join()


def _gather(pipes: dict[Connection, int], tell: Tell) -> Outcome:
    whole = Outcome()
    trouble = ""
    silent = set(pipes.values())
    while pipes:
        for pipe in wait(list(pipes)):
            assert isinstance(pipe, Connection)  # noqa: S101  (wait returns what it was given)
            try:
                word = msgspec.msgpack.decode(pipe.recv_bytes(), type=_Word)
            except EOFError:
                del pipes[pipe]
                continue
            trouble = trouble or word.trouble
            if word.outcome is not None or word.trouble:
                silent.discard(pipes[pipe])
            if word.moment is not None:
                tell(pipes[pipe], word.moment)
            if word.outcome is not None:
                whole.add(word.outcome)
    if trouble or silent:
        raise TargetError(trouble or f"{len(silent)} of the processes ended without a word")
    return whole


def _shares(audience: Audience, processes: int) -> Iterator[Audience]:
    each, more = divmod(audience.viewers, processes)
    for number in range(processes):
        yield replace(audience, viewers=each + (number < more), seed=audience.seed + number)


def _child(
    pipe: Connection, target: Target, audience: Audience, rules: Rules, low_latency: bool
) -> None:
    def say(word: _Word) -> None:
        pipe.send_bytes(msgspec.msgpack.encode(word))

    gc.set_threshold(GARBAGE)
    kind = kind_of(target.url)
    try:
        raise_file_limit(audience.viewers * CONNECTIONS_A_VIEW.get(kind, 1))
        crew = Crew(Loop(time.monotonic), target, rules, low_latency)
        say(_Word(outcome=Engine(crew, audience, lambda moment: say(_Word(moment))).run()))
    except TargetError as error:
        say(_Word(trouble=str(error)))
    except KeyboardInterrupt:
        return
