"""`tidegate sim`: an event rehearsed, with a bar while it runs."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tidegate.sim.event import Rehearsal
from tidegate.sim.money import Money
from tidegate.sim.month import Bills, month_bill
from tidegate.sim.places import scaled, topology
from tidegate.sim.policies import NAMES
from tidegate.sim.result import Result, Span
from tidegate.sim.scenario import Scenario, ScenarioError, access_of, read_scenario
from tidegate.sim.world import build


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Choice([*NAMES, "all"]), default="ours", show_default=True)
@click.option(
    "--scale",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Fewer players, and sites smaller by as much.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True)
@click.option(
    "--bill",
    is_flag=True,
    help="Bill the event's month, and rehearse ours under it; takes minutes.",
)
@click.option("--no-floor", is_flag=True, help="Leave out the run on unlimited servers.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON a policy.")
def sim(  # noqa: PLR0913, PLR0917  (one option each)
    scenario: Path, policy: str, scale: float, seed: int, bill: bool, no_floor: bool, as_json: bool
) -> None:
    """Rehearse the event in the file SCENARIO, player by player.

    The dispatcher inside is the one that runs the fleet. The floor is what the same players freeze
    on unlimited servers: the rest is what servers and steering cause.
    """
    try:
        whole = read_scenario(scenario)
        event = scaled(whole, scale)
        policies = NAMES if policy == "all" else (policy,)
        floor = None if no_floor else _run(event, scenario.parent, "floor", seed)
        bills = _billed(whole, scenario.parent, seed) if bill else None
        for name in policies:
            money = Money(bills.at_event.copy(), scale) if bills and name == "ours" else None
            figures = _run(event, scenario.parent, name, seed, money).figures()
            least = None if floor is None else float(floor.freeze_rate())
            figures["freeze_floor"] = least
            figures["freeze_caused"] = None if least is None else figures["freeze_rate"] - least
            if bills:
                figures |= bills.figures()
            if money:
                figures["event_raised_yuan"] = money.raised_yuan
            if as_json:
                click.echo(json.dumps(figures))
            else:
                Console().print(_table(figures))
    except ScenarioError as error:
        for line in str(error).splitlines():
            click.echo(f"tidegate: {line}", err=True)
        sys.exit(2)


def _run(
    event: Scenario, folder: Path, policy: str, seed: int, money: Money | None = None
) -> Result:
    world = build(event, access_of(event, folder), seed)
    floor = policy == "floor"
    kind = "nearest" if floor else policy
    rehearsal = Rehearsal(world, kind, seed, unlimited=floor, money=money)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(policy, total=event.event.duration_s)

        def tell(now: float, span: Span) -> None:
            text = (
                f"{policy}  {span.viewers:,} viewers  {span.gbps:,.0f} Gbit/s  "
                f"{100 * span.freeze_rate:.2f} % frozen"
            )
            bar.update(task, completed=now, description=text)

        return rehearsal.run(tell)


def _billed(whole: Scenario, folder: Path, seed: int) -> Bills:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("the month", total=1.0)
        places = topology(whole, access_of(whole, folder))
        return month_bill(whole, places, seed, lambda done: bar.update(task, completed=done))


def _table(figures: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    rows = [("policy", figures["policy"]), ("freeze rate", f"{100 * figures['freeze_rate']:.3f} %")]
    if figures["freeze_floor"] is not None:
        caused = 100 * (figures["freeze_rate"] - figures["freeze_floor"])
        rows.append(("of it, lines alone", f"{100 * figures['freeze_floor']:.3f} %"))
        rows.append(("servers and steering", f"{caused:.4f} points"))
    joins = " / ".join(f"{figures[f'join_p{share}_s']:.2f}" for share in (50, 95, 99))
    rows += [
        ("views without a stall", f"{100 * figures['stall_free_share']:.1f} %"),
        ("bitrate a viewer", f"{figures['bitrate_kbps']:.0f} kbit/s"),
        ("sound alone", f"{100 * figures['sound_only_share']:.2f} % of the time"),
        ("join, 50 / 95 / 99 %", f"{joins} s"),
        ("peak", f"{figures['peak_viewers']:,} viewers, {figures['peak_gbps']:,.1f} Gbit/s"),
        ("fullest site", f"{100 * figures['peak_site_load']:.0f} % over ten seconds"),
        ("moves", f"{figures['moves_per_viewer_hour']:.2f} a viewer's hour"),
    ]
    if "bill_yuan" in figures:
        rows.append(
            (
                "month's traffic",
                f"{figures['bill_yuan']:,.0f} yuan; nearest {figures['bill_nearest_yuan']:,.0f}, "
                f"optimum {figures['bill_optimum_yuan']:,.0f}",
            )
        )
    if "event_raised_yuan" in figures:
        rows.append(("raised by the event", f"{figures['event_raised_yuan']:,.0f} yuan"))
    rows += [
        ("this took", f"{figures['wall_s']:.1f} s, {figures['times_real_time']:.0f} x real time"),
    ]
    for row in rows:
        table.add_row(*row)
    return table
