"""Which site a session is sent to, when its group is shared between several: no state, no table.

Law: the same session, sites and weights always give the same site, in whatever order the sites
stand. Where a site's weight falls to 0, only its own sessions move; where weights change by a share
d in all, at most 2 d / (1 + d) of the sessions do (the least that is possible without a table
is d). Each site draws an exponential time of its weight's rate, and the first wins.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = (1 << 64) - 1
_STEP = 2.0**-52

_GOLDEN_U = np.uint64(_GOLDEN)
_FIRST_U = np.uint64(_FIRST)
_SECOND_U = np.uint64(_SECOND)
_ONE = np.uint64(1)
_12 = np.uint64(12)
_27 = np.uint64(27)
_30 = np.uint64(30)
_31 = np.uint64(31)


def _assign(session: int, sites: npt.NDArray[np.int32], weights: npt.NDArray[np.float32]) -> int:
    """The k of the site; weights need not sum to 1; 0 where none has a weight."""
    best, most, only = 0, -1.0, 0
    for k in range(len(weights)):
        if weights[k] > 0.0:
            only += 1
            best = k
    if only < 2:
        return best
    for k in range(len(weights)):
        weight = weights[k]
        if weight > 0.0:
            x = np.uint64(session) + (np.uint64(sites[k]) + _ONE) * _GOLDEN_U
            x = (x ^ (x >> _30)) * _FIRST_U
            x = (x ^ (x >> _27)) * _SECOND_U
            x ^= x >> _31
            drawn = (np.float64(x >> _12) + 0.5) * _STEP
            score = np.float64(weight) / -math.log(drawn)
            if score > most:
                best, most = k, score
    return best


_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
assign = njit(cache=True, **_OPTIONS)(_assign)
"""Compiled, to be called from compiled code; it counts no array as held."""


def pick(session: int, sites: Sequence[int], weights: Sequence[float]) -> int:
    """`assign` without a compiler, for who answers a viewer at a time."""
    held = [k for k, weight in enumerate(weights) if weight > 0]
    if len(held) < 2:
        return held[0] if held else 0
    return max(held, key=lambda k: (weights[k] / -math.log(_drawn(session, sites[k])), -k))


def orders(
    sites: npt.NDArray[np.int32], weights: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.int32]:
    """[G, count]: for each row what `pick` would choose one after the other, were the row's number
    the session; -1 where no more has a weight."""
    row = np.arange(len(sites), dtype=np.uint64)[:, None]
    x = row + (sites.astype(np.int64) + 1).astype(np.uint64) * _GOLDEN_U
    x = (x ^ (x >> _30)) * _FIRST_U
    x = (x ^ (x >> _27)) * _SECOND_U
    drawn = (((x ^ (x >> _31)) >> _12).astype(np.float64) + 0.5) * _STEP
    score = np.where(weights > 0, weights / -np.log(drawn), -1.0)
    best = np.argsort(-score, axis=1, kind="stable")[:, :count]
    chosen = np.full((len(sites), count), -1, np.int32)
    given = np.take_along_axis(sites, best, axis=1)
    chosen[:, : best.shape[1]] = np.where(np.take_along_axis(score, best, 1) > 0, given, -1)
    return chosen


def _drawn(session: int, site: int) -> float:
    """Evenly from 0 to 1, both left out."""
    x = (session + (site + 1) * _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * _FIRST) & _MASK
    x = ((x ^ (x >> 27)) * _SECOND) & _MASK
    x ^= x >> 31
    return ((x >> 12) + 0.5) * _STEP
