"""What RTMP publishers at 600 kbit/s cost, received and packaged: `python -m bench publishers`.

Law: the processor time is that of the node's ingest; a step ends the run where publishers are lost,
where a core is full, or where fewer bytes came than the publishers owe: who sends less costs less.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench import _perf
from bench._film import film, mbit_s
from bench._load import LEAST_SHARE
from bench._proc import LOAD_CORE, SERVER_CORE, cpu_s, on, pin, resident
from bench._publishers import KBIT
from bench._report import Report, canvas, options, save
from bench._stage import node
from support.node import RunningNode

STEPS = (25, 50, 100, 200, 400, 800)
WARM_S = 6.0
SETTINGS: dict[str, dict[str, Any]] = {
    "rtmp": {"max_connections": 15_000},
    "log": {"retention_s": 12.0},
    "package": {"window_s": 6.0},
    "publish": {"grace_s": 0.0},
}
"""Short logs, so that many fit in memory and retention is at work in every window."""
FULL = 0.9
"""Of a core: past it, ingest is at its end."""


@dataclass(frozen=True)
class Step:
    """So many publishers: what they cost ingest, what it took in memory, how many were lost.

    `came`: the share that was received of what they owe. `rooms`: shares of its time, where py-spy
    can tell.
    """

    publishers: int
    core: float
    each_kb: float
    lost: int
    came: float
    rooms: dict[str, float]

    @property
    def per_core(self) -> float:
        """Publishers that one core would take."""
        return self.publishers * self.came / self.core if self.core else float("nan")

    @property
    def held(self) -> bool:
        """Whether it tells anything: all are there and send what they should."""
        return not self.lost and self.came >= LEAST_SHARE


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when a publisher was lost before a core was full."""
    given = options("publishers", __doc__, argv, 10, STEPS[-1])
    film(KBIT)
    steps: list[Step] = []
    for many in sorted({*(n for n in STEPS if n < given.viewers), given.viewers}):
        steps.append(_step(many, given.seconds))
        if steps[-1].core > FULL or not steps[-1].held:
            break
    return _report(steps, given.json)


def _step(many: int, seconds: float) -> Step:
    with node(**SETTINGS) as running:
        ingest = running.parts()["ingest"]
        pin(ingest, SERVER_CORE)
        pin(running.parts()["edge.0"], LOAD_CORE)
        empty = resident(ingest)
        load = _start(running, many, WARM_S + seconds + 2 * _perf.SECONDS + 30)
        try:
            time.sleep(WARM_S)
            before, began = cpu_s(ingest), time.monotonic()
            bytes_before = _metric(running, "tidegate_ingest_bytes_total")
            time.sleep(seconds)
            got = _metric(running, "tidegate_ingest_bytes_total") - bytes_before
            took = time.monotonic() - began
            spent = cpu_s(ingest) - before
            memory = resident(ingest) - empty
            rooms = _perf.rooms(ingest)
            lost = many - int(_metric(running, "tidegate_publishers"))
        finally:
            load.kill()
            load.communicate()
    came = got * 8 / 1e6 / (many * mbit_s(film(KBIT)) * took)
    return Step(many, spent / took, memory / many / 1000, lost, came, rooms)


def _start(running: RunningNode, many: int, seconds: float) -> subprocess.Popen[str]:
    command = [*on(LOAD_CORE), sys.executable, "-m", "bench._publishers", str(running.rtmp_port)]
    command += [running.key, str(many), str(seconds)]
    load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert load.stdout is not None
    if load.stdout.readline() != "ready\n":
        raise RuntimeError("the publishers did not all get in")
    return load


def _metric(running: RunningNode, name: str) -> float:
    """A metric that has no labels; what is not there yet is 0."""
    for line in running.get("/metrics").body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    return 0.0


def _report(steps: list[Step], as_json: bool) -> int:
    columns = ("publishers", "came", "of a core", "CPU ms a publisher's second",
               "publishers a core", "memory each, kB", "lost")  # fmt: skip
    report = Report("publishers", f"RTMP publishers at {KBIT} kbit/s, one ingest process", columns)
    for each in steps:
        cost = 1000 / each.per_core if each.per_core else float("nan")
        report.row(each.publishers, f"{each.came:.0%}", f"{each.core:.2f}", f"{cost:.2f}",
                   f"{each.per_core:,.0f}", f"{each.each_kb:,.0f}", each.lost)  # fmt: skip
    held = [each for each in steps if each.held]
    best = held[-1].per_core if held else 0.0
    report.figures = {
        "publishers_per_core": best,
        "cpu_s_per_publisher_s": 1 / best if best else None,
        "steps": [vars(each) for each in steps],
    }
    if held and held[-1].rooms:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in held[-1].rooms.items())
        report.notes.append(f"Time at {held[-1].publishers} publishers, by py-spy: {shares}.")
    figure, axes = canvas(7, 4)
    axes.plot([each.publishers for each in steps], [each.core for each in steps], "o-",
              color="#1b8a7a")  # fmt: skip
    axes.axhline(1, color="#d9503a", lw=1, ls=":")
    axes.set(title=report.title, xlabel="publishers", ylabel="of a core", ylim=(0, 1.1))
    save(figure, "publishers")
    report.finish(as_json)
    return int(any(each.lost and each.core < FULL for each in steps))
