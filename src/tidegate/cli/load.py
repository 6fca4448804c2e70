"""`tidegate load`: the command's options, its progress and its table."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tidegate.load.fleet import run_load
from tidegate.load.outcome import Moment, Outcome
from tidegate.load.plan import ARRIVALS, Audience, Line, parse_lines
from tidegate.load.player import RULES
from tidegate.load.plot import plot
from tidegate.load.target import TargetError, kind_of, resolve


def _lines(_context: object, _parameter: object, value: str | None) -> list[Line]:
    try:
        return parse_lines(value or "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("url")
@click.option("--viewers", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 86_400), default=30.0, show_default=True)
@click.option(
    "--arrival",
    type=click.Choice(ARRIVALS),
    default="ramp",
    show_default=True,
    help="All at once, evenly, or by chance within --over.",
)
@click.option(
    "--over", type=click.FloatRange(0, 86_400), help="Seconds in which all arrive; a tenth if none."
)
@click.option(
    "--churn",
    type=click.FloatRange(0, 86_400),
    default=0.0,
    help="Mean seconds of a view; who leaves is replaced. 0: all stay.",
)
@click.option(
    "--lines", callback=_lines, metavar="SHARE:KBITS,…", help="Access rates, as 70:20000,28:3000."
)
@click.option("--buffer", type=click.FloatRange(0, 60), help="Seconds with which a player starts.")
@click.option("--processes", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--no-low-latency", is_flag=True, help="Play LL-HLS by whole segments.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON on standard output.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Write a PNG.")
def load(  # noqa: PLR0913, PLR0917  (one option each)
    url: str,
    viewers: int,
    seconds: float,
    arrival: str,
    over: float | None,
    churn: float,
    lines: list[Line],
    buffer: float | None,
    processes: int,
    no_low_latency: bool,
    seed: int,
    as_json: bool,
    picture: Path | None,
) -> None:
    """Watch URL with many players and tell how often they froze.

    URL is that of any server: a playlist (.m3u8: HLS, or LL-HLS where it has parts), HTTP-FLV
    (.flv) or progressive fragmented MP4 (.mp4).
    """
    over = seconds / 10 if over is None else over
    audience = Audience(viewers, seconds, arrival, over, churn, lines, seed)
    try:
        target = resolve(url)
        rules = RULES[kind_of(url)]
        if buffer is not None:
            rules = replace(rules, start_s=buffer)
        with _Bar(seconds) as bar:
            outcome = run_load(target, audience, rules, processes, not no_low_latency, bar.tell)
        if as_json:
            click.echo(json.dumps(outcome.figures(seconds)))
        else:
            Console().print(_table(outcome, seconds))
        if picture is not None:
            plot(outcome, f"{viewers:,} viewers of {url}", picture)
    except TargetError as error:
        click.echo(f"tidegate: {error}", err=True)
        sys.exit(2)


class _Bar:
    """Progress on standard error, of all processes together."""

    def __init__(self, seconds: float) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("waiting for a keyframe", total=seconds)
        self._latest: dict[int, Moment] = {}

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, process: int, moment: Moment) -> None:
        """A second of one process."""
        self._latest[process] = moment
        seen = self._latest.values()
        viewers, frozen = sum(each.viewers for each in seen), sum(each.frozen for each in seen)
        rate = sum(each.received for each in seen) * 8 / 1e9
        text = f"{viewers:,} viewers  {frozen:,} frozen  {rate:.2f} Gbit/s"
        self._progress.update(self._task, completed=moment.at, description=text)


def _table(outcome: Outcome, seconds: float) -> Table:
    figures = outcome.figures(seconds)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    joins = [figures[f"join_p{share}_s"] for share in (50, 95, 99)]
    rows = [
        ("freeze rate", f"{100 * figures['freeze_rate']:.3f} %"),
        ("without a stall", f"{100 * figures['stall_free_share']:.2f} % of {outcome.started:,}"),
        ("join, 50 / 95 / 99 %", " / ".join(f"{join:.3f}" for join in joins) + " s"),
        ("bitrate a viewer", f"{figures['bitrate_mbps']:.3f} Mbit/s"),
        ("received", f"{figures['received_gbit']:.2f} Gbit"),
        ("skips", f"{outcome.skips:,}"),
        ("errors", ", ".join(f"{word} {n:,}" for word, n in outcome.errors.items()) or "none"),
        ("this took", f"{figures['cpu_s']:.1f} s of CPU"),
    ]
    for row in rows:
        table.add_row(*row)
    return table
