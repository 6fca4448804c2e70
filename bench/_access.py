"""The figures of `scenarios/access.toml`, derived from trace sets.

A set's traces become lines, each a series of rates over its own mean. The ratios are sorted into
levels; several hidden states may share a level, and expectation maximisation finds the chances
between states under which the series are likeliest. So the shares of the levels and the mean
length of a spell under any level's bound are the traces' own, and hidden states give the spells
the spread of theirs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit

from tidegate.sim.access import ROW_SUM, Access, stationary

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SPLICE = 12
"""Rows of an FCC trace before its splice; two pieces as long follow."""
ROUNDS = 200
SEED = 4


@dataclass(frozen=True)
class TraceSet:
    """One type of access and where its lines come from.

    bounds: of the levels, as rate over mean; states: how many hidden states each level gets.
    piece: rows to a line, 0 takes the whole trace.
    """

    name: str
    share: float
    folders: tuple[str, ...]
    rtt_ms: float
    step_s: float
    bounds: tuple[float, ...]
    states: tuple[int, ...]
    quantiles: int
    source: str
    piece: int = 0


FCC = (
    "FCC Measuring Broadband America, as in Sabre (UMass-LIDS, MMSys 2018) sd_fs and hd_fs: 2000 "
    "traces of 36 rows of 5 s. Each is 60 s of a slow line spliced to 120 s of a fast one (their "
    "means do not correlate: 0.00, -0.05), made to try fast switching; so each third is taken as "
    "a line of its own. Slow lines of 0.2 to 2.5 Mbit/s and fast ones of 4.7 to 63 were chosen for "
    "that: this is not the FCC's population, it has many more slow lines. What wavers within 5 s "
    "is not in it. The round trip is Sabre's."
)
GHENT = (
    "Ghent 4G/LTE (van der Hooft 2016), 40 logs on foot, bicycle, bus, tram, train and car, as in "
    "Sabre's 4Glogs, 1 s; every log counts as one line. The round trip is Sabre's."
)
NORWAY = (
    "Norway 3G/HSDPA (Riiser 2013), 86 logs on bus, metro, tram, ferry, train and car, as in "
    "Sabre's 3Glogs, 1 s; every log counts as one line, long gaps included. The round trip is "
    "Sabre's."
)

SETS = (
    TraceSet(
        "fixed",
        0.70,
        ("sd_fs", "hd_fs"),
        20,
        5,
        (0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 1.1, 1.3),
        (3, 2, 1, 1, 1, 2, 2, 2, 2),
        101,
        FCC,
        SPLICE,
    ),
    TraceSet(
        "4g",
        0.28,
        ("4Glogs",),
        20,
        1,
        (0.0005, 0.1, 0.25, 0.5, 0.9, 1.4),
        (4, 3, 2, 2, 2, 2, 1),
        41,
        GHENT,
    ),
    TraceSet(
        "3g",
        0.02,
        ("3Glogs",),
        100,
        1,
        (0.001, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.3, 2.2),
        (2, 2, 2, 1, 1, 1, 2, 2, 2, 1),
        101,
        NORWAY,
    ),
)


def lines(kind: TraceSet, root: Path) -> list[F64]:
    """The set's lines: rates in kbit/s, one a step."""
    found = []
    for folder in kind.folders:
        for path in sorted((root / folder).glob("*.json")):
            rows = json.loads(path.read_text())
            table = np.array([[row["duration_ms"], row["bandwidth_kbps"]] for row in rows], float)
            rates = _even(table, kind.step_s * 1000)
            size = kind.piece or len(rates)
            found += [rates[at : at + size] for at in range(0, len(rates), size)]
    return [line for line in found if line.mean() > 0]


def _even(table: F64, step_ms: float) -> F64:
    """Rows of (ms, kbit/s) as mean rates over even steps."""
    ends = np.append(0, np.cumsum(table[:, 0]))
    bits = np.append(0, np.cumsum(table[:, 0] * table[:, 1]))
    grid = np.arange(max(1, round(ends[-1] / step_ms)) + 1) * step_ms
    return np.diff(np.interp(grid, ends, bits)) / step_ms


def derive(kind: TraceSet, found: Sequence[F64]) -> Access:
    """The figures of the set."""
    means = np.array([line.mean() for line in found])
    ratios = [line / mean for line, mean in zip(found, means, strict=True)]
    levels = [np.searchsorted(kind.bounds, each, side="right") for each in ratios]
    weights = np.array([1 / len(each) for each in ratios])
    level_of = np.repeat(np.arange(len(kind.states)), kind.states)
    chances = whole(fit(levels, weights, level_of))
    ratio = _level_means(ratios, levels, weights, len(kind.states))[level_of]
    ratio /= stationary(np.array(chances) / ROW_SUM) @ ratio
    return Access(
        name=kind.name,
        source=kind.source,
        share=kind.share,
        rtt_ms=kind.rtt_ms,
        step_s=kind.step_s,
        mean_kbps=tuple(_quantiles(means, kind.quantiles)),
        ratio=tuple(ratio.round(5).tolist()),
        per_100k=chances,
    )


def _quantiles(means: F64, count: int) -> list[float]:
    """At even shares, but the ends a quarter of a step inside: one extreme line stands for few."""
    inside = 0.25 / (count - 1)
    places = np.clip(np.linspace(0, 1, count), inside, 1 - inside)
    return [float(round(mean)) for mean in np.quantile(means, places, method="hazen")]


