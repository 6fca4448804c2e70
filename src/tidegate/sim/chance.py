"""Random numbers that belong to a viewer and a moment, not to an order of calls.

Law: the same seed, viewer and moment give the same number on any number of threads; the streams of
different purposes differ by their `salt`.
"""

import numpy as np

from tidegate.sim.compiled import inlined

LINE, JOIN, HOME, STAY, SPARE, FIRST = range(6)
"""Salts: the line's next level, the moment of joining, home, the session's end, where to when home
fails, and the line's first level."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xD6E8FEB86659FD93)
_SECOND = np.uint64(0xA0761D6478BD642F)
_32 = np.uint64(32)
_29 = np.uint64(29)
_11 = np.uint64(11)


@inlined
def mixed(seed: int, viewer: int, moment: int, salt: int) -> np.uint64:
    """64 bits that depend on each bit of all four."""
    x = np.uint64(seed) + np.uint64(viewer) * _GOLDEN
    x = (x ^ (x >> _32)) * _FIRST
    x += (np.uint64(moment) << np.uint64(8)) + np.uint64(salt)
    x = (x ^ (x >> _29)) * _SECOND
    x = (x ^ (x >> _32)) * _FIRST
    x ^= x >> _32
    return x


@inlined
def share(seed: int, viewer: int, moment: int, salt: int) -> float:
    """A number from 0 up to 1, 1 left out."""
    return np.float64(mixed(seed, viewer, moment, salt) >> _11) * (1.0 / 9007199254740992.0)


@inlined
def even(viewer: int) -> float:
    """A number from 0 up to 1 that viewers spread evenly: rising among 256 neighbours, so that what
    is done at such a time is done by many of them in turn."""
    phase = np.uint32(np.uint64(viewer) << np.uint64(24)) + np.uint32(
        np.uint64(viewer >> 8) * np.uint64(2654435769)
    )
    return np.float64(np.uint32(phase)) * (1.0 / 4294967296.0)
