"""Free five minutes of contracts by percentile: the month's levels, and who bursts when.

Law: a domain that is billed at level b for all but F slots may carry anything in those F. Levels
are chosen that cost least and yet carry every slot (`plan_levels`); in each slot those burst whose
burst is worth least later (`grant`). Levels are planned again as the month goes, so what was
forecast wrong on the first days is paid for over all days left, and not by the last.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.policy import Policy
from tidegate.dispatch.pools import Paths, summed
from tidegate.dispatch.slot_ahead import Ahead
from tidegate.dispatch.slot_bursts import STARTS, TINY, Offer, fewest, islands
from tidegate.dispatch.slot_model import INF, Shape
from tidegate.dispatch.slot_month import Answer, Month, levels
from tidegate.dispatch.slot_now import Placed, Slot
from tidegate.dispatch.topology import Topology
from tidegate.usage.contract import SAMPLE_S

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
GBIT = 1000.0
LOST = 1e5
"""Price of a Gbit/s that no site carries for one slot, yuan."""
STICKY = 0.95
"""Price of going on to burst, of one for a domain that did not burst just now."""
RTT_YUAN = 1e-3
"""A Gbit/s for one slot and millisecond: decides between what costs the same."""
BURST_SLOTS, FEW_SLOTS = 1500.0, 50.0
"""About as many slots of a month lie above a level that is well planned, and more than so few do:
what it costs over so many is what not to lie above it in one of them is worth at least, and at
most. A domain without room has any price, and one dearer than a level would raise levels."""
DAY_SLOTS = 144.0
"""A free day of a fourth peak is worth a month's level for so many slots: kept for what is rare."""
LAST = 0.05
"""Share of the mean of free slots left below which they are no dearer: whose last ones are gone
before others' pays what it must carry then for a whole month."""
SURPRISED = 0.97
"""Bursts that a slot takes where it is known before it comes, of those that it takes by forecast
and then as it came: 3 % less, in months of 5 % noise."""
PLANS = 2
"""Times that levels are planned to learn how many slots whole bursts will take."""
RAISE = 1.001
"""New levels are taken where they cost more than the old by this: every plan errs a little, and a
level never falls, so the highest of many plans would stand. A region that will run short is no
more than a few parts in a thousand of the bill while there is time to raise it."""


@dataclass(frozen=True)
class Levels:
    """level_mbps [D], as billed; burst_yuan [D]: what a Mbit/s above it for one slot is worth;
    yuan: what the levels cost a month; lost_mbps: the most that no site carries in a slot; kept:
    share of the free slots that they were planned with; above_mbps [T]: what was meant to lie above
    them in each of the slots they were planned for."""

    level_mbps: Floats
    burst_yuan: Floats
    yuan: float
    lost_mbps: float
    kept: float = 1.0
    above_mbps: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Now:
    """A slot that comes, or the rest of one: demand_mbps [G]; level_mbps [D], as billed, which is
    to be kept to; slots_left [D], free ones; bursting: bool [D], who does already or did in the
    slot before; spent: bool [D], who will lie above its level in this one anyway; up: bool [S]."""

    demand_mbps: Floats
    level_mbps: Floats
    slots_left: Floats
    bursting: Bools
    spent: Bools
    up: Bools


@dataclass(frozen=True)
class Grant:
    """free: bool [D], who may burst in this slot; level_mbps [D]: raised where that does not
    suffice; load_mbps [S]: how the slot's demand would be carried, by flow_mbps [Q]."""

    free: Bools
    level_mbps: Floats
    load_mbps: Floats
    flow_mbps: Floats


def settled(held: Levels | None, planned: Levels) -> Levels:
    """The levels to go on with, when they are planned anew; prices are always the new ones."""
    if held is None or planned.yuan > RAISE * held.yuan:
        return planned
    return replace(planned, level_mbps=held.level_mbps, yuan=held.yuan)


