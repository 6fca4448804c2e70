"""Newcomers while many watch: `python -m bench accept`.

New connections a second, each for a playlist, while 10,000 viewers of HTTP-FLV (`--viewers`) watch;
and the longest that any of those went without a byte, with newcomers and without.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from bench._film import film, published
from bench._load import Asked, Watched, asked, need, watching
from bench._report import Report, bars, canvas, options, save
from bench._stage import CHANNEL, node, ours
from support.channel import live
from support.wait import until

KBIT = 600
COLUMNS = ("", "newcomers/s", "of a core", "newcomers' 99 %, ms", "viewers' longest gap, s", "lost")


@dataclass(frozen=True)
class _Run:
    """Newcomers without viewers, viewers without newcomers, and both at once."""

    alone: Asked
    quiet: Watched
    busy: Watched
    among: Asked

    @property
    def lost(self) -> int:
        """Viewers and newcomers who did not get what they asked for."""
        lost = sum(each.closed + each.refused for each in (self.quiet, self.busy))
        return lost + self.alone.errors + self.among.errors


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when a viewer was lost or a newcomer not answered."""
    need("wrk")
    given = options("accept", __doc__, argv, 10, 10_000)
    run = _measure(given.viewers, given.seconds)
    report = Report("accept", f"Newcomers while {given.viewers:,} watch, one core", COLUMNS)
    _rows(report, run)
    report.figures = {
        "viewers": given.viewers,
        "newcomers_s": _rate(run.among),
        "newcomers_s_alone": _rate(run.alone),
        "gap_ms": run.busy.gap_ms,
        "gap_ms_quiet": run.quiet.gap_ms,
        **{name: asdict(part) for name, part in vars(run).items()},
    }
    figure, axes = canvas(6, 4)
    gaps = {"viewers alone": run.quiet.gap_ms, "with newcomers": run.busy.gap_ms}
    bars(axes, list(gaps), list(gaps.values()), "{:,.0f} ms")
    title = f"{given.viewers:,} viewers, {_rate(run.among):,.0f} newcomers a second"
    axes.set(title=title, ylabel="longest gap of any viewer, ms")
    save(figure, "accept")
    report.finish(given.json)
    return int(bool(run.lost))


def _measure(viewers: int, seconds: float) -> _Run:
    path = f"/live/{CHANNEL}.m3u8"
    among: list[Asked] = []
    with ExitStack() as stack:
        running = stack.enter_context(node(http={"tick_min_ms": 0}))
        stack.enter_context(published(film(KBIT), running.rtmp(CHANNEL)))
        until(lambda: live(running, CHANNEL), "the channel is live")
        server = ours(running)
        alone = asked(server, path, seconds, close=True)
        sink = stack.enter_context(watching(server, viewers, seconds, windows=2))
        quiet = sink.window()
        busy = sink.window(lambda: among.append(asked(server, path, seconds - 1, close=True)))
    return _Run(alone, quiet, busy, among[0])


def _rate(seen: Asked) -> float:
    return seen.requests / seen.seconds


def _rows(report: Report, run: _Run) -> None:
    alone, quiet, busy, among = run.alone, run.quiet, run.busy, run.among
    core = f"{alone.cpu_s / alone.seconds:.2f}"
    report.row("newcomers", f"{_rate(alone):,.0f}", core, f"{alone.p99_ms:.0f}", "-", alone.errors)
    for name, seen, rate, late, errors in (
        ("viewers", quiet, "-", "-", 0),
        ("both", busy, f"{_rate(among):,.0f}", f"{among.p99_ms:.0f}", among.errors),
    ):
        gap, lost = f"{seen.gap_ms / 1000:.2f}", seen.closed + seen.refused + errors
        report.row(name, rate, f"{seen.cpu_s / seen.seconds:.2f}", late, gap, lost)
