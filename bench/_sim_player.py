"""The simulator's player on a link: what the fast kernel makes of hls.js, for a real one to judge.

Many viewers, who begin at other moments of a segment, each alone on a link of the same course; the
constants are the simulator's own but for where playing begins, which the playlist decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from bench._link import Step
from tidegate.sim import kernel, net, players
from tidegate.sim.abr import rungs_of
from tidegate.sim.kinds import standard, table
from tidegate.sim.net import JOIN_BIN_S
from tidegate.sim.visit import Moment

VIEWERS, STEP_S, RTT_S = 64, 0.25, 0.001
GOODPUT = 0.95
"""Of a link's rate, what is left above Ethernet, IP and TCP in frames of 1,514 bytes."""
HELD_TARGETS = 3
"""Target durations behind the newest segment where hls.js begins (liveSyncDurationCount)."""


@dataclass(frozen=True)
class Course:
    """What all viewers felt together; stalls are of one."""

    freeze_rate: float
    stalls: float
    join_s: float
    media_mbps: float


def simulated(
    steps: Sequence[Step], seconds: float, ladder_kbps: Sequence[float], segment_s: float
) -> Course:
    """HLS of these renditions over a link that follows `steps`."""
    hold_s = HELD_TARGETS * segment_s
    kind = msgspec.structs.replace(standard(segment_s, segment_s, 0)["hls"], hold_s=hold_s)
    world = _network(table([kind]), ladder_kbps)
    counts = net.counts(1, world)
    viewers = players.empty(VIEWERS)
    moment = Moment(0, 1, 0.0, STEP_S, 0, VIEWERS, 0.0, 1 << 20, 0.0, 0.0, False, False)
    for number in range(round(seconds / STEP_S)):
        now = number * STEP_S
        kbit = [step.kbit for step in steps if step.at_s <= now][-1]
        viewers["mean_kbps"] = GOODPUT * kbit
        kernel.advance(viewers, world, counts, 0, VIEWERS, moment._replace(now=now, number=number))
    total = net.summed(counts.totals)
    frozen_s, played_s = (total[name].sum() / 1e6 for name in ("stalled_us", "played_us"))
    joins = counts.joins.sum(axis=0)
    return Course(
        float(frozen_s / (frozen_s + played_s)),
        float(total["stalls"].sum() / VIEWERS),
        float((joins * (np.arange(len(joins)) + 0.5)).sum() / max(joins.sum(), 1) * JOIN_BIN_S),
        float(total["carried_kbit"].sum() / 1000 / (played_s + viewers["buffer_s"].sum())),
    )


def _network(kinds: net.Records, ladder_kbps: Sequence[float]) -> net.Network:
    """One site without limit, and one group."""
    sites = np.zeros(1, net.SITE)
    sites["share_kbps"], sites["up"], sites["detect_s"] = 1e9, 1, 1e9
    paths = np.zeros((1, 1), net.PATH)
    paths["rtt_s"], paths["left"] = RTT_S, 1.0
    groups = np.zeros(1, net.GROUP)
    groups["top"], groups["turns"] = len(ladder_kbps) - 1, 1
    groups["first"] = groups["second"] = groups["third"] = -1
    one = np.ones((1, 1), np.float32)
    return net.Network(
        sites, paths, groups, kinds, np.zeros((1, 1), np.int32), one, np.zeros_like(one),
        np.ones(1, np.float32), rungs_of(ladder_kbps), one, np.zeros((1, 2, 1), np.uint32),
        np.zeros(1, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip
