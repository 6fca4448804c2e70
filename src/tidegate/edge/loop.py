"""One thread, one epoll: the only place that waits.

Law: the clock is read once a turn; a descriptor closed in a turn is not accepted again before the
turn's end, because accepting is deferred, so no event ever reaches a stranger.
"""

import heapq
import select
import time
from collections.abc import Callable
from typing import Protocol

from tidegate.edge.timers import Wheel

CONNECTED = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
"""What a connection is told of: every change, once."""
BROKEN = select.EPOLLERR | select.EPOLLHUP
PEER_ENDED = select.EPOLLRDHUP
NEWS = select.EPOLLIN | PEER_ENDED
WRITABLE = select.EPOLLOUT
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
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._rung = 0
        self.running = False
        self.busy_s = 0.0
        """Seconds spent on anything but waiting."""
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

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call once the clock shows `when`: exact, where the wheel is cheap."""
        self._rung += 1
        heapq.heappush(self._alarms, (when, self._rung, call))

    def clock(self) -> float:
        """The time now, where `now` is the turn's."""
        return self._clock()

    def run(self) -> None:
        """Turn until `stop`."""
        self.start()
        while self.running:
            self.turn()

    def start(self) -> None:
        """Whoever turns by itself begins."""
        self.running = True

    def stop(self) -> None:
        """Make `run` return at the end of this turn."""
        self.running = False

    def turn(self) -> None:
        """Wait for events, hand them out, expire deadlines, then make the deferred calls."""
        before = self._clock()
        self.busy_s += before - self.now
        events = self._epoll.poll(self._patience(before), EVENTS_A_TURN)
        self.now = now = self._clock()
        handlers = self._handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is not None:
                handler.ready(mask)
        self.wheel.turn(now)
        alarms = self._alarms
        while alarms and alarms[0][0] <= now:
            heapq.heappop(alarms)[2]()
        if self._deferred:
            deferred, self._deferred = self._deferred, []
            for call in deferred:
                call()

    def _patience(self, now: float) -> float:
        """Seconds that epoll may wait; -1 is for ever."""
        if self._deferred:
            return 0.0
        wait = self.wheel.wait(now)
        if self._alarms:
            soonest = max(0.0, self._alarms[0][0] - now)
            return soonest if wait < 0 else min(wait, soonest)
        return wait

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()
