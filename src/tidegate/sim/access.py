"""How fast a viewer's line is, and how it wavers.

Law: a line has a mean rate for life, drawn from its access type's quantiles; its rate at a moment
is that mean times the ratio of the level where it stands, and every `step_s` the level moves by a
Markov chain whose mean ratio is 1. Several levels may share a ratio: that is how a short dip and a
long outage differ.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from tidegate.mistakes import read_toml

MAX_LEVELS = 16
MAX_TYPES = 16
MAX_QUANTILES = 101
MAX_KBPS = 1e8
ROW_SUM = 100_000
"""What the chances of one row add up to: chances are written in parts of 100,000."""
MEAN_TOLERANCE = 0.01
"""How far from 1 the figures' rounding may leave the mean ratio; then it is set to 1."""
START = MAX_LEVELS
"""The level before the first: from it the chain moves to where a line may be found at any time."""
_CHANCE_BITS = 28

F64 = npt.NDArray[np.float64]
U32 = npt.NDArray[np.uint32]


class AccessError(ValueError):
    """The scenario's figures of access are wrong. The text begins with the key's path."""


class Access(msgspec.Struct, frozen=True):
    """Lines of one type.

    share: of all viewers. rtt_ms: of the line itself, to the ISP's edge. step_s: how long a line
    stands at one level at least. mean_kbps: quantiles of the mean rate at evenly spaced shares of
    the lines, from the slowest to the fastest. ratio: rate over mean, of each level. per_100k: row
    by row, the chances of the next level.
    """

    name: str
    source: str
    share: float
    rtt_ms: float
    step_s: float
    mean_kbps: tuple[float, ...]
    ratio: tuple[float, ...]
    per_100k: tuple[tuple[int, ...], ...]

    def chances(self) -> F64:
        """The transition matrix: float64 [levels, levels], rows that sum to 1."""
        return np.array(self.per_100k, np.float64) / ROW_SUM

    def resting(self) -> F64:
        """The share of time at each level."""
        return stationary(self.chances())


class Lines(NamedTuple):
    """What the kernel needs of N types, as arrays.

    log_mean: float64 [N, MAX_QUANTILES], natural logarithms of kbit/s. ratio: float32
    [N, MAX_LEVELS]. moves: uint32 [N, MAX_LEVELS + 1, MAX_LEVELS], for `next_level`; its last row
    is START's. rtt_s, step_s, share: float32 [N].
    """

    log_mean: F64
    ratio: npt.NDArray[np.float32]
    moves: U32
    rtt_s: npt.NDArray[np.float32]
    step_s: npt.NDArray[np.float32]
    share: npt.NDArray[np.float32]


def load(path: Path) -> tuple[Access, ...]:
    """The `[access.NAME]` tables of a TOML file. Raises `AccessError`."""
    try:
        return read(read_toml(path).get("access"))
    except AccessError as error:
        raise AccessError(f"{path}: {error}") from error
    except ValueError as error:
        raise AccessError(str(error)) from error


def read(tables: object) -> tuple[Access, ...]:
    """The types of the table `access`, in its order. Raises `AccessError`."""
    if not isinstance(tables, Mapping) or not tables:
        raise AccessError("access: no tables; write one `[access.NAME]` for each type of line")
    if len(tables) > MAX_TYPES:
        raise AccessError(f"access: {len(tables)} types; {MAX_TYPES} at most")
    types = tuple(_type(name, table) for name, table in tables.items())
    total = math.fsum(each.share for each in types)
    if abs(total - 1) > 1e-6:
        raise AccessError(f"access: the shares of {', '.join(tables)} sum to {total:g}, not to 1")
    return types


def _type(name: str, table: object) -> Access:
    where = f"access.{name}"
    if not isinstance(table, Mapping):
        raise AccessError(f"{where}: must be a table")
    if unknown := set(table) - set(Access.__struct_fields__) | ({"name"} & set(table)):
        raise AccessError(f"{where}.{min(unknown)}: there is no such key")
    try:
        access = msgspec.convert({**table, "name": name}, Access, strict=True)
    except msgspec.ValidationError as error:
        raise AccessError(where + _worded(str(error))) from error
    _within(f"{where}.share", access.share, 0, 1)
    _within(f"{where}.rtt_ms", access.rtt_ms, 0, 10_000)
    _within(f"{where}.step_s", access.step_s, 0.1, 60)
    _count(f"{where}.mean_kbps", len(access.mean_kbps), 2, MAX_QUANTILES)
    _ascending(f"{where}.mean_kbps", access.mean_kbps, 1, MAX_KBPS)
    _count(f"{where}.ratio", len(access.ratio), 1, MAX_LEVELS)
    _ascending(f"{where}.ratio", access.ratio, 0, 1000)
    _rows(f"{where}.per_100k", access.per_100k, len(access.ratio))
    return _centred(where, access)


def _worded(text: str) -> str:
    """msgspec's words after the path, whose end is where they say `$.key`."""
    what, _, at = text.partition(" - at `$")
    return f"{at.rstrip('`')}: {what[:1].lower()}{what[1:]}"