def _level_means(ratios: Sequence[F64], levels: Sequence[I64], weights: F64, count: int) -> F64:
    """The mean ratio within each level, every line with the same weight."""
    weight = np.repeat(weights, [len(each) for each in ratios])
    level = np.concatenate(levels)
    shares = np.bincount(level, weight, count)
    sums = np.bincount(level, weight * np.concatenate(ratios), count)
    return np.asarray(sums / np.maximum(shares, 1e-12), np.float64)


def fit(levels: Sequence[I64], weights: F64, level_of: I64) -> F64:
    """The chances between hidden states; `level_of` says which level each state shows.

    Every line runs twice, end to start, as a replayed trace does: so its levels are entered as
    often as left, and the chain rests where the line did.
    """
    shown = np.concatenate([np.tile(each, 2) for each in levels])
    starts = np.append(0, np.cumsum([2 * len(each) for each in levels]))
    chances = _guess(levels, weights, level_of)
    first = np.full(len(level_of), 1 / len(level_of))
    for _ in range(ROUNDS):
        moves, begun = _expect(shown, starts, weights, (chances, first, level_of))
        chances = moves + 1e-12
        chances /= chances.sum(1, keepdims=True)
        first = begun / begun.sum()
    return chances


def _guess(levels: Sequence[I64], weights: F64, level_of: I64) -> F64:
    """Where the search begins: the levels' own chances, and states of one level that stay apart."""
    count = int(level_of.max()) + 1
    counts = np.full((count, count), 1e-6)
    for each, weight in zip(levels, weights, strict=True):
        np.add.at(counts, (each[:-1], each[1:]), weight)
    counts /= counts.sum(1, keepdims=True)
    states = np.bincount(level_of)[level_of]
    chances = counts[np.ix_(level_of, level_of)] / states
    chances *= np.random.default_rng(SEED).uniform(0.5, 1.5, chances.shape)
    for level in range(count):
        mine = np.flatnonzero(level_of == level)
        for rank, state in enumerate(mine if len(mine) > 1 else []):
            stay = max(chances[state, mine].sum(), 0.05)
            chances[state, mine] *= 0.05
            chances[state, state] = stay * (0.3 + 0.7 * (rank + 1) / len(mine))
    return np.asarray(chances / chances.sum(1, keepdims=True), np.float64)


@njit(cache=True)
def _expect(shown: I64, starts: I64, weights: F64, model: tuple[F64, F64, I64]) -> tuple[F64, F64]:
    """Expected moves between states and first states, given what is shown."""
    chances, first, level_of = model
    states = level_of.size
    moves = np.zeros((states, states))
    begun = np.zeros(states)
    for line in range(weights.size):
        at, count = starts[line], starts[line + 1] - starts[line]
        ahead = np.zeros((count, states))
        scale = np.zeros(count)
        for t in range(count):
            for j in range(states):
                if level_of[j] == shown[at + t]:
                    ahead[t, j] = (ahead[t - 1] * chances[:, j]).sum() if t else first[j]
            scale[t] = ahead[t].sum()
            ahead[t] /= scale[t]
        behind = np.ones(states)
        for t in range(count - 2, -1, -1):
            before = np.zeros(states)
            for j in range(states):
                if level_of[j] == shown[at + t + 1]:
                    for k in range(states):
                        flow = chances[k, j] * behind[j] / scale[t + 1]
                        before[k] += flow
                        moves[k, j] += weights[line] * ahead[t, k] * flow
            behind = before
        begun += weights[line] * ahead[0] * behind
    return moves, begun


def whole(chances: F64) -> tuple[tuple[int, ...], ...]:
    """Rows of whole parts of 100,000, the largest remainders rounded up."""
    rows = []
    for row in chances * ROW_SUM:
        parts = np.floor(row).astype(int)
        short = ROW_SUM - parts.sum()
        parts[np.argsort(parts - row, kind="stable")[:short]] += 1
        rows.append(tuple(parts.tolist()))
    return tuple(rows)


def toml(types: Sequence[Access]) -> str:
    """`scenarios/access.toml`."""
    return HEAD + "\n".join(_table(access) for access in types)


HEAD = """\
# How fast viewers' lines are, and how they waver: figures for `[access]` of a scenario.
# Derived by `python -m bench access --sabre PATH --write` from public trace sets; the traces
# themselves are not here. A line's rate is its mean (quantiles at evenly spaced shares of lines,
# least to most) times its level's ratio; each `step_s` the level moves by its row's chances.

"""


def _table(access: Access) -> str:
    rows = "\n".join(
        "  [" + ", ".join(f"{part:d}" for part in row) + "]," for row in access.per_100k
    )
    return f"""\
[access.{access.name}]
source = \"\"\"
{_wrapped(access.source.split(), " ", 100)}\"\"\"
share = {access.share:g}
rtt_ms = {access.rtt_ms:g}
step_s = {access.step_s:g}
mean_kbps = [
{_wrapped([f"{value:.0f}" for value in access.mean_kbps], ", ", 96, "  ")},
]
ratio = [
{_wrapped([f"{value:g}" for value in access.ratio], ", ", 96, "  ")},
]
per_100k = [
{rows}
]
"""


def _wrapped(words: Sequence[str], by: str, width: int, indent: str = "") -> str:
    rows = [indent]
    for word in words:
        if len(rows[-1]) + len(by) + len(word) > width:
            rows.append(indent)
        rows[-1] += word if rows[-1] == indent else by + word
    return (by.rstrip() + "\n").join(rows)
