"""Whether anything grows under viewers who come and go: `python -m bench soak [--seconds 1800]`.

A node with two workers and its default settings; `--viewers` players of HTTP-FLV, MP4, HLS and
LL-HLS, each view of 20 s on average. Law: after a warm-up (half of the time, a quarter of an hour
at most, in which caches fill) memory or descriptors grow when the median slope of all pairs of
samples, times the time looked at, is more than 5 % of the median (and 1 MB, or 2 descriptors); and
when all viewers have left, each process holds as many descriptors as before they came, which is
looked at once the first guests have been and gone.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from bench._film import film, published
from bench._report import Report, canvas, options, save
from bench._stage import CHANNEL, scratch
from bench._watchers import Watchers, spread
from support.channel import live
from support.growth import MB, Growth, Series, folder, growth, held, process
from support.node import RunningNode
from support.wait import until

KBIT = 600
CHURN_S = 20
WARM_SHARE = 0.5
MOST_WARM_S = 900.0
SAMPLES = 360
GUESTS, GUESTS_S = 64, 5.0
"""Before the soak, so that every worker has served each kind once."""
LEFT_S = 90.0
"""Seconds after the last viewer by which descriptors are as they were: idle logs are closed after
60 of them."""
KINDS = {
    "FLV": (".flv",),
    "MP4": (".mp4",),
    "HLS": (".m3u8", "--no-low-latency"),
    "LL-HLS": (".m3u8",),
}
COLUMNS = ("process", "memory, MB", "grew by, kB", "held as noise, kB", "descriptors", "grew by",
           "before and after", "verdict")  # fmt: skip
_LOGS = "log folder"


@dataclass(frozen=True)
class Judged:
    """One process: its growth, and its descriptors without viewers."""

    series: Series
    memory: Growth
    descriptors: Growth
    before: int
    after: int

    @property
    def grows(self) -> bool:
        """Whether it does, by the law of this module."""
        return self.memory.grows or self.descriptors.grows or self.before != self.after


def main(argv: Sequence[str]) -> int:
    """Soaks, prints, plots. Returns 1 when anything grew."""
    given = options("soak", __doc__, argv, 1800, 300)
    warm_s = min(MOST_WARM_S, WARM_SHARE * given.seconds)
    with _node() as running, published(film(KBIT), running.rtmp(CHANNEL)):
        until(lambda: live(running, CHANNEL), "the channel is live")
        _guests(running)
        judged, loads = _soak(running, given, warm_s)
    return _report(judged, loads, given, warm_s)


@contextmanager
def _node() -> Iterator[RunningNode]:
    with scratch() as place:
        running = RunningNode(place, {"http": {"workers": 2}})
        try:
            until(lambda: len(running.parts()) == 3, "the node has its parts")
            yield running
        finally:
            running.close()


def _guests(running: RunningNode) -> None:
    with ExitStack() as stack:
        for load in _loads(running, stack, GUESTS, GUESTS_S).values():
            load.figures()
    edges = [pid for name, pid in running.parts().items() if name.startswith("edge.")]
    root = running.log_root
    until(lambda: not any(held(pid, root) for pid in edges), "idle logs are closed", LEFT_S)


def _soak(
    running: RunningNode, given: Any, warm_s: float
) -> tuple[list[Judged], list[dict[str, Any]]]:
    served = _served(running)
    before = _descriptors(served)
    with ExitStack() as stack:
        loads = _loads(running, stack, given.viewers, given.seconds)
        players = [_of(f"load {name}", load.players()) for name, load in loads.items()]
        _look([*served, *players], given.seconds)
        figures = [load.figures() for load in loads.values()]
    after = _settled(served, before)
    return [_judge(each, warm_s, before, after) for each in (*served, *players)], figures


def _served(running: RunningNode) -> list[Series]:
    parts = sorted(running.parts().items())
    found = [_of("node", running.pid), *(_of(name, pid) for name, pid in parts)]
    return [*found, Series(_LOGS, lambda: (folder(running.log_root)[0], 0))]


def _of(name: str, pid: int) -> Series:
    return Series(name, lambda: process(pid))


def _loads(
    running: RunningNode, stack: ExitStack, viewers: int, seconds: float
) -> dict[str, Watchers]:
    """Players of every kind, until `stack` is left."""
    churn = ("--churn", str(CHURN_S))
    found = {}
    for name, (ending, *more) in KINDS.items():
        url = f"{running.http}/live/{CHANNEL}{ending}"
        load = Watchers(url, viewers // len(KINDS), seconds, *churn, *more, core=None)
        found[name] = stack.enter_context(load)
    return found


def _look(series: Sequence[Series], seconds: float) -> None:
    began = time.monotonic()
    step = seconds / SAMPLES
    for number in range(1, SAMPLES):
        time.sleep(max(0.0, began + number * step - time.monotonic()))
        for each in series:
            each.look(began)


def _descriptors(series: Sequence[Series]) -> dict[str, int]:
    return {each.name: each.take()[1] for each in series}


def _settled(served: Sequence[Series], before: dict[str, int]) -> dict[str, int]:
    """Descriptors now that all have left: as many as before, or as many as stay."""
    deadline = time.monotonic() + LEFT_S
    while (now := _descriptors(served)) != before and time.monotonic() < deadline:
        time.sleep(0.5)
    return now


def _judge(series: Series, warm_s: float, before: dict[str, int], after: dict[str, int]) -> Judged:
    samples, name = series.after(warm_s), series.name
    memory, descriptors = growth(samples, "memory"), growth(samples, "descriptors")
    return Judged(series, memory, descriptors, before.get(name, 0), after.get(name, 0))


def _report(judged: list[Judged], loads: list[dict[str, Any]], given: Any, warm_s: float) -> int:
    length = f"{given.seconds / 60:g} minutes"
    title = f"{length} of {given.viewers} viewers who come and go"
    report = Report("soak", title, COLUMNS)
    for each in judged:
        memory, descriptors = each.memory, each.descriptors
        alone = f"{each.before} → {each.after}" if each.before else "-"
        verdict = "grows" if each.grows else "flat"
        report.row(each.series.name, f"{memory.median / MB:.1f}", f"{memory.grown / 1000:,.0f}",
                   f"{memory.allowed / 1000:,.0f}", f"{descriptors.median:.0f}",
                   f"{descriptors.grown:.1f}", alone, verdict)  # fmt: skip
    views = sum(each["views"] for each in loads)
    report.figures = {
        "seconds": given.seconds,
        "viewers": given.viewers,
        "views": views,
        "processes": {each.series.name: _figures(each) for each in judged},
        "loads": dict(zip(KINDS, loads, strict=True)),
    }
    report.notes += [
        f"Looked at from minute {warm_s / 60:g} on; {views:,} views in all, each of {CHURN_S} s on "
        "average; memory is anonymous memory.",
        f"{', '.join(KINDS)}: {spread(loads)}.",
    ]
    _plot(judged, title, warm_s)
    report.finish(given.json)
    return int(any(each.grows for each in judged))


def _figures(judged: Judged) -> dict[str, Any]:
    told = {name: vars(getattr(judged, name)) for name in ("memory", "descriptors")}
    return {**told, "before": judged.before, "after": judged.after, "grows": judged.grows}


def _plot(judged: list[Judged], title: str, warm_s: float) -> None:
    figure, axes = canvas(9, 6.5)
    axes.remove()
    both = figure.subplots(2, 1, sharex=True)
    for each in judged:
        samples = each.series.samples
        minutes = [sample.at / 60 for sample in samples]
        both[0].plot(minutes, [sample.memory / MB for sample in samples], lw=1.4)
        if each.series.name != _LOGS:
            both[1].plot(minutes, [sample.descriptors for sample in samples], lw=1.4)
        else:
            both[1].plot([], [])
    both[0].set(title=title, ylabel="anonymous memory, MB")
    both[1].set(xlabel="minutes", ylabel="descriptors")
    for axes in both:
        axes.axvspan(0, warm_s / 60, color="#888", alpha=0.1, lw=0)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    names = [each.series.name for each in judged]
    figure.legend(both[0].lines, names, loc="outside right upper", frameon=False)
    save(figure, "soak")
