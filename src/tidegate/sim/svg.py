"""Plots as inline SVG: lines over time and bars, in colours that the page's style sets.

Law: every text is escaped, every axis has its unit, and a series is named where it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 640, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 118, 24, 34
ABOVE = 14
"""Of the first bar, where no unit stands."""


@dataclass(frozen=True)
class Series:
    """`tone` is the name of a class of the page's style: ours, nearest, floor, other."""

    name: str
    tone: str
    points: Sequence[tuple[float, float]]


def nice(most: float) -> float:
    """The step of a scale with three to six marks up to `most`."""
    if most <= 0:
        return 1.0
    step = 10.0 ** floor(log10(most / 3))
    while most / step > 6:
        step *= 2.5 if str(step)[0] == "2" else 2.0
    return step


def lines(series: Sequence[Series], x_unit: str, y_unit: str, mark: tuple[float, str]) -> str:
    """Lines from 0 up; `mark` is a moment and its name, drawn as an upright line."""
    most_x = max(x for each in series for x, _ in each.points)
    most_y = max(y for each in series for _, y in each.points) * 1.08 or 1.0
    across = (WIDTH - LEFT - RIGHT) / most_x
    up = (HEIGHT - TOP - BOTTOM) / most_y
    parts = [_frame(most_x, most_y, x_unit, y_unit)]
    at, word = mark
    if 0 < at < most_x:
        x = LEFT + at * across
        parts.append(
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        )
        parts.append(_text(x + 4, TOP + 10, word, "note"))
    ends: list[float] = []
    for each in series:
        path = " ".join(
            f"{LEFT + x * across:.1f},{HEIGHT - BOTTOM - y * up:.1f}" for x, y in each.points
        )
        parts.append(f'<polyline class="line {each.tone}" points="{path}"/>')
        y = HEIGHT - BOTTOM - each.points[-1][1] * up
        while any(abs(y - other) < 14 for other in ends):
            y -= 14
        ends.append(y)
        parts.append(_text(WIDTH - RIGHT + 6, y + 4, each.name, f"name {each.tone}"))
    return _svg(parts)


def bars(rows: Sequence[tuple[str, float, str, str]], unit: str) -> str:
    """Lying bars: (name, value, what stands at its end, tone)."""
    most = max((value for _, value, _, _ in rows), default=0.0) or 1.0
    tall, left = 28, 200
    height = ABOVE + tall * len(rows) + 22
    parts = []
    for number, (name, value, said, tone) in enumerate(rows):
        y = ABOVE + number * tall
        long = max(1.5, value / most * (WIDTH - left - 130))
        parts.append(_text(left - 8, y + 15, name, "label"))
        parts.append(
            f'<rect class="bar {tone}" x="{left}" y="{y + 3}" width="{long:.1f}" height="16"/>'
        )
        parts.append(_text(left + long + 6, y + 15, said, "value"))
    parts.append(_text(left, height - 4, unit, "unit"))
    return _svg(parts, height)


def _frame(most_x: float, most_y: float, x_unit: str, y_unit: str) -> str:
    parts = []
    step, y = nice(most_y), 0.0
    while y <= most_y:
        high = HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM) / most_y
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{high:.1f}" y2="{high:.1f}"/>'
        )
        parts.append(_text(LEFT - 6, high + 4, f"{y:g}", "tick right"))
        y = round(y + step, 9)
    step, x = nice(most_x), 0.0
    while x <= most_x:
        at = LEFT + x * (WIDTH - LEFT - RIGHT) / most_x
        parts.append(_text(at, HEIGHT - BOTTOM + 15, f"{x:g}", "tick middle"))
        x = round(x + step, 9)
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, x_unit, "unit right"))
    parts.append(_text(2, TOP - 12, y_unit, "unit"))
    return "".join(parts)


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(parts: Sequence[str], height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(parts)}</svg>'
