"""The fast kernel by time step and by size: `python -m bench kernels`.

The reference event, scaled down, at its own step and at one four times finer; then ten minutes of
it with everybody there, at growing scale, on all cores. Law: a size runs in a process of its own,
so its peak memory is its own; processor time is that of the whole rehearsal, and of it the players'
by the player; the rest (sites, peerings, telemetry, threads; the dispatcher) by simulated second.
"""

import argparse
import multiprocessing
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from bench._report import Report
from bench.event import SCENARIOS
from tidegate.sim.event import Rehearsal
from tidegate.sim.places import scaled
from tidegate.sim.scenario import Scenario, access_of, read_scenario
from tidegate.sim.world import build

STEPS_S = (2.0, 0.5)
PLAYERS = (20_000, 200_000, 2_000_000)
CROWD_S = 600.0
SEEDS = 4
"""Events at each step: draws of another step are other draws."""
POLICIES = ("nearest", "ours")
COLUMNS = (
    "run", "players", "step, s", "frozen, %", "times real time", "ns per player-second",
    "of it players", "network, ms a second", "dispatcher, ms", "peak RSS, MB",
)  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Measures and prints."""
    given = _options(argv)
    report = Report("kernels", "The fast kernel: time step, speed and memory", COLUMNS)
    steps = [
        _mean([_apart(_event, given.scale, step_s, seed) for seed in range(given.seeds)])
        for step_s in STEPS_S
    ]
    sizes = [
        _apart(_crowd, count, policy)
        for count in PLAYERS
        for policy in POLICIES
        if count <= given.players
    ]
    for figures in (*steps, *sizes):
        report.row(
            figures["run"], f"{figures['players']:,}", f"{figures['step_s']:g}",
            f"{figures['frozen']:.4%}"[:-1], f"{figures['times']:.1f}", f"{figures['ns']:.1f}",
            f"{figures['ns_players']:.1f}", f"{figures['network_ms']:.2f}",
            f"{figures['planning_ms']:.2f}", f"{figures['rss_mb']:.0f}",
        )  # fmt: skip
    coarse, fine = (each["frozen"] for each in steps)
    report.figures |= {"steps": steps, "sizes": sizes, "step_error": coarse - fine}
    report.notes.append(
        f"The step's error: {(coarse - fine) * 100:+.4f} points of frozen time at {STEPS_S[0]:g} s "
        f"against {STEPS_S[1]:g} s, the mean of {given.seeds} seeds each with other draws; "
        f"from seed to seed the frozen time differs by {_spread(steps):.4f} points."
    )
    report.finish(given.json)
    return 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench kernels", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--scale", type=float, default=0.02, help="of the event by step (0.02)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"events by step ({SEEDS})")
    parser.add_argument("--players", type=int, default=PLAYERS[-1], help="at most (2000000)")
    return parser.parse_args(argv)


def _mean(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one step."""
    frozen = [each["frozen"] for each in events]
    return {**events[0], "frozen": sum(frozen) / len(frozen), "each": frozen}


def _spread(steps: list[dict[str, Any]]) -> float:
    """Points by which seeds differ, one standard deviation, of the first step."""
    return 100 * float(np.std(steps[0]["each"]))


def _apart(measure: Any, *given: float | str) -> dict[str, Any]:
    """In a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return dict(pool.submit(measure, *given).result())


def _event(scale: float, step_s: float, seed: int) -> dict[str, Any]:
    """The whole event at that step."""
    scenario = _reference(scale)
    event = scenario.event.model_copy(update={"step_s": step_s})
    return _rehearse("event, ours", scenario.model_copy(update={"event": event}), "ours", seed)


def _crowd(count: int, policy: str) -> dict[str, Any]:
    """Ten minutes with that many players there from its beginning."""
    whole = read_scenario(SCENARIOS / "parade-2015.toml")
    scenario = _reference(count / whole.audience.peak)
    event = scenario.event.model_copy(update={"duration_s": CROWD_S})
    audience = scenario.audience.model_copy(update={"curve": ((0.0, 1.0), (CROWD_S, 1.0))})
    crowd = scenario.model_copy(update={"event": event, "audience": audience, "failures": ()})
    return _rehearse(f"crowd, {policy}", crowd, policy, 0)


def _reference(scale: float) -> Scenario:
    return scaled(read_scenario(SCENARIOS / "parade-2015.toml"), scale)


def _rehearse(name: str, scenario: Scenario, policy: str, seed: int) -> dict[str, Any]:
    """Once to compile, or to load what is compiled; then once that counts."""
    lines = access_of(scenario, SCENARIOS)
    event = scenario.event.model_copy(update={"duration_s": 2 * scenario.event.step_s})
    warm = scaled(scenario.model_copy(update={"event": event}), 0.01)
    Rehearsal(build(warm, lines, seed), policy, seed).run()
    result = Rehearsal(build(scenario, lines, seed), policy, seed).run()
    frozen = int(result.totals["stalled_us"].sum())
    watched = frozen + int(result.totals["played_us"].sum())
    network_s = result.cpu_s - result.players_s - result.planning_s
    return {
        "run": name,
        "players": scenario.audience.peak,
        "step_s": scenario.event.step_s,
        "frozen": frozen / watched,
        "times": scenario.event.duration_s / result.wall_s,
        "ns": result.cpu_s * 1e15 / watched,
        "ns_players": result.players_s * 1e15 / watched,
        "network_ms": 1000 * network_s / scenario.event.duration_s,
        "planning_ms": 1000 * result.planning_s / scenario.event.duration_s,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
