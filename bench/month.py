"""The month's bill of the reference event: `python -m bench month`.

Nearest-site, ours, and the offline optimum, for some seeds; and the event itself, rehearsed at a
scale under what ours has left of that month's levels and free five minutes. Law: all are billed by
the same rules, and who saves must not freeze more.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from rich.progress import track

from bench._report import Report, bars, canvas, save
from tidegate.sim.event import Rehearsal
from tidegate.sim.money import Money
from tidegate.sim.month import month_bill
from tidegate.sim.places import scaled, topology
from tidegate.sim.scenario import access_of, read_scenario
from tidegate.sim.sweep import with_headroom
from tidegate.sim.world import build

SCENARIO = Path(__file__).parent.parent / "scenarios" / "parade-2015.toml"
COLUMNS = (
    "seed", "nearest, M yuan", "ours", "optimum", "saved", "ours over optimum",
    "event: nearest froze", "ours", "free slots a site", "raised, yuan",
)  # fmt: skip
LEAST_SAVED, MOST_OVER, LITTLE = 0.35, 1.10, 1e-5
"""A freeze rate is no greater when it is so by less than the last, a thousandth of a point: seeds
differ by three."""


def main(argv: Sequence[str]) -> int:
    """Bills, prints, plots. Returns 1 when too little is saved."""
    parser = argparse.ArgumentParser(prog="python -m bench month", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--seeds", type=int, default=2, help="months (2)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--days", type=int, default=0, help="shorter months, to try")
    parser.add_argument("--scale", type=float, default=0.05, help="of the event's players (0.05)")
    parser.add_argument("--headroom", type=float, default=0.0, help="another fleet's")
    given = parser.parse_args(argv)
    report = Report("month", "The month of the parade, 300 sites, 95th percentile", COLUMNS)
    seeds = range(given.seeds)
    ask = partial(_month, days=given.days, headroom=given.headroom, scale=given.scale)
    with ProcessPoolExecutor(given.jobs) as pool:
        months = list(track(pool.map(ask, seeds), "months", len(seeds), transient=True))
    for seed, each in zip(seeds, months, strict=True):
        report.figures[f"seed {seed}"] = each
        millions = [each[f"bill{name}_yuan"] for name in ("_nearest", "", "_optimum")]
        report.row(
            seed,
            *(f"{yuan / 1e6:.3f}" for yuan in millions),
            f"{100 * each['bill_saved']:.1f} %",
            f"{each['bill_over_optimum']:.3f}",
            f"{100 * each['freeze_nearest']:.3f} %",
            f"{100 * each['freeze_ours']:.3f} %",
            f"{each['took']:.1f}",
            f"{each['raised_yuan']:,.0f}",
        )
    report.notes.append(f"The event at a scale of {given.scale:g}, under the month's money.")
    figure, axes = canvas(6, 4)
    values = [
        median(each[f"bill{name}_yuan"] for each in months) / 1e6
        for name in ("_nearest", "", "_optimum")
    ]
    bars(axes, ["nearest", "ours", "offline optimum"], values, "{:.2f}")
    axes.set(title=report.title, ylabel="million yuan")
    save(figure, "month")
    report.finish(given.json)
    return int(not all(_held(each) for each in months))


def _held(month: dict[str, float]) -> bool:
    cheap = month["bill_saved"] >= LEAST_SAVED and month["bill_over_optimum"] <= MOST_OVER
    return cheap and month["freeze_ours"] <= month["freeze_nearest"] + LITTLE


def _month(seed: int, days: int, headroom: float, scale: float) -> dict[str, float]:
    scenario = read_scenario(SCENARIO)
    if days:
        month = scenario.month.model_copy(update={"days": days})
        scenario = scenario.model_copy(update={"month": month})
    if headroom:
        scenario = with_headroom(scenario, headroom)
    lines = access_of(scenario, SCENARIO.parent)
    bills = month_bill(scenario, topology(scenario, lines), seed)
    event, money = scaled(scenario, scale), Money(bills.at_event, scale)
    nearest = Rehearsal(build(event, lines, seed), "nearest", seed, threads=1).run()
    ours = Rehearsal(build(event, lines, seed), "ours", seed, threads=1, money=money).run()
    return {
        **bills.figures(),
        "freeze_nearest": float(nearest.freeze_rate()),
        "freeze_ours": float(ours.freeze_rate()),
        "raised_yuan": money.raised_yuan,
        "took": money.took,
    }
