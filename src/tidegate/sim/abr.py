"""Which rendition a player asks for next, for the kernel: the players' own rules, without state.

Law: each function is a table look-up and arithmetic; `rungs` is RUNG [R], and `top` the highest
rung that may be chosen.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.sim.compiled import inlined
from tidegate.sim.kinds import BOLA, DYNAMIC, FIXED, HLS

FIRST_GUESS_KBPS = 500.0
"""hls.js `abrEwmaDefaultEstimate`."""
STARVE_S = 4.0
"""hls.js `maxStarvationDelay`: how long a fetch may outlast the buffer where none fits."""
DYNAMIC_S = 10.0
"""dash.js: from this buffer on, BOLA chooses in place of the throughput rule."""
GAMMA_P = 5.0
"""BOLA's weight of not stalling."""
LN2 = math.log(2.0)
_2, _3, _4, _5 = 1 / 2, 1 / 3, 1 / 4, 1 / 5

RUNG = np.dtype([("kbps", np.float32), ("utility", np.float32)])
"""Of a ladder; the utility is BOLA's."""


def rungs_of(ladder_kbps: Sequence[float]) -> npt.NDArray[np.void]:
    """A ladder, ascending, as RUNG [R]."""
    rungs = np.zeros(len(ladder_kbps), RUNG)
    rungs["kbps"] = ladder_kbps
    rungs["utility"] = np.log(rungs["kbps"] / rungs["kbps"][0])
    return rungs


@inlined
def halved(times: float) -> float:
    """0.5 ** times, for times of at least 0, to five digits: a Taylor series around whole times."""
    whole = int(times + 0.5)
    if whole > 100:
        return 0.0
    x = (times - whole) * LN2
    part = 1.0 - x * (1.0 - x * _2 * (1.0 - x * _3 * (1.0 - x * _4 * (1.0 - x * _5))))
    return float(part * np.int32((127 - whole) << 23).view(np.float32))


class Means(NamedTuple):
    """Two moving means of the throughput, kbit/s, and what is left in each of its beginning at
    zero: the player's fields of these names."""

    fast_kbps: float
    fast_left: float
    slow_kbps: float
    slow_left: float


@inlined
def means_of(player: Any) -> Any:
    """What a player knows."""
    return Means(
        np.float64(player.fast_kbps), np.float64(player.fast_left),
        np.float64(player.slow_kbps), np.float64(player.slow_left),
    )  # fmt: skip


@inlined
def remember(player: Any, means: Any) -> None:
    """What it has learned."""
    player.fast_kbps, player.fast_left = means.fast_kbps, means.fast_left
    player.slow_kbps, player.slow_left = means.slow_kbps, means.slow_left


@inlined
def learned(means: Any, kbps: float, seconds: float, kind: Any) -> Any:
    """A sample of the throughput, into both; who never chooses learns nothing."""
    if kind.rule == FIXED:
        return means
    slow = halved(seconds * kind.per_slow_s)
    fast = slow * slow * slow if kind.thrice else halved(seconds * kind.per_fast_s)
    return Means(
        kbps + (means.fast_kbps - kbps) * fast, means.fast_left * fast,
        kbps + (means.slow_kbps - kbps) * slow, means.slow_left * slow,
    )  # fmt: skip


@inlined
def estimate(means: Any) -> Any:
    """kbit/s: the lower of the two means, each corrected for its beginning at zero."""
    if means.fast_left >= 1.0:
        return FIRST_GUESS_KBPS
    quick, steady = 1.0 - means.fast_left, 1.0 - means.slow_left
    if means.fast_kbps * steady < means.slow_kbps * quick:
        return means.fast_kbps / quick
    return means.slow_kbps / steady


@inlined
def by_throughput(kbps: float, buffer_s: float, rung: int, top: int, kind: Any, rungs: Any) -> int:
    """The highest rung that the line carries and that arrives before the buffer is empty."""
    chunk = kind.chunk_s
    slack = 0.0
    for _ in range(2):
        choice = top
        while choice >= 0:
            safe = kbps * (kind.keep if choice <= rung else kind.lift)
            rate = rungs[choice].kbps
            if safe >= rate and rate * chunk <= safe * (buffer_s + slack):
                return choice
            choice -= 1
        slack = min(chunk, STARVE_S)
    return 0


@inlined
def by_buffer(buffer_s: float, top: int, kind: Any, rungs: Any) -> int:
    """BOLA: the rung whose utility a bit is worth most at this buffer."""
    room = max(min(kind.most_s, kind.hold_s), 2.0 * kind.chunk_s)
    value = (room - kind.chunk_s) / (rungs[-1].utility + GAMMA_P)
    best, score = 0, -np.inf
    for choice in range(top + 1):
        found = (value * (rungs[choice].utility + GAMMA_P) - buffer_s) / rungs[choice].kbps
        if found >= score:
            best, score = choice, found
    return best


@inlined
def choose(kbps: float, buffer_s: float, rung: int, top: int, kind: Any, rungs: Any) -> int:
    """The rung of the next chunk."""
    if kind.rule == HLS:
        return by_throughput(kbps, buffer_s, rung, top, kind, rungs)
    if kind.rule == BOLA or (kind.rule == DYNAMIC and buffer_s >= DYNAMIC_S):
        return by_buffer(buffer_s, top, kind, rungs)
    if kind.rule == DYNAMIC:
        choice = top
        while choice > 0 and rungs[choice].kbps > kbps * kind.keep:
            choice -= 1
        return choice
    return min(rung, top)
