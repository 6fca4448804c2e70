"""How many viewers one machine holds without a freeze: `python -m bench hold`.

HTTP-FLV at 600 kbit/s to `--viewers` (15,000), two edge workers as they are set by default, and
`tidegate load` beside them on the same cores. Law: short holds look for the ceiling, the most with
not one freeze, error or viewer without a picture; then `--viewers` and four fifths of the ceiling
are held for `--seconds` (60). Nothing is pinned: whoever has work takes a core.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench._film import film, published
from bench._proc import cpu_s
from bench._report import Report, canvas, options, save
from bench._stage import CHANNEL, MOST, Server, scratch
from bench._watchers import Watchers
from support.channel import live
from support.node import RunningNode
from support.processes import children
from support.wait import until

KBIT = 600
VIEWERS = 15_000
WORKERS = 2
SHORT_S = 15.0
"""Seconds of a hold that looks for the ceiling."""
ARRIVALS_S = 1500
"""Newcomers a second while the audience comes."""
SETTLE_S = 2.0
RUNG, RUNGS = 1.2, 6
"""The ceiling is looked for among so many audiences, each so many times the one before."""
MOST_VIEWERS = 36_000
"""A process may open 20,000 files here."""
SAFE = 0.8
PLATE = {"facecolor": "white", "edgecolor": "none", "pad": 1}
COLUMNS = ("viewers", "held, s", "freeze rate", "froze", "no picture, errors", "Gbit/s",
           "edge cores", "load cores", "all cores busy", "edge CPU s/Gbit", "load CPU s/Gbit",
           )  # fmt: skip


@dataclass(frozen=True)
class Held:
    """One hold: what `tidegate load` saw, and cores in use while nobody came or went."""

    viewers: int
    seconds: float
    told: dict[str, Any]
    edge: float
    load: float
    busy: float
    edge_cpu_s: float

    @property
    def lost(self) -> int:
        """Viewers who saw nothing, and errors of those who did."""
        errors: dict[str, int] = self.told["errors"]
        return self.viewers - int(self.told["viewers_started"]) + sum(errors.values())

    @property
    def froze(self) -> int:
        """Viewers who froze at all."""
        started = int(self.told["viewers_started"])
        return started - round(started * float(self.told["stall_free_share"]))

    @property
    def clean(self) -> bool:
        """Whether not one viewer noticed anything."""
        return not (self.lost or self.told["stalls"] or self.told["freeze_rate"])

    @property
    def gbit(self) -> float:
        """What came, all of it."""
        return float(self.told["received_gbit"])

    def edge_cost(self) -> float:
        """The edge's CPU seconds a Gbit, arrivals and all."""
        return self.edge_cpu_s / self.gbit

    def load_cost(self) -> float:
        """The load generator's."""
        return float(self.told["cpu_s"]) / self.gbit


def main(argv: Sequence[str]) -> int:
    """Looks for the ceiling, holds, prints, plots. Returns 1 when four fifths of it froze."""
    given = options("hold", __doc__, argv, 60, VIEWERS)
    with _node() as running, published(film(KBIT), running.rtmp(CHANNEL)):
        until(lambda: live(running, CHANNEL), "the channel is live")
        time.sleep(SETTLE_S)
        tried = list(_search(running, given.viewers, min(SHORT_S, given.seconds)))
        ceiling = max((each.viewers for each in tried if each.clean), default=0)
        goals = sorted({given.viewers, int(SAFE * ceiling) or given.viewers})
        held = [_hold(running, viewers, given.seconds) for viewers in goals]
    return _report(tried, held, ceiling, given)


@contextmanager
def _node() -> Iterator[RunningNode]:
    http = {"workers": WORKERS, "reserve": 0.0, "max_connections": MOST}
    with scratch() as place:
        running = RunningNode(place, {"http": http})
        try:
            until(lambda: len(running.parts()) == WORKERS + 1, "the node has its parts")
            yield running
        finally:
            running.close()


def _search(running: RunningNode, viewers: int, seconds: float) -> Iterator[Held]:
    """Up from `viewers` to the first that is not clean, or down to the first that is."""
    first = seen = _hold(running, viewers, seconds)
    yield first
    for _ in range(RUNGS - 1):
        more = int(seen.viewers * RUNG if first.clean else seen.viewers / RUNG)
        if not 0 < more <= MOST_VIEWERS:
            return
        seen = _hold(running, more, seconds)
        yield seen
        if seen.clean != first.clean:
            return


def _hold(running: RunningNode, viewers: int, seconds: float) -> Held:
    over = viewers / ARRIVALS_S
    edges = [pid for name, pid in running.parts().items() if name.startswith("edge.")]
    more = ("--arrival", "ramp", "--over", f"{over:g}", "--processes", str(WORKERS))
    url, before = running.http + Server.path, cpu_s(*edges)
    with Watchers(url, viewers, over + seconds, *more, core=None) as load:
        load.players()
        time.sleep(over + SETTLE_S)
        players = list(children(load.pid))
        began = _Clocks.now(edges, players)
        time.sleep(max(1.0, seconds - 3 * SETTLE_S))
        spent = _Clocks.now(edges, players).since(began)
        told = load.figures()
    edge_cpu_s = cpu_s(*edges) - before
    time.sleep(SETTLE_S)  # those who left are forgotten
    return Held(viewers, seconds, told, spent.edge, spent.load, spent.busy, edge_cpu_s)


