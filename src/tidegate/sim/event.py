"""An event, second by second: players, network and dispatcher, under one clock.

Law: the dispatcher is the one that runs the fleet; it is handed what telemetry brought and nothing
else, and what it decides reaches players as they join, ask again, or fail over.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from tidegate.dispatch import Plan, Snapshot, newest
from tidegate.sim import kernel, net
from tidegate.sim.failures import Failures
from tidegate.sim.money import Money
from tidegate.sim.players import FROZEN, PLAYING
from tidegate.sim.policies import Planner, planner
from tidegate.sim.result import Result, Span
from tidegate.sim.scenario import Scenario
from tidegate.sim.telemetry import Telemetry
from tidegate.sim.visit import Moment
from tidegate.sim.world import World

Tell = Callable[[float, Span], None]
JOBS, LEAST_JOB = 3, 50_000
"""Shares of the players for each of several threads, for a core that the controller took does fewer
of them; and how many are worth a share or a thread more, which must be woken in every step, and
whose counts are cleared and summed."""
TINY = 1e-9
"""Moves of a line that rounding may leave over."""


class Rehearsal:
    """One run. `unlimited`: sites and peerings without end and without failures, for the floor.
    `money`: of the month that the event lies in; without, every five minutes are free."""

    def __init__(
        self, world: World, policy: str, seed: int, unlimited: bool = False, threads: int = 0,
        money: Money | None = None,
    ) -> None:  # fmt: skip
        self.world = world
        self.scenario: Scenario = world.scenario
        self.policy = policy
        self.seed = seed
        self.unlimited = unlimited
        worth = max(1, len(world.players) // LEAST_JOB)
        self.threads = threads or min(len(os.sched_getaffinity(0)), worth)
        shares = min(JOBS, worth // self.threads) if self.threads > 1 else 1
        self.jobs = self.threads * max(1, shares)
        self.counts = net.counts(self.jobs, world.network)
        self.money = money
        self.telemetry = Telemetry(world, self.scenario.control.report_s, money)
        self.planner: Planner = planner("nearest" if unlimited else policy, world.topology)
        self.plan: Plan | None = None
        self.rng = np.random.Generator(np.random.Philox(seed + 1))
        self.result = self._result()
        self._before = net.summed(self.counts.totals)
        self._joined = 0
        self._span = np.zeros(len(world.topology.sites))
        if unlimited:
            world.servers.kbps = world.servers.kbps * 1e6
            world.servers.requests_s = world.servers.requests_s * 1e6
            world.servers.link_kbps = world.servers.link_kbps * 1e6
        self.failures = Failures(world, self.telemetry, seed, unlimited)

    def run(self, tell: Tell = lambda _at, _span: None) -> Result:
        """To the end of the event; `tell` hears each span as it ends."""
        step_s = self.scenario.event.step_s
        steps = round(self.scenario.event.duration_s / step_s)
        turns = max(1, round(self.scenario.control.turn_s / step_s))
        began, spent = time.perf_counter(), time.process_time()
        every = max(1, round(self.scenario.control.every_s / step_s))
        planning: Future[Plan] | None = None
        self._apply(planner("nearest", self.world.topology).plan(_blind(self.telemetry)))
        with ThreadPoolExecutor(self.threads) as pool, ThreadPoolExecutor(1) as controller:
            for number in range(steps):
                now = number * step_s
                self.failures.strike(now)
                if planning is not None:  # it took a step
                    self._offered(planning.result(), now)
                    planning = None
                known = self._known(now) if number and number % every == 0 else None
                if known is not None:
                    planning = controller.submit(self._planned, known)
                counted = number % turns == turns - 1
                self._step(pool, number, now, turns, counted)
                if counted:
                    self._close(now + step_s, turns * step_s, tell)
        self._judge()
        result = self.result
        result.wall_s = time.perf_counter() - began
        result.cpu_s = time.process_time() - spent
        return result

    def audience(self, now: float) -> int:
        """How many watch."""
        curve = np.array(self.scenario.audience.curve)
        share = np.interp(now, curve[:, 0], curve[:, 1])
        return round(float(share) * self.scenario.audience.peak)

    def _step(
        self, pool: ThreadPoolExecutor, number: int, now: float, turns: int, counted: bool
    ) -> None:
        world, counts = self.world, self.counts
        step_s = self.scenario.event.step_s
        world.servers.into(world.network, counts, step_s)
        if counted:
            counts.there[:] = 0
        moved = np.ceil(np.array([[now], [now + step_s]]) / world.line_step_s - TINY)
        world.network.moved[:] = moved[0]
        world.network.moving[:] = moved[1] - moved[0]
        moment = Moment(
            row=0,
            seed=self.seed,
            now=now,
            step_s=step_s,
            number=number,
            audience=self.audience(now),
            census_s=turns * step_s if counted else 0.0,
            turns=turns,
            stay_s=self.scenario.audience.session_s,
            patience_s=self.scenario.audience.patience_s,
            penalised=self.policy == "client" and not self.unlimited,
            sound=self.scenario.stream.audio_only,
        )
        self._advance(pool, moment)
        carried = net.carried(counts, world.network)
        world.servers.after(carried, step_s)
        self._span += world.servers.sent_kbit
        self.result.requests += int(carried.asked.sum())

    def _advance(self, pool: ThreadPoolExecutor, moment: Moment) -> None:
        count, total = len(self.world.players), self.jobs
        if total == 1:
            self.result.players_s += self._share(0, count, moment)
            return
        running = [
            pool.submit(
                self._share, count * job // total, count * (job + 1) // total,
                moment._replace(row=job),
            )
            for job in range(total)
        ]  # fmt: skip
        self.result.players_s += sum(each.result() for each in running)

    def _share(self, first: int, last: int, moment: Moment) -> float:
        """Seconds of a processor that these players took."""
        began = time.thread_time()
        kernel.advance(self.world.players, self.world.network, self.counts, first, last, moment)
        return time.thread_time() - began

    def _planned(self, known: Snapshot) -> Plan:
        """By the controller, in its own thread."""
        began = time.thread_time()
        plan = self.planner.plan(known)
        self.result.planning_s += time.thread_time() - began
        return plan

    def _known(self, now: float) -> Snapshot | None:
        """What the controller learns, unless it is lost or nothing is known yet."""
        if self.failures.silences(now):
            return None
        return self.telemetry.snapshot(now, self.plan, self.scenario.control.every_s)

    def _offered(self, plan: Plan, now: float) -> None:
        """The controller's word, in force from here on if it is the newest."""
        if newest(self.plan, plan) is not self.plan:
            self.result.reasons += [(now, reason) for reason in plan.reasons[:2]]
            self._apply(plan)

    def _apply(self, plan: Plan) -> None:
        self.plan = plan
        network, world = self.world.network, self.world
        network.weights[:] = plan.weights
        network.spare[:] = plan.spare if plan.spare is not None else 0.0
        groups = network.groups
        here = world.topology.candidates
        for column, name in enumerate(("first", "second", "third")):
            site = plan.backups[:, column]
            same = (here == site[:, None]) & (site >= 0)[:, None]
            groups[name] = np.where(same.any(axis=1), same.argmax(axis=1), -1)
        groups["turns"] = np.maximum(1, np.round(plan.ttl_s / self.scenario.control.turn_s))
        under = network.rungs["kbps"][None, :] <= plan.ladder_cap_kbps[:, None]
        groups["top"] = np.maximum(under.sum(axis=1) - 1, 0)

    def _close(self, now: float, seconds: float, tell: Tell) -> None:
        """A span ends: its figures, and a report."""
        totals = net.summed(self.counts.totals)
        passed = {
            name: int(totals[name].sum() - self._before[name].sum())
            for name in net.TOTAL.names or ()
        }
        servers = self.world.servers
        load = self._span / seconds / np.maximum(servers.kbps * servers.left, 1e-6)
        load = np.where(servers.up, load, 0.0)
        joins = int(self.counts.joins.sum())
        frozen, played = passed["stalled_us"], passed["played_us"]
        span = Span(
            now,
            int(self.counts.there.sum()),
            frozen / max(frozen + played, 1),
            float(self._span.sum()) / seconds / 1e6,
            float(load.max()),
            int(servers.up.sum()),
            passed["moves"],
            passed["failed_over"],
            joins - self._joined,
            self.plan.source if self.plan else "",
        )
        self._before, self._joined = totals, joins
        there = self.counts.there.sum(axis=0) > 0
        self.result.origin_fetches += int(there.sum() * seconds / self.scenario.stream.segment_s)
        if self.money is not None:
            self.money.carried(now, self._span)
        self._span[:] = 0.0
        self.result.spans.append(span)
        self.telemetry.census(now, seconds, self.counts, self.rng)
        tell(now, span)

    def _judge(self) -> None:
        """Views that the event's end cuts count as they are."""
        players, totals = self.world.players, net.summed(self.counts.totals)
        on = (players["state"] == PLAYING) | (players["state"] == FROZEN)
        cell = players["kind"].astype(np.int16) * totals.shape[1] + players["line"]
        for name, mine in (("views", on), ("smooth", on & (players["stalls"] == 0))):
            totals[name] += np.bincount(cell[mine], minlength=totals.size).reshape(totals.shape)
        self.result.totals = totals
        self.result.joins = self.counts.joins.sum(axis=0)

    def _result(self) -> Result:
        world = self.world
        return Result(
            self.scenario.name, "floor" if self.unlimited else self.policy, self.seed,
            len(world.players), self.scenario.event.step_s, self.scenario.event.duration_s,
            world.kinds, world.topology.accesses,
            net.summed(self.counts.totals), self.counts.joins.sum(axis=0),
        )  # fmt: skip


def _blind(telemetry: Telemetry) -> Snapshot:
    """What is known before anyone watches: the fleet as built."""
    world = telemetry.world
    groups, places = world.topology.candidates.shape
    sites, domains = len(world.topology.sites), len(world.topology.contracts)
    nothing = np.zeros((groups, places))
    capacity = np.array([site.capacity_mbps for site in world.topology.sites])
    return Snapshot(
        0.0, np.zeros(groups), np.zeros(groups), nothing.astype(np.float32), np.ones(sites, bool),
        capacity, np.zeros(sites), nothing, nothing, np.zeros(sites), np.zeros(domains),
        np.ones(domains, bool), world.scenario.stream.ladder_kbps, None,
    )  # fmt: skip
