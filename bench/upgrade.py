"""New edge workers, and one killed, under viewers: `python -m bench upgrade`.

`--viewers` (2,000) players of HTTP-FLV on two workers. First `tidegate upgrade` while they watch;
then, under as many anew, `kill -9` of one worker. Law: the upgrade cuts and freezes nobody; the
kill cuts the viewers of that worker, each once, and nobody else notices.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench._film import film, published
from bench._report import Report, canvas, grouped, options, save
from bench._stage import CHANNEL, MOST, scratch
from bench._watchers import paint, watch
from support.channel import live
from support.node import TIDEGATE, RunningNode, environment
from support.processes import servers
from support.wait import until

KBIT = 600
ARRIVE_S, CALM_S = 5.0, 8.0
SETTINGS = {"http": {"workers": 2, "max_connections": MOST, "reserve": 0.0}}
COLUMNS = ("", "viewers", "of the killed worker", "cut", "stalls", "without a stall",
           "freeze rate", "played on")  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What viewers felt; `killed` of them were served by the worker that was."""

    viewers: int
    killed: int
    felt: dict[str, Any]

    @property
    def cut(self) -> int:
        """Connections that ended."""
        return sum(self.felt["errors"].values())

    @property
    def held(self) -> bool:
        """Whether nobody but those felt it, and those once."""
        smooth = round(self.felt["stall_free_share"] * self.felt["viewers_started"])
        all_play = self.felt["viewers_started"] == self.viewers
        return all_play and self.cut == self.killed and smooth >= self.viewers - self.killed


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when anyone was cut or froze who should not."""
    given = options("upgrade", __doc__, argv, 30, 2000)
    with scratch() as folder:
        running = RunningNode(folder, SETTINGS)
        try:
            with published(film(KBIT), running.rtmp(CHANNEL)):
                until(lambda: live(running, CHANNEL), "the channel is live")
                runs = {
                    "upgrade": _run(running, given, _upgrade),
                    "kill -9 of one worker": _run(running, given, _kill),
                }
        finally:
            running.close()
    return _report(runs, given)


def _run(running: RunningNode, given: Any, meanwhile: Callable[[RunningNode, int], int]) -> Run:
    url = f"{running.http}/live/{CHANNEL}.flv"
    with watch(url, given.viewers, given.seconds, "--over", f"{ARRIVE_S:g}") as viewers:
        players = viewers.players()
        time.sleep(CALM_S)
        killed = meanwhile(running, players)
        return Run(given.viewers, killed, viewers.figures())


def _upgrade(running: RunningNode, _players: int) -> int:
    before = _edges(running)
    command = [*TIDEGATE, "upgrade", str(running.config)]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=90)
    if before & _edges(running):
        raise RuntimeError("a worker was not replaced")
    return 0


def _kill(running: RunningNode, players: int) -> int:
    """The worker that does not serve the load's scout, by whom all its players tell the time."""
    served = servers(_edges(running), running.http_port)
    served.pop(0, None)  # a listener has no peer
    spared = served[_first_port(players)]
    victim = next(pid for pid in served.values() if pid != spared)
    os.kill(victim, signal.SIGKILL)
    return sum(pid == victim for pid in served.values())


def _edges(running: RunningNode) -> set[int]:
    return {pid for name, pid in running.parts().items() if name.startswith("edge.")}


def _first_port(pid: int) -> int:
    """The port of the first connection that a process opened and still holds."""
    ports = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        ports[f"socket:[{fields[9]}]"] = int(fields[1].split(":")[1], 16)
    held = sorted(Path(f"/proc/{pid}/fd").iterdir(), key=lambda each: int(each.name))
    return next(ports[name] for each in held if (name := str(each.readlink())) in ports)


def _report(runs: dict[str, Run], given: Any) -> int:
    title = f"{given.viewers:,} viewers of HTTP-FLV, two workers"
    report = Report("upgrade", title, COLUMNS)
    for name, run in runs.items():
        felt = run.felt
        report.row(name, f"{run.viewers:,}", f"{run.killed:,}", f"{run.cut:,}",
                   f"{felt['stalls']:,}", f"{100 * felt['stall_free_share']:.2f} %",
                   f"{100 * felt['freeze_rate']:.3f} %",
                   f"{felt['viewers_started']:,}")  # fmt: skip
    report.figures = {name: vars(run) for name, run in runs.items()}
    report.notes.append("Who was cut asks again after a second, as the players of the load do.")
    figure, axes = canvas(7, 4)
    series = {
        "of the killed worker": [run.killed for run in runs.values()],
        "cut": [run.cut for run in runs.values()],
        "stalls": [run.felt["stalls"] for run in runs.values()],
    }
    grouped(axes, list(runs), series, "{:,.0f}")
    paint(axes, ("#7a7a7a", "#d9503a", "#d99a3a"))
    axes.set(title=title, ylabel="viewers", ylim=(0, given.viewers))
    save(figure, "upgrade")
    report.finish(given.json)
    return int(not all(run.held for run in runs.values()))
