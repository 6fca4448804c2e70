"""One thread, one epoll: the only place that waits.

Law: the clock is read once a turn; a descriptor closed in a turn is not accepted again before the
turn's end, because accepting is deferred, so no event ever reaches a stranger.
"""

import select
import time
from collections.abc import Callable
from typing import Protocol

from tidegate.edge.timers import Wheel

EVENTS_A_TURN = 1024
"""Events taken from the kernel at once: enough to amortise the call, few enough to stay fair."""


class Ready(Protocol):
    """What is told of a descriptor's events."""

    def ready(self, events: int) -> None:
        """`events` is epoll's mask."""


class Loop:
    """Descriptors to handlers, deadlines, and calls put off to the end of the turn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._epoll = select.epoll()
        self._handlers: dict[int, Ready] = {}
        self._deferred: list[Callable[[], None]] = []
        self._running = False
        self.wheel = Wheel()
        self.now = clock()

    def add(self, fd: int, handler: Ready, events: int = select.EPOLLIN) -> None:
        """Tell `handler` of `events` at `fd`."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def remove(self, fd: int) -> None:
        """Forget `fd`, which is still open."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def forget(self, fd: int) -> None:
        """Forget `fd`, which its owner closes now: the kernel forgets it with its last copy."""
        self._handlers.pop(fd, None)

    def defer(self, call: Callable[[], None]) -> None:
        """Call at the end of this turn."""
        self._deferred.append(call)

    def run(self) -> None:
        """Turn until `stop`."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        """Make `run` return at the end of this turn."""
        self._running = False

    def turn(self) -> None:
        """Wait for events, hand them out, expire deadlines, then make the deferred calls."""
        timeout = 0.0 if self._deferred else self.wheel.wait(self._clock())
        events = self._epoll.poll(timeout, EVENTS_A_TURN)
        self.now = self._clock()
        handlers = self._handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is not None:
                handler.ready(mask)
        self.wheel.turn(self.now)
        if self._deferred:
            deferred, self._deferred = self._deferred, []
            for call in deferred:
                call()

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()
