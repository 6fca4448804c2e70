"""The month's bill of the reference event: `python -m bench month`.

Nearest-site, ours, and the offline optimum, for some seeds. Law: all are billed by the same rules.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from rich.progress import track

from bench._report import Report, bars, canvas, save
from tidegate.sim.month import Bills, month_bill
from tidegate.sim.places import topology
from tidegate.sim.scenario import access_of, read_scenario
from tidegate.sim.sweep import with_headroom

SCENARIO = Path(__file__).parent.parent / "scenarios" / "parade-2015.toml"
COLUMNS = ("seed", "nearest, M yuan", "ours", "optimum", "saved", "ours over optimum")
LEAST_SAVED, MOST_OVER = 0.35, 1.10


def main(argv: Sequence[str]) -> int:
    """Bills, prints, plots. Returns 1 when too little is saved."""
    parser = argparse.ArgumentParser(prog="python -m bench month", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--seeds", type=int, default=2, help="months (2)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--days", type=int, default=0, help="shorter months, to try")
    parser.add_argument("--headroom", type=float, default=0.0, help="another fleet's")
    given = parser.parse_args(argv)
    report = Report("month", "The month of the parade, 300 sites, 95th percentile", COLUMNS)
    seeds = range(given.seeds)
    ask = partial(_month, days=given.days, headroom=given.headroom)
    with ProcessPoolExecutor(given.jobs) as pool:
        months = list(track(pool.map(ask, seeds), "months", len(seeds), transient=True))
    for seed, each in zip(seeds, months, strict=True):
        report.figures[f"seed {seed}"] = each.figures()
        millions = [each.nearest_yuan, each.ours_yuan, each.optimum_yuan]
        report.row(
            seed,
            *(f"{yuan / 1e6:.3f}" for yuan in millions),
            f"{100 * each.saved:.1f} %",
            f"{each.over_optimum:.3f}",
        )
    figure, axes = canvas(6, 4)
    values = [
        median(getattr(each, f"{name}_yuan") for each in months) / 1e6
        for name in ("nearest", "ours", "optimum")
    ]
    bars(axes, ["nearest", "ours", "offline optimum"], values, "{:.2f}")
    axes.set(title=report.title, ylabel="million yuan")
    save(figure, "month")
    report.finish(given.json)
    held = all(each.saved >= LEAST_SAVED and each.over_optimum <= MOST_OVER for each in months)
    return int(not held)


def _month(seed: int, days: int, headroom: float) -> Bills:
    scenario = read_scenario(SCENARIO)
    if days:
        month = scenario.month.model_copy(update={"days": days})
        scenario = scenario.model_copy(update={"month": month})
    if headroom:
        scenario = with_headroom(scenario, headroom)
    places = topology(scenario, access_of(scenario, SCENARIO.parent))
    return month_bill(scenario, places, seed)
