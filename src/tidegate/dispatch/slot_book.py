"""A month's five minutes as they come: who may burst in this one, and what is billed so far.

Law: a slot begins with what is foreseen, may be granted more while it lasts, and ends with what was
carried; what lies above a level takes a free slot, granted or not, and where none is left it is
billed from then on.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.slots import FORESEEN, Ahead, Grant, Levels, Now, SlotPlanner, settled
from tidegate.dispatch.topology import Topology
from tidegate.usage import Ledger
from tidegate.usage.ledger import NOISE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
LEARNT_FROM = 10
"""Bursts of a domain, in the mean, from which what they took says more than a trial."""
BY_LEVEL = ("monthly_95", "fourth_peak", "flat")


class SlotBook:
    """Of one topology and a month of `days`; `levels` and `free` [D] are what holds now."""

    def __init__(self, topology: Topology, planner: SlotPlanner, days: int) -> None:
        self._topology = topology
        self._planner = planner
        self._ledgers = [Ledger(each, days) for each in topology.contracts]
        self._overhead = np.array([each.overhead for each in topology.contracts])
        self._domain = np.array([site.domain for site in topology.sites])
        domains = len(topology.contracts)
        self.levels = Levels(np.zeros(domains), np.zeros(domains), 0.0, 0.0)
        self.free: Bools = np.zeros(domains, np.bool_)
        self._bursting = self.free
        self._ahead, self._planned_at = np.zeros(0), 0
        self._meant = 0.0
        self.took = 0.0
        """Free slots of all domains so far."""

    def copy(self) -> "SlotBook":
        """One that goes its own way from here."""
        book = SlotBook(self._topology, self._planner, 0)
        book._ledgers = deepcopy(self._ledgers)
        book.levels, book.free, book._bursting = self.levels, self.free, self._bursting
        book._ahead, book._planned_at = self._ahead, self._planned_at
        book._meant, book.took = self._meant, self.took
        return book

    @property
    def slots(self) -> int:
        """That are over."""
        return self._ledgers[0].samples

    @property
    def billed_mbps(self) -> Floats:
        """[D]: up to which traffic costs nothing more, as the seller counts."""
        return np.maximum(self.levels.level_mbps, [each.level_mbps for each in self._ledgers])

    @property
    def left(self) -> Floats:
        """[D]: free slots."""
        pairs = zip(self._ledgers, self.levels.level_mbps.tolist(), strict=True)
        return np.array([ledger.free_slots_left(level) for ledger, level in pairs], np.float64)

    def plan(self, demand_mbps: Floats, label: Ints) -> None:
        """Levels for what is ahead: of each slot to come in order, which row of [T, G] stands for
        it. How many free slots whole bursts take is learnt by trial at first, and then from what
        they took, before it is too late: a level raised on the last day is paid all month. Raises
        `Unsolved`."""
        slots = np.bincount(label, minlength=len(demand_mbps)).astype(float)
        some = slots > 0
        kept = self.levels.kept if self.slots else 0.0
        if self.took > LEARNT_FROM * len(self._ledgers):
            kept = FORESEEN * min(1.0, self._meant / self.took)
        ahead = Ahead(demand_mbps[some], slots[some], self.left, self.billed_mbps, kept)
        planned = self._planner.plan_levels(ahead)
        self.levels = settled(self.levels if self.slots else None, planned)
        self._ahead = planned.bursts[np.cumsum(some)[label] - 1]
        self._planned_at = self.slots

    def begin(self, demand_mbps: Floats, up: Bools) -> Grant:
        """A slot, as it is foreseen: [G], [S]. Raises `Unsolved`."""
        self.free = np.zeros(len(self._ledgers), np.bool_)
        return self.again(demand_mbps, up)

    def again(self, demand_mbps: Floats, up: Bools) -> Grant:
        """Within a slot, as it turns out: who was granted keeps it. Raises `Unsolved`."""
        now = Now(demand_mbps, self.left, self._bursting, self.free, up)
        grant = self._planner.grant(now, self.levels)
        self.free = grant.free
        return grant

    def close(self, load_mbps: Floats) -> None:
        """The slot is over: [S], what was carried, the mean over it."""
        mbps = np.bincount(self._domain, load_mbps, len(self._ledgers))
        counted, level, left = mbps * self._overhead, self.levels.level_mbps, self.left
        above = counted > level * (1.0 + NOISE)
        billed = above & (left <= 0)
        for ledger, each in zip(self._ledgers, mbps.tolist(), strict=True):
            ledger.add(each)
        self.levels = replace(self.levels, level_mbps=np.where(billed, counted, level))
        self._bursting = self.free
        self.took += float((self.free | (above & ~billed)).sum())
        nth = self.slots - 1 - self._planned_at
        self._meant += float(self._ahead[nth]) if nth < len(self._ahead) else 0.0

    @property
    def yuan(self) -> float:
        """Of the month, were nothing more to come, by the rules that bill a month's level."""
        pairs = zip(self._topology.contracts, self.billed_mbps.tolist(), strict=True)
        return float(sum(each.price * level for each, level in pairs if each.rule in BY_LEVEL))
