"""What a step reads of the network, and what it counts: arrays the kernel is handed.

Law: each share of the players is counted into a row of its own, in whole numbers, so that sums do
not depend on how the players are dealt out.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.sim.compiled import compiled, inlined

BINS = 96
"""Of a site's wants: four an octave from 2 kbit/s, evenly within it."""
JOIN_BINS = 600
JOIN_BIN_S = 0.05
"""Of join times; the last bin holds all above."""

Records = npt.NDArray[Any]
"""Structured."""

SITE = np.dtype(
    [
        ("share_kbps", np.float32),  # what a flow gets at most
        ("delay_s", np.float32),  # before a first byte: queues and wear
        ("late_s", np.float32),  # when a chunk is there after the encoder made it
        ("detect_s", np.float32),  # after how long a dead site is seen to be dead
        ("up", np.uint8),
        ("full", np.uint8),  # newcomers are sent to the buddy
        ("hot", np.uint8),  # near its capacity: wants are counted
    ],
    align=True,
)
PATH = np.dtype(
    [("site", np.int32), ("link", np.int32), ("rtt_s", np.float32), ("left", np.float32)],
    align=True,
)
"""From a group to its k-th candidate; `link` is L where it crosses none; `left` is the share of a
line that loss leaves."""
GROUP = np.dtype(
    [
        ("turns", np.int32),  # steering turns between two questions
        ("top", np.int32),  # the highest rung that is offered
        ("first", np.int32),  # backups, as k; -1 where there is none
        ("second", np.int32),
        ("third", np.int32),
    ],
    align=True,
)


@inlined
def column_of(kbps: float) -> Any:
    """The bin of a rate: a float's exponent and the first two bits of its fraction."""
    bits = np.float32(max(kbps, 2.0)).view(np.int32) >> 21
    return min(bits - 512, BINS - 1)


class Network(NamedTuple):
    """What holds in one step. G groups, K candidates, S sites, L links, C kinds, A lines, R rungs.

    sites: SITE [S]; paths: PATH [G, K]; groups: GROUP [G]; kinds: KIND [C].
    candidates: int32 [G, K], weights, spare: float32 [G, K], as in `Topology`
    and `Plan`.
    links: float32 [L + 1], by what share flows over each are cut; the last is 1.
    rungs: `abr.RUNG` [R]. ratio: float32 [A, levels]; moves: uint32 [A, levels +
    1, levels], as in `access.Lines`; moving: int64 [A], how often the chain moves in this step, and
    moved: int64 [A], in all before it.
    """

    sites: Records
    paths: Records
    groups: Records
    kinds: Records
    candidates: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    spare: npt.NDArray[np.float32]
    links: npt.NDArray[np.float32]
    rungs: Records
    ratio: npt.NDArray[np.float32]
    moves: npt.NDArray[np.uint32]
    moving: npt.NDArray[np.int64]
    moved: npt.NDArray[np.int64]


ON_PATH = np.dtype([("kbit", np.int64), ("asked", np.int64)])
"""In one step: what came, and how many requests were made."""
AT_GROUP = np.dtype(
    [("stalled_us", np.int64), ("watched_us", np.int64), ("carried_kbit", np.int64)]
)
TOTAL = np.dtype(
    [
        ("played_us", np.int64),
        ("stalled_us", np.int64),
        ("carried_kbit", np.int64),
        ("sound_us", np.int64),  # media of the audio-only rung
        ("stalls", np.int64),
        ("views", np.int64),  # ended
        ("smooth", np.int64),  # of them, without a stall
        ("moves", np.int64),  # by steering
        ("failed_over", np.int64),
        ("skips", np.int64),  # jumps to the live edge
        ("unborn", np.int64),  # left before the first picture
    ]
)


class Counts(NamedTuple):
    """What steps counted, a row (T) a share of the players.

    paths: ON_PATH [T, G, K]; groups: AT_GROUP [T, G, K], since the last census; totals: TOTAL
    [T, C, A]. bins, bin_kbit: int64 [T, S, BINS], wants of hot sites; there: int64 [T, S, R],
    viewers at the last census; joins: int64 [T, JOIN_BINS].
    """

    paths: Records
    groups: Records
    totals: Records
    bins: npt.NDArray[np.int64]
    bin_kbit: npt.NDArray[np.int64]
    there: npt.NDArray[np.int64]
    joins: npt.NDArray[np.int64]


def counts(rows: int, network: Network) -> Counts:
    """All zero."""
    groups, places = network.candidates.shape
    sites, rungs, kinds = len(network.sites), len(network.rungs), len(network.kinds)
    return Counts(
        np.zeros((rows, groups, places), ON_PATH),
        np.zeros((rows, groups, places), AT_GROUP),
        np.zeros((rows, kinds, len(network.moving)), TOTAL),
        *(
            np.zeros((rows, *shape), np.int64)
            for shape in (
                (sites, BINS),
                (sites, BINS),
                (sites, rungs),
                (JOIN_BINS,),
            )
        ),
    )


def summed(records: Records) -> Records:
    """Records [T, …] added up over rows."""
    numbers = records.view(np.int64).reshape(*records.shape, -1)
    return np.ascontiguousarray(numbers.sum(axis=0)).view(records.dtype)[..., 0]


class Carried(NamedTuple):
    """By a step: kbit, asked: float64 [S], of each site; over_kbit: float64 [L + 1], on links."""

    kbit: npt.NDArray[np.float64]
    asked: npt.NDArray[np.float64]
    over_kbit: npt.NDArray[np.float64]


def carried(counts: Counts, network: Network) -> Carried:
    """The step's sums, taken out of the counts; groups learn theirs."""
    sums = Carried(
        np.zeros(len(network.sites)), np.zeros(len(network.sites)), np.zeros(len(network.links))
    )
    _take(counts.paths, counts.groups, network.paths, *sums)
    return sums


@compiled
def _take(
    counted: Records, learnt: Records, paths: Records, kbit: Any, asked: Any, over: Any
) -> None:
    rows, groups, places = counted.shape
    for row in range(rows):
        for group in range(groups):
            for place in range(places):
                here, path = counted[row, group, place], paths[group, place]
                kbit[path.site] += here.kbit
                asked[path.site] += here.asked
                over[path.link] += here.kbit
                learnt[0, group, place].carried_kbit += here.kbit
                here.kbit = here.asked = 0
