"""A plan's other parts, once it is decided who goes where: refuges, caps, when to ask again."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.assign import orders
from tidegate.dispatch.model import Figures, Flows
from tidegate.dispatch.moment import GBIT, Rules
from tidegate.dispatch.plan import Plan, Source
from tidegate.dispatch.pools import shares
from tidegate.dispatch.reasons import Decided, reasons
from tidegate.dispatch.snapshot import Snapshot

Floats = npt.NDArray[np.float64]
BACKUPS = 3
LEAST_SHARE = 1e-4
"""A share below it is none: it would send a handful of viewers and keep a path in the plan."""
MOVED = 0.01
"""A group whose shares changed by this much in all was moved."""
TINY_GBPS = 1e-3


@dataclass(frozen=True)
class Outcome:
    """weights [G, K]; load [S], Gbit/s; flows where the solver gave them; words for the reasons, of
    which the first `grave` come before all others."""

    source: Source
    weights: Floats
    load: Floats
    flows: Flows | None
    words: tuple[str, ...] = ()
    grave: int = 0


def plan_of(rules: Rules, snapshot: Snapshot, figures: Figures, outcome: Outcome) -> Plan:
    """The plan, whole."""
    weights = _clean(outcome.weights)
    refuges = spare(rules, figures, outcome.load)
    caps, shed = _caps(snapshot, figures, outcome.flows)
    overflow, last = _overflow(rules, figures, outcome), snapshot.last
    decided = Decided(weights, outcome.load, caps, shed, overflow)
    why = reasons(rules, snapshot, figures, outcome.flows, decided)
    return Plan(
        generation=_generation(snapshot),
        made_at=snapshot.now,
        source=outcome.source,
        weights=weights.astype(np.float32),
        backups=orders(rules.paths.topology.candidates, refuges, BACKUPS),
        ttl_s=_ttl(rules, snapshot, figures, weights),
        ladder_cap_kbps=caps.astype(np.float32),
        overflow_mbps=overflow,
        reasons=outcome.words[: outcome.grave] + why + outcome.words[outcome.grave :],
        shed_mbps=shed,
        spare=refuges.astype(np.float32),
        moved_at=_moved_at(snapshot, weights, None if last is None else last.weights),
        prices=None if outcome.flows is None else outcome.flows.prices,
    )


def again(
    rules: Rules, snapshot: Snapshot, figures: Figures, last: Plan, words: tuple[str, ...]
) -> Plan:
    """The last plan: itself, or with other words, or other times where an alarm began or ended."""
    ttl_s = _ttl(rules, snapshot, figures, last.weights)
    if not words and (ttl_s == last.ttl_s).all():
        return last
    number = last.generation + 1
    return replace(last, generation=number, made_at=snapshot.now, ttl_s=ttl_s, reasons=words)


def arrived(plan: Plan, now: float) -> npt.NDArray[np.bool_]:
    """[G]: whether everyone has asked again since the group's shares last changed."""
    if plan.moved_at is None:
        return np.zeros(len(plan.weights), np.bool_)
    return np.asarray(plan.moved_at + plan.ttl_s < now, np.bool_)


def _generation(snapshot: Snapshot) -> int:
    """One more than the last; who knows none begins at the clock's tenths of a second, above what
    it made before it was restarted."""
    if snapshot.last is not None:
        return snapshot.last.generation + 1
    return max(1, int(snapshot.now * 10))


def _clean(weights: Floats) -> Floats:
    return shares(np.where(weights < LEAST_SHARE, 0.0, weights))


def spare(rules: Rules, figures: Figures, load: Floats) -> Floats:
    """By what is left on each refuge; by capacity where nothing is left."""
    paths, policy = rules.paths, rules.policy
    left = np.maximum(policy.full * figures.capacity - load, 0.0)
    taken = np.zeros(len(paths.pool), np.bool_)
    taken[paths.refuges[1]] = True
    usable = (figures.capacity > 0)[paths.site] & taken[paths.pool_path]
    spare = paths.square(np.where(usable, left[paths.site], 0.0))
    for otherwise in (figures.capacity[paths.site], np.ones(len(paths.site))):
        none = spare.sum(axis=1, keepdims=True) <= TINY_GBPS
        spare = np.where(none, paths.square(otherwise), spare)
    return shares(spare)


def _caps(snapshot: Snapshot, figures: Figures, flows: Flows | None) -> tuple[Floats, float]:
    """[G]: the highest rung that saves what is to be shed; and Mbit/s shed in all."""
    groups = len(figures.demand)
    caps = np.full(groups, np.inf)
    if flows is None or len(flows.shed) < 2:
        return caps, 0.0
    shed = flows.shed[:-1].sum(axis=0)
    saved = np.cumsum(figures.shed_most[:-1], axis=0)
    steps = 1 + (saved < shed - TINY_GBPS).sum(axis=0)
    rungs = np.array(snapshot.ladder_kbps)[::-1]
    capped = shed > TINY_GBPS
    caps[capped] = rungs[np.minimum(steps, len(rungs) - 1)[capped]]
    return caps, float(shed[capped].sum()) * GBIT


def _overflow(rules: Rules, figures: Figures, outcome: Outcome) -> float:
    """Mbit/s above what sites hold, or that no site carries."""
    over = np.maximum(outcome.load - rules.policy.full * figures.capacity, 0.0).sum()
    if outcome.flows is not None:
        over += outcome.flows.shed[-1].sum()
    return float(over) * GBIT if over > TINY_GBPS else 0.0


def _ttl(
    rules: Rules, snapshot: Snapshot, figures: Figures, weights: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """Short for groups that have viewers on a site that is down or above the ceiling."""
    paths, policy = rules.paths, rules.policy
    hot = snapshot.load_mbps > policy.ceiling * figures.capacity * GBIT
    alarm = (hot | ~snapshot.up)[paths.site] | ~figures.open
    served = snapshot.served[paths.group, paths.place]
    there = np.bincount(paths.group, served * alarm, len(weights))
    return np.where(there > 0.01, policy.alarm_ttl_s, policy.ttl_s).astype(np.float32)


def _moved_at(
    snapshot: Snapshot, weights: Floats, before: npt.NDArray[np.float32] | None
) -> Floats:
    moved = np.full(len(weights), -np.inf)
    if before is None or before.shape != weights.shape:
        return moved
    if snapshot.last is not None and snapshot.last.moved_at is not None:
        moved = snapshot.last.moved_at
    return np.where(np.abs(weights - before).sum(axis=1) > 2 * MOVED, snapshot.now, moved)
