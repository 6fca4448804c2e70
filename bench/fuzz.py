"""Fuzzes every target of `fuzz/`: `python -m bench fuzz [TARGET…] [--seconds 600] [--jobs 2]`.

Law: whatever it finds is a file in `tests/fuzz_finds/<target>/` before it reports, and so a test
from then on.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from bench._fuzz_targets import FINDS, TARGETS, finds, seeds

HANG_S = 10
"""Seconds one input may take. Parsers answer in microseconds; this is a loop that never ends."""
MEMORY_MB = 1024
"""Resident memory at which a target has failed."""
GROWTH_MB = 64
"""Growth of resident memory that is a leak, after the warm-up; libFuzzer's own corpus is in it."""
WARM_UP = 1 / 3
"""Share of the time after which memory should have settled."""
LONGEST_INPUT = 8192
"""Bytes of an input at most, or the longest seed: beyond it, inputs only get slower."""
START_S = 60
"""Seconds a target gets on top, to load and instrument."""
SAMPLE_S = 0.5
TAIL_LINES = 40
"""Lines of a failed target's output that are shown."""


@dataclass
class Outcome:
    """What became of one target. Memory in MB; `failure` is empty when nothing was found."""

    target: str
    runs: int = 0
    runs_per_s: int = 0
    coverage: int = 0
    peak_mb: int = 0
    growth_mb: int = 0
    finds: list[str] = field(default_factory=list)
    failure: str = ""
    output: str = field(default="", repr=False)


def main(argv: Sequence[str]) -> int:
    """The exit code: 1 when anything was found."""
    options = _options(argv)
    console = Console(stderr=options.json)
    if importlib.util.find_spec("atheris") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        console.print(f"fuzz: skipped: there is no atheris for this Python ({version})")
        return 0
    outcomes = _all(options.targets or TARGETS, options.seconds, options.jobs, console)
    for outcome in outcomes:
        if outcome.failure:
            console.rule(f"{outcome.target}: {outcome.failure}")
            console.print("\n".join(outcome.output.splitlines()[-TAIL_LINES:]), markup=False)
    console.print(_table(outcomes))
    if options.json:
        shown = [{k: v for k, v in asdict(each).items() if k != "output"} for each in outcomes]
        print(json.dumps(shown))
    return 1 if any(outcome.failure for outcome in outcomes) else 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench fuzz", description="Fuzz the parsers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600, help="for each target (600)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once (2)")
    parser.add_argument("--json", action="store_true", help="one line of JSON on standard output")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    return options


def _all(targets: Sequence[str], seconds: int, jobs: int, console: Console) -> list[Outcome]:
    console.print(f"fuzz: {len(targets)} targets, {seconds} s each, {jobs} at once")
    with Progress(console=console, transient=True) as progress, ThreadPoolExecutor(jobs) as pool:
        bars = {name: progress.add_task(name, total=seconds, start=False) for name in targets}
        return list(pool.map(lambda name: _one(name, seconds, progress, bars[name]), targets))


def _one(target: str, seconds: int, progress: Progress, bar: TaskID) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="tidegate-fuzz-") as folder:
        corpus, found = Path(folder, "corpus"), Path(folder, "found")
        corpus.mkdir()
        found.mkdir()
        inputs = [*seeds(target), *(path.read_bytes() for path in finds(target))]
        for number, data in enumerate(inputs):
            (corpus / f"seed-{number}").write_bytes(data)
        longest = max([LONGEST_INPUT, *map(len, inputs)])
        output = Path(folder, "output")
        command = [
            *(sys.executable, "-m", "bench._fuzz_child", target),
            *(f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}"),
            *(f"-max_len={longest}", f"-artifact_prefix={found}/", "-print_final_stats=1"),
            str(corpus),
        ]
        progress.start_task(bar)
        with output.open("wb") as sink:
            child = subprocess.Popen(command, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)
        samples = _watch(child, seconds, progress, bar)
        outcome = _read(target, output.read_text(errors="replace"), samples, seconds)
        outcome.finds = [_keep(target, path) for path in sorted(found.iterdir())]
        outcome.failure = _failure(outcome, child.returncode)
        return outcome


def _watch(
    child: subprocess.Popen[bytes], seconds: int, progress: Progress, bar: TaskID
) -> list[tuple[float, int]]:
    """Waits for the child, killed when it is late; its (age in s, resident MB) along the way."""
    start = time.monotonic()
    samples = []
    while child.poll() is None:
        age = time.monotonic() - start
        progress.update(bar, completed=min(age, seconds))
        if age > seconds + START_S:
            child.kill()
        samples.append((age, _resident_mb(child.pid)))
        time.sleep(SAMPLE_S)
    return samples


def _resident_mb(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _read(target: str, text: str, samples: list[tuple[float, int]], seconds: int) -> Outcome:
    """The outcome as libFuzzer's own lines and the samples of memory tell it."""

    def last(pattern: str) -> int:
        return int((re.findall(pattern, text) or ["0"])[-1])

    settled = [mb for age, mb in samples if age >= seconds * WARM_UP and mb]
    return Outcome(
        target,
        runs=last(r"stat::number_of_executed_units: +(\d+)"),
        runs_per_s=last(r"stat::average_exec_per_sec: +(\d+)"),
        coverage=last(r"\bcov: (\d+)"),
        peak_mb=max((mb for _, mb in samples), default=0),
        growth_mb=settled[-1] - settled[0] if settled else 0,
        output=text,
    )


def _keep(target: str, path: Path) -> str:
    """Makes a find a test; returns where it lies."""
    folder = FINDS / target
    folder.mkdir(parents=True, exist_ok=True)
    kept = shutil.copy(path, folder / path.name)
    return str(kept.relative_to(FINDS.parent.parent))


def _failure(outcome: Outcome, code: int) -> str:
    if outcome.finds:
        return f"{len(outcome.finds)} found: {outcome.finds[0]}"
    if code != 0:
        return f"ended with code {code}"
    if outcome.growth_mb > GROWTH_MB:
        return f"memory grew by {outcome.growth_mb} MB, more than {GROWTH_MB}"
    return ""


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=None, padding=(0, 2))
    table.add_column("target")
    for name in ("runs", "runs/s", "coverage", "peak MB", "growth MB", "finds"):
        table.add_column(name, justify="right")
    for each in outcomes:
        numbers = (each.runs, each.runs_per_s, each.coverage, each.peak_mb, each.growth_mb)
        style = "bold red" if each.failure else ""
        found = str(len(each.finds))
        table.add_row(each.target, *(f"{number:,}" for number in numbers), found, style=style)
    return table
