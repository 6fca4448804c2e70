"""Deadlines by the thousand: a wheel of slots that costs nothing while nothing is late.

Law: moving a deadline later is one attribute write. An item lies in the slot of the earliest
deadline it was ever watched for; when that slot comes, it either is due or moves on.
"""

import heapq
from typing import Protocol

TICK_S = 0.25
"""Width of a slot in seconds: no deadline of a viewer is finer than that."""

NEVER = float("inf")
NO_SLOT = 1 << 62


class Timed(Protocol):
    """`deadline`: the loop's seconds, or `NEVER`. `slot` is the wheel's own."""

    deadline: float
    slot: int

    def expire(self, now: float) -> None:
        """The deadline passed."""


class Wheel:
    """Items in slots of `TICK_S` seconds. Pure: the clock is an argument."""

    def __init__(self) -> None:
        self._slots: dict[int, list[Timed]] = {}
        self._order: list[int] = []

    def watch(self, item: Timed) -> None:
        """Hold `item` to its deadline; needed after it was set for the first time or earlier."""
        if item.deadline == NEVER:
            return
        slot = int(item.deadline / TICK_S) + 1
        if slot >= item.slot:
            return
        item.slot = slot
        held = self._slots.get(slot)
        if held is None:
            held = self._slots[slot] = []
            heapq.heappush(self._order, slot)
        held.append(item)

    def turn(self, now: float) -> None:
        """Expire what is due at `now`, in the order of slots."""
        current = int(now / TICK_S)
        while self._order and self._order[0] <= current:
            slot = heapq.heappop(self._order)
            for item in self._slots.pop(slot):
                if item.slot == slot:
                    item.slot = NO_SLOT
                    self._settle(item, now)

    def wait(self, now: float) -> float:
        """Seconds from `now` until `turn` may have work; -1 when the wheel is empty."""
        if not self._order:
            return -1
        return max(0.0, self._order[0] * TICK_S - now)

    def _settle(self, item: Timed, now: float) -> None:
        if item.deadline <= now:
            item.expire(now)
        else:
            self.watch(item)


class Timer:
    """A call at a time: the smallest thing a `Wheel` can hold."""

    __slots__ = ("_call", "deadline", "slot")

    def __init__(self, call: "Callback") -> None:
        self._call = call
        self.deadline = NEVER
        self.slot = NO_SLOT

    def expire(self, now: float) -> None:
        """Call, once; the callee may set the next deadline."""
        self.deadline = NEVER
        self._call(now)


class Callback(Protocol):
    """What a `Timer` calls, with the loop's time."""

    def __call__(self, now: float, /) -> None: ...
