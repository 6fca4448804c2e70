"""A small event for tests: three regions, two ISPs, nine sites, a minute."""

from pathlib import Path

from tidegate.sim.event import Rehearsal
from tidegate.sim.result import Result
from tidegate.sim.scenario import Scenario, access_of, read_scenario
from tidegate.sim.world import World, build

SCENARIOS = Path(__file__).parents[2] / "scenarios"

SMALL = {
    "name": "small",
    "event": {"duration_s": 60},
    "audience": {
        "peak": 1500,
        "curve": [[0, 0.5], [20, 1.0], [60, 1.0]],
        "session_s": 120,
        "kinds": {
            "hls": 0.5,
            "dash-dynamic": 0.1,
            "dash-bola": 0.1,
            "low-latency": 0.2,
            "flv": 0.1,
        },
    },
    "stream": {"ladder_kbps": [48, 240, 600], "audio_only": True},
    "lines": {"file": "access.toml"},
    "regions": [
        {"name": "north", "people_m": 30, "longitude": 116, "latitude": 40},
        {"name": "south", "people_m": 50, "longitude": 113, "latitude": 23},
        {"name": "west", "people_m": 20, "longitude": 104, "latitude": 30},
    ],
    "isps": [{"name": "red", "share": 0.6}, {"name": "blue", "share": 0.4}],
    "fleet": {"sites": 9, "headroom": 1.6},
    "paths": {"candidates": 6, "cross_isp_candidates": 2, "link_gbps": 0.05},
}
"""The tables of a scenario."""


def small(**tables: object) -> Scenario:
    """`SMALL` with some tables, or some keys of them, replaced."""
    merged: dict[str, object] = dict(SMALL)
    for name, table in tables.items():
        base = merged.get(name)
        both = isinstance(table, dict) and isinstance(base, dict)
        merged[name] = {**base, **table} if both else table  # type: ignore[dict-item]
    return Scenario.model_validate(merged)


def world(scenario: Scenario, seed: int = 1) -> World:
    """Built with the committed figures of access."""
    return build(scenario, access_of(scenario, SCENARIOS), seed)


def rehearsed(scenario: Scenario, policy: str = "nearest", **how: object) -> Rehearsal:
    """Through the whole event."""
    rehearsal = Rehearsal(world(scenario), policy, 1, **how)  # type: ignore[arg-type]
    rehearsal.run()
    return rehearsal


def result(scenario: Scenario, policy: str = "nearest", **how: object) -> Result:
    """Its figures alone."""
    return rehearsed(scenario, policy, **how).result


__all__ = ["SCENARIOS", "SMALL", "read_scenario", "rehearsed", "result", "small", "world"]
