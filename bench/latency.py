"""Latency and freezes in a real browser: `python -m bench latency [--seconds 60] [--json]`.

Starts the demo node, plays its channel by LL-HLS and then by HTTP-FLV in headless Chromium, and
takes latency twice: from ingest's clock, as the page states it, and glass to glass, from the time
that is burnt into the picture. Law: what stood still or could not be read is reported, never left
out.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
sys.path[1:1] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from playwright.sync_api import Browser  # noqa: E402
from viewer import Viewer, chromium  # noqa: E402

from support.node import Program  # noqa: E402

PLOT = Path(__file__).parent / "results" / "latency.png"
NAMES = {"hls": "LL-HLS", "flv": "HTTP-FLV"}
SAMPLE_MS = 500
STILL_S = 0.5
"""Seconds without a new frame on screen that a viewer sees as a freeze."""


@dataclass(frozen=True)
class Run:
    """One way of delivery, measured.

    `clock_s` and `glass_s` are latencies in seconds as median, 95th percentile and highest; `still`
    counts pauses of the picture over `STILL_S`; `unread` counts frames without a legible time.
    """

    mode: str
    seconds: float
    join_s: float
    clock_s: tuple[float, float, float]
    glass_s: tuple[float, float, float]
    stalls: int
    frozen_s: float
    freeze_rate: float
    still: int
    longest_gap_s: float
    frames: int
    dropped: int
    unread: int


@dataclass(frozen=True)
class Trace:
    """Latency over time: seconds since the first picture, and the two latencies, seconds."""

    at_s: list[float]
    clock_s: list[float]
    glass_s: list[float]


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 0 when nothing froze, else 1."""
    parser = argparse.ArgumentParser(prog="bench latency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="seconds played each way")
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    options = parser.parse_args(arguments)
    runs, traces = [], []
    with _demo() as url, chromium() as browser:
        for mode in NAMES:
            run, trace = measure(browser, url, mode, options.seconds)
            runs.append(run)
            traces.append(trace)
    _plot(runs, traces)
    if options.json:
        print(json.dumps({run.mode: asdict(run) for run in runs}))
    else:
        _show(runs)
    return int(any(run.stalls for run in runs))


def measure(browser: Browser, url: str, mode: str, seconds: float) -> tuple[Run, Trace]:
    """Plays one way for so many seconds, from the first picture on."""
    viewer = Viewer(browser)
    viewer.play(f"{url}#{mode}")
    viewer.watch_strip()
    trace = Trace([], [], [])
    glass: list[float] = []
    gaps: list[float] = []
    unread = 0
    while (stats := viewer.stats())["played_s"] + stats["frozen_s"] < seconds:
        seen = viewer.strip()
        glass += seen["latencies"]
        gaps += seen["gaps"]
        unread += seen["unread"]
        if stats["latency_s"] is not None and seen["latencies"]:
            trace.at_s.append(stats["played_s"] + stats["frozen_s"])
            trace.clock_s.append(stats["latency_s"])
            trace.glass_s.append(seen["latencies"][-1])
        viewer.page.wait_for_timeout(SAMPLE_MS)
    viewer.close()
    run = Run(
        mode=mode,
        seconds=seconds,
        join_s=stats["join_s"],
        clock_s=_spread(trace.clock_s),
        glass_s=_spread(glass),
        stalls=stats["stalls"],
        frozen_s=stats["frozen_s"],
        freeze_rate=stats["freeze_rate"],
        still=sum(gap > STILL_S for gap in gaps),
        longest_gap_s=max(gaps, default=seconds),
        frames=stats["total_frames"],
        dropped=stats["dropped_frames"],
        unread=unread,
    )
    return run, trace


@contextmanager
def _demo() -> Iterator[str]:
    """The demo node on free ports; its watch page."""
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder), "demo", "--json", "--port", "0", "--rtmp-port", "0")
        try:
            yield json.loads(program.ready_line())["watch"]
        finally:
            program.close()


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    if not values:
        return (float("nan"),) * 3
    return float(np.median(values)), float(np.percentile(values, 95)), max(values)


def _show(runs: Sequence[Run]) -> None:
    table = Table(title="In headless Chromium", title_justify="left")
    table.add_column("")
    for run in runs:
        table.add_column(NAMES[run.mode], justify="right")
    for name, of in _ROWS.items():
        table.add_row(name, *(of(run) for run in runs))
    console = Console()
    console.print(table)
    console.print(f"Plot: {PLOT.relative_to(ROOT)}")


def _three(values: tuple[float, float, float]) -> str:
    return " / ".join(f"{value:.2f}" for value in values)


_ROWS = {
    "glass to glass, s (median / 95 % / highest)": lambda run: _three(run.glass_s),
    "by ingest's clock, s": lambda run: _three(run.clock_s),
    "first picture after, s": lambda run: f"{run.join_s:.2f}",
    "stalls": lambda run: str(run.stalls),
    "frozen, s": lambda run: f"{run.frozen_s:.2f}",
    "freeze rate": lambda run: f"{run.freeze_rate:.2%}",
    f"picture still over {STILL_S} s": lambda run: str(run.still),
    "longest between two frames, s": lambda run: f"{run.longest_gap_s:.2f}",
    "frames, dropped": lambda run: f"{run.frames}, {run.dropped}",
    "frames without a legible time": lambda run: str(run.unread),
    "seconds played": lambda run: f"{run.seconds:.0f}",
}


def _plot(runs: Sequence[Run], traces: Sequence[Trace]) -> None:
    import matplotlib as mpl  # noqa: PLC0415  (slow to load, and only needed here)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    for run, trace, colour in zip(runs, traces, ("#1b8a7a", "#d9503a"), strict=True):
        name = NAMES[run.mode]
        axes.plot(trace.at_s, trace.glass_s, color=colour, label=f"{name}, glass to glass")
        axes.plot(
            trace.at_s, trace.clock_s, color=colour, lw=1, ls=":", label=f"{name}, ingest's clock"
        )
    axes.set(xlabel="seconds played", ylabel="latency, s", title="Behind live in headless Chromium")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=150)
    plt.close(figure)