def _within(where: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise AccessError(f"{where}: {value:g} is not between {least:g} and {most:g}")


def _count(where: str, count: int, least: int, most: int) -> None:
    if not least <= count <= most:
        needed = f"{least}" if least == most else f"between {least} and {most}"
        raise AccessError(f"{where}: {count} values; {needed} are needed")


def _ascending(where: str, values: Sequence[float], least: float, most: float) -> None:
    for number, value in enumerate(values):
        _within(f"{where}[{number}]", value, least, most)
        if number and value < values[number - 1]:
            raise AccessError(f"{where}[{number}]: {value:g} is less than the value before it")


def _rows(where: str, rows: Sequence[Sequence[int]], levels: int) -> None:
    _count(where, len(rows), levels, levels)
    for number, row in enumerate(rows):
        at = f"{where}[{number}]"
        _count(at, len(row), levels, levels)
        if min(row) < 0:
            raise AccessError(f"{at}: {min(row)} is no chance; parts of {ROW_SUM} are at least 0")
        if sum(row) != ROW_SUM:
            raise AccessError(f"{at}: sums to {sum(row)}, not to {ROW_SUM}")


def _centred(where: str, access: Access) -> Access:
    """The same with its ratios' mean at exactly 1, so that `mean_kbps` is the mean rate."""
    if not np.all(_reached(access.chances())):
        raise AccessError(f"{where}.per_100k: from some level another is never reached")
    mean = float(access.resting() @ np.array(access.ratio))
    if abs(mean - 1) > MEAN_TOLERANCE:
        raise AccessError(f"{where}.ratio: over time the mean of the ratios is {mean:.4f}, not 1")
    return msgspec.structs.replace(access, ratio=tuple(ratio / mean for ratio in access.ratio))


def _reached(chances: F64) -> npt.NDArray[np.bool_]:
    """Whether level j is ever reached from level i."""
    ways = (chances > 0) | np.eye(len(chances), dtype=bool)
    for _ in range(MAX_LEVELS.bit_length()):
        ways = ways @ ways
    return ways


def stationary(chances: F64) -> F64:
    """The share of time a chain spends at each level."""
    levels = len(chances)
    balance = np.vstack([chances.T - np.eye(levels), np.ones(levels)])
    shares = np.linalg.lstsq(balance, np.append(np.zeros(levels), 1.0), rcond=None)[0]
    shares = np.maximum(shares, 0.0)
    return np.asarray(shares / shares.sum(), np.float64)


def packed(types: Sequence[Access]) -> Lines:
    """The types as arrays, in their order."""
    evenly = np.linspace(0, 1, MAX_QUANTILES)
    log_mean = np.empty((len(types), MAX_QUANTILES))
    ratio = np.zeros((len(types), MAX_LEVELS), np.float32)
    moves = np.zeros((len(types), MAX_LEVELS + 1, MAX_LEVELS), np.uint32)
    for number, access in enumerate(types):
        at = np.linspace(0, 1, len(access.mean_kbps))
        log_mean[number] = np.interp(evenly, at, np.log(access.mean_kbps))
        ratio[number, : len(access.ratio)] = access.ratio
        for level, row in enumerate(access.chances()):
            moves[number, level] = alias_row(row)
        moves[number, START] = alias_row(access.resting())
    rtt_s = np.array([each.rtt_ms / 1000 for each in types], np.float32)
    step_s = np.array([each.step_s for each in types], np.float32)
    share = np.array([each.share for each in types], np.float32)
    return Lines(log_mean, ratio, moves, rtt_s, step_s, share)


def alias_row(chances: F64) -> U32:
    """Walker's alias method: one draw of 32 bits finds the next level with one load.

    The draw's upper 4 bits choose a column; its lower 28 are compared with the chance in the upper
    28 of the column, whose lower 4 are the level taken otherwise.
    """
    scaled = np.zeros(MAX_LEVELS)
    scaled[: len(chances)] = chances * MAX_LEVELS
    other = np.arange(MAX_LEVELS)
    poor = [level for level in range(MAX_LEVELS) if scaled[level] < 1]
    rich = [level for level in range(MAX_LEVELS) if scaled[level] >= 1]
    while poor and rich:
        giver, taker = rich[-1], poor.pop()
        other[taker] = giver
        scaled[giver] -= 1 - scaled[taker]
        if scaled[giver] < 1:
            poor.append(rich.pop())
    own = np.minimum(np.rint(scaled * (1 << _CHANCE_BITS)), (1 << _CHANCE_BITS) - 1)
    return (own.astype(np.uint32) << np.uint32(4)) | other.astype(np.uint32)


@njit(cache=True)
def mean_of(u: float, log_mean: F64) -> float:
    """The mean rate, kbit/s, of the line at share `u` (0 to 1) of a row of `Lines.log_mean`."""
    place = u * (log_mean.size - 1)
    below = min(int(place), log_mean.size - 2)
    part = place - below
    return math.exp(log_mean[below] * (1.0 - part) + log_mean[below + 1] * part)


@njit(cache=True, inline="always")
def next_level(level: int, bits: int, moves: U32) -> int:
    """Where a line at `level` goes, by 32 random bits and a type's `moves`."""
    column = (bits >> 28) & 15
    entry = moves[level, column]
    return column if (bits & 0xFFFFFFF) < (entry >> 4) else entry & 15
