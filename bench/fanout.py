"""What a live stream costs to many HTTP-FLV viewers: `python -m bench fanout`.

600 kbit/s to 500, 5,000 and 15,000 viewers (`--viewers` at most), from a node, from the same paced
loop in C, and from `--srs PATH` and `--zlm PATH`. Law: one run, one machine, rounds interleaved; a
server that closes viewers or delivers under 95 % fell over, is shown as such, and is not asked for
as many again.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from bench import _peers, _perf
from bench._film import film, mbit_s, published
from bench._load import LEAST_SHARE, Watched, watched
from bench._report import RATIO_KEYS, Report, canvas, grouped, options, ratio, save
from bench._stage import TICK_MS, Server, c_loop, node, ours

KBIT = 600
STEPS = (500, 5_000, 15_000)
START_S = 5.0
"""Seconds of stream that each server has before anyone watches."""
COLUMNS = (
    "viewers",
    "server",
    "Gbit/s",
    "of a core",
    "CPU s/Gbit",
    "Gbit/s a core",
    "ratio",
    "longest gap, s",
)


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when ours fell over."""
    given = options("fanout", __doc__, argv, 10, STEPS[-1])
    steps = sorted({*(n for n in STEPS if n < given.viewers), given.viewers})
    runs: dict[tuple[str, int], list[Watched]] = {}
    down: set[tuple[str, int]] = set()
    with ExitStack() as stack:
        servers = _servers(stack, given)
        for viewers in steps:
            for number in range(given.rounds):
                turn = servers[number % len(servers) :] + servers[: number % len(servers)]
                for server in turn:
                    if not server.running() or (server.name, viewers) in down:
                        continue
                    print(f"{viewers:,} viewers of {server.name}", file=sys.stderr, flush=True)
                    seen = watched(server, viewers, given.seconds)
                    runs.setdefault((server.name, viewers), []).append(seen)
                    if fell(seen, viewers):
                        down.add((server.name, viewers))
        shares = _perf.shares(servers[0], steps[-1])
    names = [server.name for server in servers]
    report = Report("fanout", f"HTTP-FLV at {KBIT} kbit/s, one core", COLUMNS)
    report.notes.append(
        "The ratio is the other's CPU seconds a Gbit over ours: more than 1, ours is cheaper."
    )
    if shares:
        report.figures["shares_of_ours"] = shares
        report.notes.append(f"Of our time at {steps[-1]:,} viewers, by perf: {_perf.told(shares)}.")
    return _report(report, runs, names, steps, given.json)


def _servers(stack: ExitStack, given: argparse.Namespace) -> list[Server]:
    source = film(KBIT)
    chunk = round(mbit_s(source) * 1e6 / 8 * TICK_MS / 1000)
    enter = stack.enter_context
    servers = [ours(enter(node())), enter(c_loop(chunk))]
    servers += [enter(_peers.srs(given.srs))] if given.srs else []
    servers += [enter(_peers.zlm(given.zlm))] if given.zlm else []
    enter(published(source, *(server.rtmp for server in servers if server.rtmp)))
    time.sleep(START_S)
    return servers


def fell(seen: Watched, viewers: int) -> bool:
    """Whether the server did not hold them."""
    seconds = seen.seconds - 2 * TICK_MS / 1000  # a window may begin and end within a tick
    due = viewers * mbit_s(film(KBIT)) * seconds / 1000
    return bool(seen.closed or seen.refused) or seen.gbit < LEAST_SHARE * due


def _report(
    report: Report,
    runs: dict[tuple[str, int], list[Watched]],
    names: list[str],
    steps: list[int],
    as_json: bool,
) -> int:
    costs = {name: [math.nan] * len(steps) for name in names}
    failed = False
    for at, viewers in enumerate(steps):
        base = _cost(runs["ours", viewers])
        for name in names:
            seen = runs.get((name, viewers), [])
            down = not seen or any(fell(each, viewers) for each in seen)
            failed |= down and name == "ours"
            report.figures.setdefault(name, {})[viewers] = _figures(seen, down)
            if down:
                report.row(*_fallen(seen, viewers, name))
                continue
            cost = _cost(seen)
            costs[name][at] = 1 / cost
            if name in RATIO_KEYS:
                report.figures.setdefault(RATIO_KEYS[name], {})[viewers] = ratio(cost, base)
            report.row(*_cells(seen, viewers, name, cost, base))
    figure, axes = canvas()
    grouped(axes, [f"{n:,} viewers" for n in steps], costs, "{:.1f}", "fell\nover")
    axes.set(title=report.title, ylabel="Gbit/s a core")
    save(figure, "fanout")
    report.finish(as_json)
    return int(failed)


def _fallen(seen: list[Watched], viewers: int, name: str) -> tuple[str, ...]:
    lost = max((each.closed + each.refused for each in seen), default=viewers)
    got = median(each.gbit / each.seconds for each in seen) if seen else 0.0
    share = got / (viewers * mbit_s(film(KBIT)) / 1000)
    how = f"{lost:,} closed" if lost else f"{share:.0%} came"
    return (f"{viewers:,}", name, f"{got:.2f}", "fell over", how, "-", "-", "-")


def _cost(seen: list[Watched]) -> float:
    return median(each.cost for each in seen)


def _cells(
    seen: list[Watched], viewers: int, name: str, cost: float, base: float
) -> tuple[str, ...]:
    return (
        f"{viewers:,}",
        name,
        f"{median(each.gbit / each.seconds for each in seen):.2f}",
        f"{median(each.cpu_s / each.seconds for each in seen):.2f}",
        f"{cost:.4f}",
        f"{1 / cost:.1f}",
        f"{ratio(cost, base):.2f}",
        f"{max(each.gap_ms for each in seen) / 1000:.2f}",
    )


def _figures(seen: list[Watched], down: bool) -> dict[str, object]:
    return {
        "fell_over": down,
        "gbit_s": [each.gbit / each.seconds for each in seen],
        "cpu_s": [each.cpu_s for each in seen],
        "cpu_s_per_gbit": [each.cost for each in seen],
        "closed": [each.closed for each in seen],
        "refused": [each.refused for each in seen],
        "gap_ms": [each.gap_ms for each in seen],
    }