@dataclass(frozen=True)
class _Clocks:
    """Seconds of a clock, and CPU seconds of the edge, of the load and of the whole machine."""

    at: float
    edge: float
    load: float
    busy: float

    @classmethod
    def now(cls, edges: Sequence[int], players: Sequence[int]) -> "_Clocks":
        return cls(time.monotonic(), cpu_s(*edges), cpu_s(*players), _busy_s())

    def since(self, before: "_Clocks") -> "_Clocks":
        """Cores in use since then."""
        span = self.at - before.at
        return _Clocks(
            span,
            (self.edge - before.edge) / span,
            (self.load - before.load) / span,
            (self.busy - before.busy) / span,
        )


def _busy_s() -> float:
    """CPU seconds that this machine was not idle (proc(5): /proc/stat, idle and iowait)."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    ticks = [int(each) for each in line.split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def _report(tried: list[Held], held: list[Held], ceiling: int, given: Any) -> int:
    cores = os.cpu_count() or 1
    title = f"HTTP-FLV at {KBIT} kbit/s held by {WORKERS} workers, load beside them, {cores} cores"
    report = Report("hold", title, COLUMNS)
    for each in (*sorted(tried, key=lambda each: each.viewers), *held):
        report.row(*_cells(each))
    report.notes += _notes(held, ceiling, given.viewers, cores)
    report.figures = {
        "ceiling": ceiling,
        "search": [_figures(each) for each in tried],
        "held": [_figures(each) for each in held],
    }
    _plot([*tried, *held], cores, title)
    report.finish(given.json)
    safe = [each for each in held if each.viewers <= SAFE * ceiling]
    return int(not safe or not all(each.clean for each in safe))


def _notes(held: list[Held], ceiling: int, viewers: int, cores: int) -> list[str]:
    notes = [f"The ceiling: {ceiling:,} viewers without a freeze."]
    others = max(each.busy - each.edge - each.load for each in held)
    notes.append(f"Publisher, ingest and all else on this machine took {others:.2f} cores at most.")
    for each in held:
        how = "not one freeze" if each.clean else f"{each.froze:,} froze, {each.lost:,} lost"
        notes.append(f"{each.viewers:,} held for {each.seconds:g} s: {how}.")
    asked = next(each for each in held if each.viewers == viewers)
    if not asked.clean:
        gbit_s, edge, load = viewers * KBIT / 1e6, asked.edge_cost(), asked.load_cost()
        notes.append(
            f"Why {viewers:,} are not: a Gbit cost the edge {edge:.3f} CPU seconds and the load "
            f"generator {load:.3f}, so {gbit_s:.1f} Gbit/s want {gbit_s * (edge + load):.2f} of "
            f"{cores} cores; {asked.busy:.2f} were busy."
        )
    return notes


def _cells(each: Held) -> tuple[str, ...]:
    seconds = each.seconds + each.viewers / ARRIVALS_S / 2
    return (
        f"{each.viewers:,}",
        f"{each.seconds:g}",
        f"{100 * each.told['freeze_rate']:.3f} %",
        f"{each.froze:,}",
        f"{each.lost:,}",
        f"{each.gbit / seconds:.2f}",
        f"{each.edge:.2f}",
        f"{each.load:.2f}",
        f"{each.busy:.2f}",
        f"{each.edge_cost():.4f}",
        f"{each.load_cost():.4f}",
    )


def _figures(each: Held) -> dict[str, Any]:
    return {
        "viewers": each.viewers,
        "seconds": each.seconds,
        "clean": each.clean,
        "edge_cores": each.edge,
        "load_cores": each.load,
        "busy_cores": each.busy,
        "edge_cpu_s_per_gbit": each.edge_cost(),
        "load_cpu_s_per_gbit": each.load_cost(),
        "load": each.told,
    }


def _plot(runs: list[Held], cores: int, title: str) -> None:
    runs = sorted(runs, key=lambda each: (each.viewers, each.seconds))
    figure, axes = canvas(9, 4.5)
    places = range(len(runs))
    floor = [0.0] * len(runs)
    parts = {
        "edge": ([each.edge for each in runs], "#1b8a7a"),
        "tidegate load": ([each.load for each in runs], "#9db8e8"),
        "all else": ([max(0.0, each.busy - each.edge - each.load) for each in runs], "#c9c9c9"),
    }
    for name, (values, colour) in parts.items():
        axes.bar(places, values, 0.6, floor, label=name, color=colour)
        floor = [low + value for low, value in zip(floor, values, strict=True)]
    for place, each, top in zip(places, runs, floor, strict=True):
        word = "no freeze" if each.clean else f"{100 * each.told['freeze_rate']:.2g} % frozen"
        axes.text(place, top + 0.03, word, ha="center", fontsize=8, bbox=PLATE)
    axes.axhline(cores, color="#d9503a", linewidth=1, linestyle="--", label=f"{cores} cores")
    axes.set_xticks(places, [f"{each.viewers:,}\n{each.seconds:g} s" for each in runs])
    axes.set(title=title, ylabel="cores in use", ylim=(0, cores * 1.2))
    axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    save(figure, "hold")
