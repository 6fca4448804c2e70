"""A run as a picture: what was received and who was frozen over time, and how long joining took."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.load.outcome import Outcome, quantile
from tidegate.load.target import TargetError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _RED, _GREY = "#2563eb", "#dc2626", "#6b7280"


def plot(outcome: Outcome, title: str, path: Path) -> None:
    """Write a PNG. Raises `TargetError` when there is no matplotlib, or no such folder."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (large, and only wanted here)
    except ImportError:
        raise TargetError("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    over_time, joining = figure.subplots(2, 1, height_ratios=(3, 2))
    _received(over_time, outcome)
    frozen = over_time.twinx()
    _frozen(frozen, outcome)
    _joining(joining, outcome)
    over_time.set_title(title, loc="left", fontsize=11, fontweight="bold")
    told = f"freeze rate {100 * outcome.freeze_rate:.2f} %"
    over_time.set_title(told, loc="right", fontsize=10, color=_RED)
    for axes in (over_time, frozen, joining):
        axes.spines["top"].set_visible(False)
    over_time.spines["right"].set_visible(False)
    joining.spines["right"].set_visible(False)
    for axes in (over_time, joining):
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as error:
        raise TargetError(f"--plot {path}: {error.strerror}") from error


def _received(axes: "Axes", outcome: Outcome) -> None:
    rates = [
        moment.received * 8 / 1e6 / max(0.1, moment.at - before.at)
        for before, moment in pairwise(outcome.moments)
    ]
    unit, scale = ("Gbit/s", 1000.0) if max(rates, default=0.0) >= 1000 else ("Mbit/s", 1.0)
    at = [moment.at for moment in outcome.moments[1:]]
    axes.plot(at, [rate / scale for rate in rates], color=_BLUE, linewidth=1.8)
    axes.set_xlim(0, max(at, default=1.0))
    axes.set_ylim(0, max(max(rates, default=0.0) / scale, 0.01) * 1.1)
    axes.set_xlabel("seconds")
    axes.set_ylabel(f"received, {unit}", color=_BLUE)
    axes.tick_params(axis="y", colors=_BLUE)


def _frozen(axes: "Axes", outcome: Outcome) -> None:
    moments = outcome.moments[1:]
    shares = [100 * moment.frozen / max(1, moment.viewers) for moment in moments]
    at = [moment.at for moment in moments]
    axes.fill_between(at, shares, color=_RED, alpha=0.3, linewidth=0)
    axes.plot(at, shares, color=_RED, linewidth=1.0)
    axes.set_ylim(0, max(1.0, *shares, 0.0) * 1.1)
    axes.set_ylabel("viewers frozen, %", color=_RED)
    axes.tick_params(axis="y", colors=_RED)


def _joining(axes: "Axes", outcome: Outcome) -> None:
    """Of all views, so that those which never began are seen to be missing."""
    joins = sorted(outcome.joins)
    longest = max(joins, default=1.0)
    share = [100 * count / max(1, outcome.views) for count in range(len(joins) + 1)]
    seconds = [0.0, *joins, longest * 1.03]
    axes.step(seconds, [*share, share[-1]], where="post", color=_BLUE, linewidth=1.8)
    for percent in (50, 95):
        at = quantile(joins, percent / 100)
        axes.axvline(at, color=_GREY, linewidth=0.8, linestyle=":")
        axes.annotate(
            f" {percent} %: {at:.3f} s", (at, 4), color=_GREY, fontsize=8, rotation=90, ha="left"
        )
    axes.set_xlim(0, longest * 1.03)
    axes.set_ylim(0, 104)
    axes.set_xlabel("seconds from request to first picture")
    axes.set_ylabel("views, %")
