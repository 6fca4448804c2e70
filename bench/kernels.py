"""The fast kernel by time step and by size: `python -m bench kernels`.

The reference event, scaled down, at a step of 1 s and of 0.25 s; then a minute of it with
everybody there, at growing scale. Law: a size runs in a process of its own, so its peak memory is
its own; processor time is that of the whole rehearsal, dispatcher and network with it.
"""

import argparse
import multiprocessing
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from bench._report import Report
from bench.event import SCENARIOS
from tidegate.sim.event import Rehearsal
from tidegate.sim.places import scaled
from tidegate.sim.scenario import Scenario, access_of, read_scenario
from tidegate.sim.world import build

STEPS_S = (1.0, 0.25)
PLAYERS = (20_000, 200_000, 2_000_000)
MINUTE_S = 60.0
COLUMNS = ("run", "players", "step, s", "frozen, %", "ns per player-second", "peak RSS, MB")


def main(argv: Sequence[str]) -> int:
    """Measures and prints."""
    given = _options(argv)
    report = Report("kernels", "The fast kernel: time step, speed and memory", COLUMNS)
    steps = [_apart(_event, given.scale, step_s) for step_s in STEPS_S]
    sizes = [_apart(_minute, count) for count in PLAYERS if count <= given.players]
    for figures in (*steps, *sizes):
        report.row(
            figures["run"], f"{figures['players']:,}", f"{figures['step_s']:g}",
            f"{figures['frozen']:.3%}"[:-1], f"{figures['ns']:.1f}", f"{figures['rss_mb']:.0f}",
        )  # fmt: skip
    coarse, fine = (each["frozen"] for each in steps)
    report.figures |= {"steps": steps, "sizes": sizes, "step_error": coarse - fine}
    report.notes.append(
        f"The step's error: {(coarse - fine) * 100:+.4f} points of frozen time at {STEPS_S[0]:g} s "
        f"against {STEPS_S[1]:g} s; one seed each, whose draws differ by step."
    )
    report.finish(given.json)
    return 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench kernels", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--scale", type=float, default=0.01, help="of the event by step (0.01)")
    parser.add_argument("--players", type=int, default=PLAYERS[-1], help="at most (2000000)")
    return parser.parse_args(argv)


def _apart(measure: Any, *given: float) -> dict[str, Any]:
    """In a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return dict(pool.submit(measure, *given).result())


def _event(scale: float, step_s: float) -> dict[str, Any]:
    """The whole event at that step."""
    scenario = _reference(scale)
    event = scenario.event.model_copy(update={"step_s": step_s})
    return _rehearse("event", scenario.model_copy(update={"event": event}))


def _minute(count: int) -> dict[str, Any]:
    """A minute with that many players there from its beginning."""
    whole = read_scenario(SCENARIOS / "parade-2015.toml")
    scenario = _reference(count / whole.audience.peak)
    event = scenario.event.model_copy(update={"duration_s": MINUTE_S})
    audience = scenario.audience.model_copy(update={"curve": ((0.0, 1.0), (MINUTE_S, 1.0))})
    return _rehearse("minute", scenario.model_copy(update={"event": event, "audience": audience}))


def _reference(scale: float) -> Scenario:
    return scaled(read_scenario(SCENARIOS / "parade-2015.toml"), scale)


def _rehearse(name: str, scenario: Scenario) -> dict[str, Any]:
    """Once to compile, or to load what is compiled; then once that counts."""
    lines = access_of(scenario, SCENARIOS)
    event = scenario.event.model_copy(update={"duration_s": 2 * scenario.event.step_s})
    warm = scaled(scenario.model_copy(update={"event": event}), 0.01)
    Rehearsal(build(warm, lines, 0), "ours", 0, threads=1).run()
    result = Rehearsal(build(scenario, lines, 0), "ours", 0, threads=1).run()
    frozen = int(result.totals["stalled_us"].sum())
    watched = frozen + int(result.totals["played_us"].sum())
    return {
        "run": name,
        "players": scenario.audience.peak,
        "step_s": scenario.event.step_s,
        "frozen": frozen / watched,
        "ns": result.cpu_s * 1e15 / watched,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
