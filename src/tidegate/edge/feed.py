"""One log as this worker serves it: its reader, its window, who waits for it and who follows it.

Law: the log is read again only when it changed and someone asks or waits; whatever the number of
viewers, a change is read once, rendered once, and all who waited are woken in one pass. While
nobody would look, the kernel is not asked to tell of changes; it is again before the next read.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tidegate.edge.connection import Connection
from tidegate.edge.response import NOWHERE, Answer
from tidegate.edge.routes import Media, Multivariant
from tidegate.log import LogReader
from tidegate.package.window import Window

Resolve = Callable[[], Answer | None]
Listen = Callable[[bool], None]
"""Whether to be told of changes from now on."""

HOT_SEGMENTS = 4
"""Newest segments whose parts may be held in memory: nearly everyone plays within them."""


class Tail(Protocol):
    """Who follows the log in one protocol (`viewers` of them), and is told first of its growth."""

    viewers: int

    def join(self, connection: Connection, head: Answer) -> None:
        """One more follows."""

    def bides(self) -> bool:
        """The log changed, and was not read: whether this will look at it by itself, in time."""

    def grown(self) -> None:
        """There are new chunks, or none will follow."""


class Feed:
    """The log `name` of `channel`. Raises `LogError` when there is no log in folder `path`.

    Whoever tells it that the log `changed` does so from the start, and is told when to `listen`.
    """

    def __init__(self, channel: str, name: str, path: Path, listen: Listen) -> None:
        self.channel = channel
        self.name = name
        self.reader = LogReader(path)
        self.window = Window(self.reader.timescale)
        self.answers: dict[object, Answer] = {}
        """Answers that hold until the log grows."""
        self.parts: dict[int, Answer] = {}
        """Answers of parts, by number; with their bytes while they are hot."""
        self.segments: dict[int, Answer] = {}
        """Answers of segments, by number, while they are kept."""
        self.inits: dict[int, Answer] = {}
        self.watchers = 0
        self.ended = False
        self.tails: dict[str, Tail] = {}
        """Those who follow, by protocol."""
        self.used_at = 0.0
        self._waiting: dict[Media | Multivariant, tuple[dict[Connection, None], Resolve]] = {}
        self._listen = listen
        self._listens = True
        self._windowed = name.endswith(".cmaf")
        self._seen = self.reader.first
        self.stale = self._superseded = False
        self._take_in()

    @property
    def viewers(self) -> int:
        """Who follows the tail or was last given a playlist here."""
        return self.watchers + sum(tail.viewers for tail in self.tails.values())

    @property
    def awaited(self) -> bool:
        """Whether anyone waits or follows."""
        return bool(self._waiting or self.tails)

    def changed(self) -> None:
        """The index changed, or will before anyone looks."""
        self.stale = True
        if self._waiting or not all(tail.bides() for tail in self.tails.values()):
            self.fresh()
        else:
            self._hear(False)

    def fresh(self) -> None:
        """Bring this up to what the log holds, and wake who waited for it."""
        if not self.stale:
            return
        self.stale = False
        self._hear(True)  # before the read: what is appended in between is seen twice, never missed
        if not self.reader.refresh():
            return
        self._take_in()
        self.wake()

    def wake(self) -> None:
        """Ask again for everyone who waits: once for all who wait for the same."""
        self._tell_tails()
        for route, (bench, resolve) in list(self._waiting.items()):
            answer = resolve()
            if answer is not None:
                del self._waiting[route]
                for connection in list(bench):
                    connection.wake(answer)
            elif not bench:
                del self._waiting[route]

    def bench(self, route: Media | Multivariant, resolve: Resolve) -> dict[Connection, None]:
        """Where to park for `route`; `resolve` is asked at every change until it has an answer."""
        found = self._waiting.get(route)
        if found is None:
            found = self._waiting[route] = ({}, resolve)
        return found[0]

    def hot(self, number: int) -> bool:
        """Whether chunk `number` is so new that nearly everyone still wants it."""
        segments = self.window.segments
        return not segments or number >= segments[-min(HOT_SEGMENTS, len(segments))].first

    def supersede(self) -> None:
        """Nothing will be appended, though nobody said so in the log."""
        self._superseded = True
        self._take_in()
        self.wake()

    def close(self, gone: Answer) -> None:
        """The log is no more: whoever waited is told."""
        self.ended = True
        self.stale = True
        self._tell_tails()
        waiting, self._waiting = self._waiting, {}
        for bench, _ in waiting.values():
            for connection in list(bench):
                connection.wake(gone)
        self._drop_answers()
        for kept in (self.parts, self.segments):
            for answer in kept.values():
                answer.source = NOWHERE  # a cycle with this would hold the files for long
            kept.clear()
        self.reader.close()

    def _hear(self, news: bool) -> None:
        if news != self._listens:
            self._listens = news
            self._listen(news)

    def _tell_tails(self) -> None:
        for tail in list(self.tails.values()):
            tail.grown()

    def _take_in(self) -> None:
        reader = self.reader
        self.ended = reader.ended or self._superseded
        self._drop_answers()
        if self._windowed:
            if self._seen < reader.first:  # all that was known was retired meanwhile
                self.window = Window(reader.timescale)
                self._seen = reader.first
            newest = self.window.last[0]
            self.window.extend(self._seen, reader.records(self._seen, reader.next))
            self.window.retire(reader.first)
            self.window.ended = self.ended
            if newest != self.window.last[0]:
                self._cool()
        self._seen = reader.next

    def _cool(self) -> None:
        """A segment began: let go of bytes that few will ask for now, and of what is retired."""
        first = self.reader.first
        for part, answer in list(self.parts.items()):
            if part < first or (answer.stretch is None and not self.hot(part)):
                self.parts.pop(part).source = NOWHERE
        for segment in [each for each in self.segments if self.window.segment(each) is None]:
            self.segments.pop(segment).source = NOWHERE

    def _drop_answers(self) -> None:
        for answer in self.answers.values():
            answer.source = NOWHERE
        self.answers.clear()
