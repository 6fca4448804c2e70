"""Which rendition a player asks for next, for the kernel: the players' own rules, without state.

Law: each function is a table look-up and arithmetic; `ladder` is float32 [R], kbit/s, ascending,
and `top` the highest rung that may be chosen.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.sim.compiled import inlined
from tidegate.sim.kinds import BOLA, DYNAMIC, HLS

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


@inlined
def halved(times: float) -> float:
    """0.5 ** times, for times of at least 0, to five digits: a Taylor series around whole times."""
    whole = int(times + 0.5)
    if whole > 100:
        return 0.0
    x = (times - whole) * LN2
    part = 1.0 - x * (1.0 - x * _2 * (1.0 - x * _3 * (1.0 - x * _4 * (1.0 - x * _5))))
    return float(part * np.int32((127 - whole) << 23).view(np.float32))


@inlined
def learn(player: Any, kbps: float, seconds: float, kind: Any) -> None:
    """A sample of the throughput, into both moving means."""
    keep = halved(seconds * kind.per_fast_s)
    player.fast_kbps = kbps + (player.fast_kbps - kbps) * keep
    player.fast_left *= keep
    keep = halved(seconds * kind.per_slow_s)
    player.slow_kbps = kbps + (player.slow_kbps - kbps) * keep
    player.slow_left *= keep


@inlined
def estimate(player: Any) -> Any:
    """kbit/s: the lower of the two means, each corrected for its beginning at zero."""
    if player.fast_left >= 1.0:
        return FIRST_GUESS_KBPS
    quick, steady = 1.0 - player.fast_left, 1.0 - player.slow_left
    if player.fast_kbps * steady < player.slow_kbps * quick:
        return player.fast_kbps / quick
    return player.slow_kbps / steady


@inlined
def by_throughput(
    kbps: float, buffer_s: float, rung: int, top: int, kind: Any, ladder: npt.NDArray[np.float32]
) -> int:
    """The highest rung that the line carries and that arrives before the buffer is empty."""
    chunk = kind.chunk_s
    slack = 0.0
    for _ in range(2):
        choice = top
        while choice >= 0:
            safe = kbps * (kind.keep if choice <= rung else kind.lift)
            if safe >= ladder[choice] and ladder[choice] * chunk <= safe * (buffer_s + slack):
                return choice
            choice -= 1
        slack = min(chunk, STARVE_S)
    return 0


@inlined
def by_buffer(buffer_s: float, top: int, kind: Any, ladder: npt.NDArray[np.float32]) -> int:
    """BOLA: the rung whose utility a bit is worth most at this buffer."""
    room = max(min(kind.most_s, kind.hold_s), 2.0 * kind.chunk_s)
    value = (room - kind.chunk_s) / (math.log(ladder[-1] / ladder[0]) + GAMMA_P)
    best, score = 0, -np.inf
    for choice in range(top + 1):
        utility = math.log(ladder[choice] / ladder[0])
        found = (value * (utility + GAMMA_P) - buffer_s) / ladder[choice]
        if found >= score:
            best, score = choice, found
    return best


@inlined
def choose(
    kbps: float, buffer_s: float, rung: int, top: int, kind: Any, ladder: npt.NDArray[np.float32]
) -> int:
    """The rung of the next chunk."""
    if kind.rule == HLS:
        return by_throughput(kbps, buffer_s, rung, top, kind, ladder)
    if kind.rule == BOLA or (kind.rule == DYNAMIC and buffer_s >= DYNAMIC_S):
        return by_buffer(buffer_s, top, kind, ladder)
    if kind.rule == DYNAMIC:
        choice = top
        while choice > 0 and ladder[choice] > kbps * kind.keep:
            choice -= 1
        return choice
    return min(rung, top)
