"""A run as a picture: what was received and who was frozen over time, and how long joining took."""

from itertools import pairwise
from pathlib import Path

from tidegate.load.outcome import Outcome
from tidegate.load.target import TargetError

_BLUE, _RED = "#2563eb", "#dc2626"


def plot(outcome: Outcome, title: str, path: Path) -> None:
    """Write a PNG. Raises `TargetError` when there is no matplotlib."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (large, and only wanted here)
    except ImportError:
        raise TargetError("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    over_time, joining = figure.subplots(2, 1, height_ratios=(3, 2))
    moments = outcome.moments[1:]
    at = [moment.at for moment in moments]
    rates = [
        moment.received * 8 / 1e9 / max(0.1, moment.at - before.at)
        for before, moment in pairwise(outcome.moments)
    ]
    over_time.plot(at, rates, color=_BLUE)
    over_time.set_ylabel("received, Gbit/s", color=_BLUE)
    over_time.set_ylim(bottom=0)
    over_time.set_xlabel("seconds")
    frozen = over_time.twinx()
    shares = [100 * moment.frozen / max(1, moment.viewers) for moment in moments]
    frozen.fill_between(at, shares, color=_RED, alpha=0.35, linewidth=0)
    frozen.set_ylabel("viewers frozen, %", color=_RED)
    frozen.set_ylim(0, max(1.0, *shares, 0.0) * 1.1)
    over_time.set_title(title, loc="left")
    joins = sorted(outcome.joins)
    if joins:
        share = [100 * (index + 1) / len(joins) for index in range(len(joins))]
        joining.step(joins, share, where="post", color=_BLUE)
    joining.set_xlim(left=0)
    joining.set_ylim(0, 101)
    joining.set_xlabel("seconds from request to first picture")
    joining.set_ylabel("viewers, %")
    for axes in (over_time, joining):
        axes.grid(alpha=0.25)
        axes.spines[["top"]].set_visible(False)
    figure.savefig(path, dpi=110)