class SlotPlanner:
    """Of one topology; it holds the warm model of a slot."""

    def __init__(self, topology: Topology, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._paths = paths = Paths.of(topology)
        self._shape = Shape.of(paths)
        self._contracts = topology.contracts
        self._pool = np.zeros(len(topology.groups), np.int64)
        self._pool[paths.group] = paths.pool[paths.pool_path]
        self._overhead = np.array([each.overhead for each in topology.contracts])
        self._flow_price = self._flow_prices()
        self._rise_price = self._rise_prices()
        self._above_price = self._above_prices()
        self._slot = Slot(paths, self._shape, self._flow_price, LOST)
        self._island = islands(paths, self._shape)

    def plan_levels(self, ahead: Ahead) -> Levels:
        """Levels with which whole bursts suffice: planned with a share of the free slots, for some
        will not fill their sites, and some meet what was not foreseen. How many do is tried on
        slots other than those that the levels were made for. Raises `Unsolved`."""
        kept, learn, rest = ahead.kept or 1.0, ahead.part(0), ahead.part(1)
        for _ in range(0 if ahead.kept or len(ahead.slots) < 2 else PLANS):
            _, planned = self._levels(learn, kept)
            trials = [self._trial(row, planned, ahead.slots_left) for row in rest.demand_mbps]
            parts, whole = rest.slots @ np.array(trials)
            kept = SURPRISED * min(1.0, (parts + TINY) / (whole + TINY))
        return self._levels(ahead, kept)[1]

    def bound(self, ahead: Ahead) -> Levels:
        """What no plan can stay under, were bursts not whole slots, and no slot but those given."""
        return self._levels(ahead, 1.0)[1]

    def _levels(self, ahead: Ahead, kept: float) -> tuple[Answer, Levels]:
        base, most = self._base(ahead.sunk_mbps), self._most(None)
        domain_most = self._by_domain(most)
        can_rise = np.array([each.rule not in ("flat", "volume") for each in self._contracts])
        bursts = np.array([each.rule == "monthly_95" for each in self._contracts])
        answer = levels(self._paths, self._shape, Month(
            demand=np.array([self._pooled(row) for row in ahead.demand_mbps]),
            slots=np.asarray(ahead.slots, np.float64),
            forecast=ahead.forecast,
            base=base,
            most=domain_most,
            rise_most=np.where(can_rise, np.maximum(domain_most - base, 0.0), 0.0),
            price=self._rise_price,
            flow_price=self._flow_price,
            free=np.where(bursts, kept * ahead.slots_left, 0.0),
            site_most=most,
            lost=LOST,
        ))  # fmt: skip
        level = np.where(np.isfinite(base), base + answer.rise, 0.0) * self._overhead * GBIT
        yuan = float((self._rise_price * answer.rise).sum()) + self._paid(base)
        days = np.array([each.rule == "fourth_peak" for each in self._contracts])
        evened = self._evened(answer.worth, bursts)
        worth = np.where(days, self._rise_price / DAY_SLOTS, evened) / GBIT
        lost_mbps = float(answer.lost.max()) * GBIT
        return answer, Levels(level, worth, yuan, lost_mbps, kept, GBIT * answer.above)

    def _evened(self, worth: Floats, bursts: Bools) -> Floats:
        """A burst is worth at least what bursts are in the mean, at its domain's price, and what
        they are in a good plan: one that sees more of them than it needs sees one month of many,
        and what counts for nothing is soon gone."""
        price = np.where(bursts, self._rise_price, 0.0)
        worth = np.minimum(worth, price / FEW_SLOTS)
        mean = float(worth[bursts].sum() / max(price.sum(), TINY))
        return np.asarray(np.maximum(worth, max(mean, 1.0 / BURST_SLOTS) * price), np.float64)

    def _trial(
        self, demand_mbps: Floats, planned: Levels, slots_left: Floats
    ) -> tuple[float, float]:
        """What lies above the levels in such a slot, and the room of those who burst for it."""
        none = np.zeros(self._shape.domains, np.bool_)
        up = np.ones(self._shape.sites, np.bool_)
        now = Now(demand_mbps, planned.level_mbps, slots_left, none, none, up)
        offer = self._offer(now, planned.burst_yuan)
        whole = fewest(offer, self._island).burst > TINY
        return float(offer.in_parts().burst.sum()), float(offer.room[whole].sum())

    def grant(self, now: Now, burst_yuan: Floats, starts: int = STARTS) -> Grant:
        """Who bursts in the slot that comes; asked again within it, who does besides those that
        have `spent` it. Raises `Unsolved`."""
        found = fewest(self._offer(now, burst_yuan), self._island, starts)
        raised = np.where(found.above > TINY, found.above, 0.0) * self._overhead * GBIT
        free = now.spent | (found.burst > TINY)
        return Grant(free, now.level_mbps + raised, found.load * GBIT, found.flow * GBIT)

    def room_mbps(self, level_mbps: Floats) -> Floats:
        """[D]: how far above its level a domain may lie, as billed."""
        room = self._by_domain(self._most(None)) * self._overhead * GBIT - level_mbps
        return np.maximum(np.where(np.isfinite(level_mbps), room, 0.0), 0.0)

    def carried(self, grant: Grant, demand_mbps: Floats) -> Floats:
        """[S]: the load where viewers are placed as granted, and come as `demand_mbps` [G]."""
        pool = self._paths.pool[self._shape.flow]
        meant = summed(pool, grant.flow_mbps, self._shape.pools)
        came = self._pooled(demand_mbps) * GBIT / np.maximum(meant, TINY)
        return self._slot.load(grant.flow_mbps * came[pool])

    def _offer(self, now: Now, burst_yuan: Floats) -> Offer:
        most, level = self._most(now.up), self._base(now.level_mbps)
        room = np.maximum(self._by_domain(most) - level, 0.0)
        room = np.where(now.spent | (now.slots_left > 0), room, 0.0)
        worth = burst_yuan * GBIT * _scarcity(now.slots_left)
        worth = np.where(now.spent, 0.0, np.where(now.bursting, STICKY * worth, worth))
        demand = self._pooled(now.demand_mbps)

        def solve(room: Floats, price: Floats) -> Placed:
            return self._slot.solve(demand, most, level, (room, price, self._above_price))

        return Offer(room, worth, now.spent, solve)

    def _pooled(self, demand_mbps: Floats) -> Floats:
        """[P], Gbit/s."""
        return summed(self._pool, demand_mbps, self._shape.pools) / GBIT

    def _by_domain(self, value: Floats) -> Floats:
        return summed(self._paths.domain, value, self._shape.domains)

    def _most(self, up: Bools | None) -> Floats:
        """[S], Gbit/s: up to the ceiling."""
        most = self._policy.ceiling * self._paths.capacity_mbps / GBIT
        return most if up is None else np.where(up, most, 0.0)

    def _base(self, sunk_mbps: Floats) -> Floats:
        """[D], Gbit/s of payload that costs nothing more; infinite where the GB is billed."""
        commit = np.array([each.commit_mbps for each in self._contracts])
        volume = np.array([each.rule == "volume" for each in self._contracts])
        base = np.maximum(sunk_mbps, commit) / self._overhead / GBIT
        return np.where(volume, INF, base)

    def _paid(self, base: Floats) -> float:
        held = np.isfinite(base)
        return float((self._rise_price * np.where(held, base, 0.0)).sum())

    def _rise_prices(self) -> Floats:
        """[D], yuan a month for a Gbit/s of payload more at all times."""
        billed = np.array([each.rule != "volume" for each in self._contracts])
        price = np.array([each.price for each in self._contracts])
        return np.where(billed, price * self._overhead * GBIT, 0.0)

    def _above_prices(self) -> Floats:
        flat = np.array([each.rule == "flat" for each in self._contracts])
        return np.where(flat, LOST / 2, np.maximum(self._rise_price, 1.0))

    def _flow_prices(self) -> Floats:
        """[flows]: yuan of a Gbit/s for one slot, by the GB and by nearness."""
        paths, topology = self._paths, self._paths.topology
        gb = SAMPLE_S / 8.0
        price = np.array([
            each.price * each.overhead * gb if each.rule == "volume" else 0.0
            for each in self._contracts
        ])  # fmt: skip
        rtt = topology.rtt_ms[paths.group, paths.place].astype(np.float64)
        count = np.bincount(paths.pool_path, minlength=len(paths.pool))
        near = summed(paths.pool_path, rtt, len(paths.pool)) / np.maximum(count, 1)
        cost = price[paths.domain[paths.pool_site]] + RTT_YUAN * near
        return np.asarray(cost[self._shape.flow], np.float64)


def _scarcity(left: Floats) -> Floats:
    """[D], about 1: who has more free slots left than others bursts sooner."""
    mean = max(float(left.mean()), 1.0)
    return np.asarray(mean / np.maximum(left, LAST * mean), np.float64)
