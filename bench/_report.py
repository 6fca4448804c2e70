"""What a bench says: its options, a table, a page with a plot, or one line of JSON."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
WIDTH = 120
"""Columns of a table that no terminal shows."""
COLOURS = {
    "ours": "#1b8a7a",
    "C loop": "#7a7a7a",
    "nginx": "#4a7fd9",
    "nginx cache": "#9db8e8",
    "SRS": "#d9503a",
    "ZLMediaKit": "#d99a3a",
}
RATIO_KEYS = {"C loop": "ratio_c", "nginx": "ratio_nginx", "SRS": "ratio_srs"}
RATIO_KEYS |= {"ZLMediaKit": "ratio_zlm", "nginx cache": "ratio_nginx_cache"}


def options(
    name: str,
    about: str | None,
    argv: Sequence[str],
    seconds: float,
    viewers: int,
    rounds: int = 3,
) -> argparse.Namespace:
    """`--json`, `--seconds`, `--viewers`, `--rounds`, and where other servers' programs are."""
    parser = argparse.ArgumentParser(prog=f"python -m bench {name}", description=about)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--seconds", type=float, default=seconds, help=f"a window ({seconds:g})")
    parser.add_argument("--viewers", type=int, default=viewers, help=f"at most ({viewers})")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"interleaved rounds ({rounds})")
    parser.add_argument("--srs", type=Path, help="the program `srs`, to compare with it")
    parser.add_argument("--zlm", type=Path, help="the program `MediaServer` of ZLMediaKit")
    return parser.parse_args(argv)


def ratio(cost: float, ours: float) -> float:
    """Another's cost over ours: 1 is equal, more means that ours is cheaper."""
    return round(cost / ours, 3) if ours else float("nan")


class Report:
    """A title, a table with its first column at the left, and every figure for `--json`."""

    def __init__(self, name: str, title: str, columns: Sequence[str]) -> None:
        self.name = name
        self.title = title
        self.columns = columns
        self.rows: list[list[str]] = []
        self.figures: dict[str, Any] = {}
        self.notes: list[str] = []

    def row(self, *cells: object) -> None:
        """One line of the table."""
        self.rows.append([str(cell) for cell in cells])

    def finish(self, as_json: bool) -> None:
        """Prints it, and writes `results/NAME.md`."""
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.md").write_text(self._page())
        if as_json:
            print(json.dumps(_plain(self.figures)))
            return
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console = Console(width=None if sys.stdout.isatty() else WIDTH)
        console.print(table)
        for note in self.notes:
            console.print(note, markup=False)

    def _page(self) -> str:
        lines = [f"# {self.title}", "", f"`python -m bench {self.name}`", ""]
        lines += ["| " + " | ".join(self.columns) + " |"]
        lines += ["|" + "|".join(["---", *["---:"] * (len(self.columns) - 1)]) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += ["", *(f"{note}\n" for note in self.notes)]
        lines += [f"![{self.title}]({self.name}.png)", ""]
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return None if value != value else round(value, 6)  # noqa: PLR0124
    return value


def canvas(width: float = 8, height: float = 4) -> tuple[Any, Any]:
    """A figure and its axes, without a screen."""
    import matplotlib as mpl  # noqa: PLC0415  (slow to load, and only needed here)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def bars(axes: Any, names: Sequence[str], values: Sequence[float], form: str = "{:,.0f}") -> None:
    """One bar a server, its value above it."""
    drawn = axes.bar(names, values, color=[COLOURS.get(name, "#888") for name in names], width=0.6)
    axes.bar_label(drawn, [form.format(value) for value in values], padding=2)
    axes.margins(y=0.12)


def grouped(
    axes: Any,
    groups: Sequence[str],
    series: Mapping[str, Sequence[float]],
    form: str,
    missing: str = "-",
) -> None:
    """A group of bars for each of `groups`, one a server; `missing` stands for a NaN's."""
    width = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = [at + (number - (len(series) - 1) / 2) * width for at in range(len(groups))]
        shown = [0.0 if value != value else value for value in values]  # noqa: PLR0124
        drawn = axes.bar(places, shown, width * 0.92, color=COLOURS.get(name, "#888"), label=name)
        labels = [form.format(value) if value else missing for value in shown]
        axes.bar_label(drawn, labels, padding=2, fontsize=8)
    axes.set_xticks(range(len(groups)), groups)
    axes.margins(y=0.12)
    axes.legend(frameon=False, ncols=len(series), loc="upper center", bbox_to_anchor=(0.5, -0.12))


def save(figure: Any, name: str) -> None:
    """`results/NAME.png`."""
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / f"{name}.png", dpi=130)
