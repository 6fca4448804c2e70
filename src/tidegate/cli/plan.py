"""`tidegate plan`: what fleet holds an event, at what cost, as a page to hand on."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tidegate.sim.report import page
from tidegate.sim.scenario import MOST_SITES, ScenarioError, access_of, read_scenario
from tidegate.sim.sweep import Asked, Study, study

MOST_FLEETS = 20


def _numbers(_context: click.Context, _option: click.Parameter, text: str) -> tuple[float, ...]:
    if not text:
        return ()
    try:
        numbers = tuple(float(each) for each in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 1.2,1.4,1.6") from None
    if not all(0 < each <= MOST_SITES for each in numbers):
        raise click.BadParameter(f"give numbers above 0 and up to {MOST_SITES:,}")
    return tuple(sorted(numbers))


@click.command()
@click.argument("event", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default="plan.html", show_default=True,
    help="The page to write.",
)  # fmt: skip
@click.option(
    "--freeze", type=click.FloatRange(0, 1), default=0.005, show_default=True,
    help="Freeze rate to hold, a share.",
)  # fmt: skip
@click.option(
    "--headroom", default="1.15,1.25,1.4,1.6", show_default=True, callback=_numbers,
    help="Fleets to try, by their capacity over the peak.",
)  # fmt: skip
@click.option(
    "--sites", default="", callback=_numbers,
    help="And by how many sites they have; the scenario's, if nothing is said.",
)  # fmt: skip
@click.option(
    "--commit", default="", callback=_numbers,
    help="And by what is paid for in any case, share of a site's capacity; so too.",
)  # fmt: skip
@click.option(
    "--deaths", type=click.IntRange(0, 100), default=8, show_default=True,
    help="How many of the largest sites are killed, one at a time.",
)  # fmt: skip
@click.option(
    "--scale", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True,
    help="Share of the audience that is rehearsed.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True)
def plan(  # noqa: PLR0913, PLR0917  (one option each)
    event: Path, out: Path, freeze: float, headroom: tuple[float, ...], sites: tuple[float, ...],
    commit: tuple[float, ...], deaths: int, scale: float, seed: int,
) -> None:  # fmt: skip
    """Find the cheapest fleet that holds the EVENT of a scenario file, and write a report."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    try:
        if not out.absolute().parent.is_dir():
            raise ScenarioError(f"--out {out}: there is no such folder")
        scenario = read_scenario(event)
        lines = access_of(scenario, event.parent)
        _few(headroom, sites, commit)
        asked = Asked(
            headroom, [round(each) for each in sites], commit, deaths, scale, freeze, seed
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            found = study(
                scenario, lines, asked,
                lambda what, done: bar.update(task, completed=done, description=what),
            )  # fmt: skip
        out.write_text(page(found), encoding="utf-8")
    except (ScenarioError, OSError) as error:
        for line in str(error).splitlines():
            click.echo(f"tidegate: {line}", err=True)
        sys.exit(2)
    _tell(found, out)


def _few(headroom: tuple[float, ...], sites: tuple[float, ...], commit: tuple[float, ...]) -> None:
    count = len(headroom) * max(1, len(sites)) * max(1, len(commit))
    if not 0 < count <= MOST_FLEETS:
        raise ScenarioError(
            f"--headroom, --sites and --commit make {count} fleets; give 1 to {MOST_FLEETS}"
        )
    if any(each > 1 for each in commit):
        raise ScenarioError("--commit: a share of the capacity is at most 1")


def _tell(found: Study, out: Path) -> None:
    chosen, bill = found.chosen, found.chosen.bill
    held = "hold" if chosen.holds else "freeze least of those tried and do not hold"
    click.echo(
        f"{chosen.sites} sites with {chosen.headroom:g} times the peak {held} "
        f"{100 * found.target:g} % frozen: {100 * chosen.freeze_rate:.3f} %, "
        f"about {chosen.yuan:,.0f} yuan a month, {bill.ours_yuan:,.0f} of it traffic "
        f"({bill.nearest_yuan:,.0f} by nearest site)"
    )
    click.echo(f"report: {out}")
