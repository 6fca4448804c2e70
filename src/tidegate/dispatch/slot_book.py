"""A month's five minutes as they come: who may burst in this one, and what is billed so far.

Law: a slot begins with what is foreseen, and is granted anew while it lasts: a seller counts its
mean, so who burst for a moment may stay at the level by carrying less in the rest. It ends with
what was carried; what lies above a level takes a free slot, granted or not, and where none is left
it is billed from then on.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.pools import summed
from tidegate.dispatch.slot_ahead import foreseen
from tidegate.dispatch.slot_bursts import STARTS
from tidegate.dispatch.slots import Grant, Levels, Now, SlotPlanner, settled
from tidegate.dispatch.topology import Topology
from tidegate.usage import Ledger
from tidegate.usage.ledger import NOISE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
TRIED = 1.0
"""Months of free slots that the trial counts as, beside what bursts took: for what they took in a
few days tells as much of those days as of bursts."""
RESERVE = 0.12
"""Share of the free slots that levels are not planned with at the month's end, beside what whole
bursts waste, for what no forecast said; none at its beginning, and more every day. What is short in
the first weeks is made good by all days left, for little; on the last days it costs more than ten
times as much, for a level is paid all month; and what was held back too early stays unused, for no
level falls."""
UNDONE = 0.3
"""Share of its level that a domain must be left with for the rest of a slot, or it bursts."""
CREDIT = 1.1
"""Of its level, what a domain may carry in the rest of a slot that it began under it: the mean is
what is counted, and a forecast of every domain by itself is seldom right."""
MOST_WORTH = 2.0
"""Times that a Mbit/s may be worth more for the rest of a slot than for a whole one: where there is
hardly room for one, its price has no end."""
BY_LEVEL = ("monthly_95", "fourth_peak", "flat")


class SlotBook:
    """Of one topology and a month of `days`; `levels` and `free` [D] are what holds now."""

    def __init__(self, topology: Topology, planner: SlotPlanner, days: int) -> None:
        self._topology = topology
        self.planner = planner
        self._ledgers = [Ledger(each, days) for each in topology.contracts]
        self._overhead: Floats = np.array([each.overhead for each in topology.contracts])
        self._domain = np.array([site.domain for site in topology.sites])
        domains = len(topology.contracts)
        self.levels = Levels(np.zeros(domains), np.zeros(domains), 0.0, 0.0)
        self.free: Bools = np.zeros(domains, np.bool_)
        self._rest_mbps = self.levels.level_mbps
        self._bursting = self.free
        self._ahead, self._planned_at = np.zeros(0), 0
        self._meant, self._used, self._tried = 0.0, 0.0, 1.0
        self.took = 0.0
        """Free slots of all domains so far."""

    def copy(self) -> "SlotBook":
        """One that goes its own way from here."""
        book = SlotBook(self._topology, self.planner, 0)
        book._ledgers = deepcopy(self._ledgers)
        book.levels, book.free, book._bursting = self.levels, self.free, self._bursting
        book._rest_mbps = self._rest_mbps
        book._ahead, book._planned_at = self._ahead, self._planned_at
        book._meant, book._used, book._tried = self._meant, self._used, self._tried
        book.took = self.took
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
    def allowed_mbps(self) -> Floats:
        """[D]: up to which the rest of this slot costs nothing more where it is not free."""
        less = self._rest_mbps < self.levels.level_mbps
        return np.where(less, self._rest_mbps, np.maximum(self.billed_mbps, self._rest_mbps))

    @property
    def left(self) -> Floats:
        """[D]: free slots."""
        pairs = zip(self._ledgers, self.levels.level_mbps.tolist(), strict=True)
        return np.array([ledger.free_slots_left(level) for ledger, level in pairs], np.float64)

    def plan(self, forecasts_mbps: Floats) -> None:
        """Levels for what is ahead: by each of some forecasts every slot to come, [F, T, G]. How
        much of free slots whole bursts leave unused is learnt by trial at first, and then from what
        they took, before it is too late: a level raised on the last day is paid all month. Raises
        `Unsolved`."""
        kept = 0.0
        if self.slots:
            room_mbps = self.planner.room_mbps(self.levels.level_mbps)
            trial = TRIED * ((self.left * room_mbps).sum() + self._used)
            used = trial / self._tried + self._used
            past = self.slots / (self.slots + forecasts_mbps.shape[1])
            kept = (1.0 - RESERVE * past) * min(1.0, (trial + self._meant) / max(used, 1.0))
        ahead, row = foreseen(forecasts_mbps, self.left, self.billed_mbps, kept)
        planned = self.planner.plan_levels(ahead)
        if not self.slots:
            self._tried = planned.kept
        self.levels = settled(self.levels if self.slots else None, planned)
        self._ahead = planned.above_mbps[row].mean(axis=0)
        self._planned_at = self.slots

    def begin(self, demand_mbps: Floats, up: Bools) -> Grant:
        """A slot, as it is foreseen: [G], [S]. Raises `Unsolved`."""
        self.free = np.zeros(len(self._ledgers), np.bool_)
        return self.again(demand_mbps, up, np.zeros(len(self._domain)), 0.0)

    def again(self, demand_mbps: Floats, up: Bools, load_mbps: Floats, over: float) -> Grant:
        """Within a slot, as it turns out: of it the share `over` is past, less than 1, in which
        sites carried load_mbps [S]. Raises `Unsolved`."""
        level, left = self.levels.level_mbps, self.left
        rest = (level - over * self._counted(load_mbps)) / (1.0 - over)
        spent = (rest < UNDONE * level) & (left > 0)
        self._rest_mbps = np.clip(rest, 0.0, CREDIT * level)
        now = Now(demand_mbps, self._rest_mbps, left, self._bursting | self.free, spent, up)
        starts = STARTS if over else 1  # a slot is begun by a guess, and soon granted anew
        grant = self.planner.grant(now, self._worth_yuan(), starts)
        self.free = grant.free
        return grant

    def _worth_yuan(self) -> Floats:
        """[D]: of a Mbit/s above what is left for the rest of this slot. What a whole slot is worth
        does not depend on what it began with."""
        room_mbps = self.planner.room_mbps
        whole, rest = room_mbps(self.levels.level_mbps), room_mbps(self._rest_mbps)
        return self.levels.burst_yuan * np.minimum(whole / np.maximum(rest, 1.0), MOST_WORTH)

    def _counted(self, load_mbps: Floats) -> Floats:
        """[D], as billed, of [S]."""
        return summed(self._domain, load_mbps, len(self._ledgers)) * self._overhead

    def close(self, load_mbps: Floats) -> None:
        """The slot is over: [S], what was carried, the mean over it."""
        counted, level, left = self._counted(load_mbps), self.levels.level_mbps, self.left
        above = counted > level * (1.0 + NOISE)
        billed = above & (left <= 0)
        payload = counted / self._overhead
        for ledger, each in zip(self._ledgers, payload.tolist(), strict=True):
            ledger.add(each)
        self.levels = replace(self.levels, level_mbps=np.where(billed, counted, level))
        self._bursting, self._rest_mbps = self.free, self.levels.level_mbps
        taken = above & ~billed
        self.took += float(taken.sum())
        self._used += float(self.planner.room_mbps(level)[taken].sum())
        nth = self.slots - 1 - self._planned_at
        self._meant += float(self._ahead[nth]) if nth < len(self._ahead) else 0.0

    @property
    def yuan(self) -> float:
        """Of the month, were nothing more to come, by the rules that bill a month's level."""
        pairs = zip(self._topology.contracts, self.billed_mbps.tolist(), strict=True)
        return float(sum(each.price * level for each, level in pairs if each.rule in BY_LEVEL))
