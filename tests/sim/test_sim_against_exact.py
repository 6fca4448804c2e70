"""The fast kernel against the exact player, on the same rates, second by second.

Law: both play one movie under one rule; what is left between them is the fast kernel's time step
and its number format. On purpose the rules here are the kernel's own (`abr.choose`, hls.js's way of
giving up a chunk), played by the exact player's clock, network and buffer: Sabre's BOLA heeds the
line when it goes up and shrinks its buffer at both ends, and the kernel's does neither. Both
begin at the lowest rung, and the first chunk's wait counts as join, not as a freeze.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from tidegate.sim import kernel, net, players
from tidegate.sim.abr import choose, rungs_of
from tidegate.sim.exact import Movie, Options, Period, Player, Trace
from tidegate.sim.exact.download import Download
from tidegate.sim.exact.estimate import Estimate
from tidegate.sim.exact.network import Watch
from tidegate.sim.kernel import ABANDON
from tidegate.sim.kinds import Kind, Rule, standard, table
from tidegate.sim.visit import Moment

VIEWERS, CHUNKS, CHUNK_S, RTT_S, MOST_S = 40, 120, 4.0, 0.04, 25.0
LADDER = (300.0, 750.0, 1200.0, 1850.0, 2850.0, 4300.0)
SECONDS = 900
LONG_AGO_S = 1e6
"""So far behind the encoder that every chunk is there."""


class Seen(NamedTuple):
    """Of each viewer: frozen over frozen and played time, and the bitrate of what came."""

    freeze_rate: npt.NDArray[np.float64]
    kbps: npt.NDArray[np.float64]


def kind_of(rule: Rule) -> Kind:
    return Kind(
        rule, CHUNK_S, MOST_S, CHUNK_S, CHUNK_S, MOST_S, poll=0.0, half_slow_s=8.0, keep=0.9,
        lift=0.9, join_rtts=0.0, steered=0.0,
    )  # fmt: skip


def rates() -> npt.NDArray[np.float32]:
    """[viewers, seconds]: lines that hold for some seconds, then are another; some almost 0."""
    rng = np.random.Generator(np.random.Philox(4))
    levels = np.array([60.0, 400.0, 900.0, 1600.0, 3000.0, 6000.0], np.float32)
    found = np.empty((VIEWERS, SECONDS), np.float32)
    for line in found:
        holds = rng.geometric(1 / 8, SECONDS)
        picks = rng.choice(levels, SECONDS, p=[0.12, 0.18, 0.2, 0.2, 0.2, 0.1])
        line[:] = np.repeat(picks, holds)[:SECONDS]
    return found


def network(kind: Kind) -> net.Network:
    """One site without limit, one group, a line a viewer."""
    sites = np.zeros(1, net.SITE)
    sites["share_kbps"], sites["up"], sites["detect_s"] = 1e9, 1, 1e9
    paths = np.zeros((1, 1), net.PATH)
    paths["rtt_s"], paths["left"] = RTT_S, 1.0
    groups = np.zeros(1, net.GROUP)
    groups["top"] = len(LADDER) - 1
    for backup in ("first", "second", "third"):
        groups[backup] = -1
    one = np.ones((1, 1), np.float32)
    return net.Network(
        sites, paths, groups, table([kind]), np.zeros((1, 1), np.int32), one, np.zeros_like(one),
        np.ones(1, np.float32), rungs_of(LADDER),
        np.ones((VIEWERS, 1), np.float32),
        np.zeros((VIEWERS, 2, 1), np.uint32), np.zeros(VIEWERS, np.int64),
        np.zeros(VIEWERS, np.int64),
    )  # fmt: skip


def joining() -> npt.NDArray[np.void]:
    """Viewers whose first request leaves at 0."""
    all_ = players.empty(VIEWERS)
    all_["state"] = players.STARTING
    all_["line"] = np.arange(VIEWERS)
    all_["fast_left"] = all_["slow_left"] = 1.0
    all_["lag_s"] = LONG_AGO_S
    all_["left_kbit"] = LADDER[0] * CHUNK_S
    all_["wait_s"] = RTT_S
    return all_


def live(kind: Kind) -> npt.NDArray[np.void]:
    """Viewers who join a live stream, each at another moment of a chunk and every other one with
    chunks to catch up on, over lines of 20 Mbit/s."""
    all_ = joining()
    all_["mean_kbps"] = 20_000.0
    all_["lag_s"] = kind.hold_s + np.linspace(0.0, 0.9, VIEWERS) * kind.chunk_s
    if kind.catch_up == 1.0:  # who hurries does so for whole steps
        all_["lag_s"][::2] += 3 * kind.chunk_s
    all_["rung"] = len(LADDER) - 1
    all_["left_kbit"] = LADDER[-1] * kind.chunk_s
    return all_


@pytest.mark.parametrize("seconds", [5.0, 60.0])
@pytest.mark.parametrize("name", ["hls", "dash-dynamic", "low-latency", "flv"])
def test_chunks_that_come_alike_may_be_taken_at_once(name: str, seconds: float) -> None:
    """A step of many chunks gives what steps of less than one give."""
    kind = standard(2.0, 0.5, 6)[name]
    ends = []
    for step_s in (0.125, 5.0):
        world, viewers = network(kind), live(kind)
        counts = net.counts(1, world)
        moment = Moment(0, 1, 0.0, step_s, 0, VIEWERS, 0.0, 1 << 20, 0.0, 0.0, False, False)
        for number in range(round(seconds / step_s)):
            now = moment._replace(now=number * step_s, number=number)
            kernel.advance(viewers, world, counts, 0, VIEWERS, now)
        ends.append((viewers, counts.totals[0, 0], int(counts.paths["asked"].sum())))
    (fine, one, asked), (coarse, many, asked_too) = ends
    assert asked == asked_too > VIEWERS * seconds / 3
    assert (fine["state"] == players.PLAYING).all()
    assert one["stalls"].sum() + many["stalls"].sum() == 0
    assert one["carried_kbit"] == pytest.approx(many["carried_kbit"], rel=1e-3)
    assert one["played_us"] == pytest.approx(many["played_us"], rel=1e-4)
    for field in ("rung", "buffer_s", "lag_s", "wait_s", "left_kbit"):
        assert fine[field] == pytest.approx(coarse[field], abs=2e-3), field
    for field in ("fast_kbps", "fast_left", "slow_kbps", "slow_left"):
        assert fine[field] == pytest.approx(coarse[field], rel=2e-3, abs=1e-6), field


def fast(rule: Rule, lines: npt.NDArray[np.float32], step_s: float, left: float = 1.0) -> Seen:
    """Every viewer until its last chunk has come; `left` is what loss leaves of a line."""
    world, viewers = network(kind_of(rule)), joining()
    world.paths["left"] = left
    counts = net.counts(1, world)
    moment = Moment(0, 1, 0.0, step_s, 0, VIEWERS, 0.0, 1 << 20, 0.0, 0.0, False, False)
    seen = Seen(np.full(VIEWERS, np.nan), np.full(VIEWERS, np.nan))
    for number in range(round(SECONDS / step_s)):
        viewers["mean_kbps"] = lines[:, int(number * step_s)]
        now = moment._replace(now=number * step_s, number=number)
        kernel.advance(viewers, world, counts, 0, VIEWERS, now)
        total = counts.totals[0, 0]
        media_s = total["played_us"] / 1e6 + viewers["buffer_s"]
        done = (media_s > (CHUNKS - 0.1) * CHUNK_S) & np.isnan(seen.kbps)
        stalled_s = total["stalled_us"][done] / 1e6
        seen.freeze_rate[done] = stalled_s / (stalled_s + media_s[done])
        seen.kbps[done] = total["carried_kbit"][done] / media_s[done]
    return seen


def test_a_path_that_loses_is_a_slower_line() -> None:
    lossy, slow = fast("hls", rates(), 0.5, left=0.5), fast("hls", 0.5 * rates(), 0.5)
    assert np.array_equal(lossy.freeze_rate, slow.freeze_rate, equal_nan=True)
    assert np.array_equal(lossy.kbps, slow.kbps, equal_nan=True)
    assert np.nanmean(slow.freeze_rate) > 1.2 * np.nanmean(fast("hls", rates(), 0.5).freeze_rate)


class Same:
    """The kernel's rule, for the exact player."""

    def __init__(self, rule: Rule) -> None:
        self.kind = table([kind_of(rule)])[0]
        self.rungs = rungs_of(LADDER)
        self.rung = 0
        self.line: Estimate | None = None

    def choose(self, segment: int, level_ms: float, line: Estimate) -> tuple[int, float]:
        top, level_s = len(LADDER) - 1, level_ms / 1000
        self.rung = int(choose(line.kbps, level_s, self.rung, top, self.kind, self.rungs))
        return self.rung, 0.0

    def watch(self, download: Download, line: Estimate) -> Watch:
        size, rung, ttfb_ms = download.size, download.rung, download.ttfb_ms
        self.line = line

        def watch(got: float, ms: float, level_ms: float) -> int | None:
            spent_ms = ms - ttfb_ms
            if spent_ms <= 500 * CHUNK_S or rung == 0 or level_ms <= 0:
                return None
            rate, left = max(got / spent_ms, 1.0), size - got
            if left <= rate * level_ms:
                return None
            lower = rung - 1
            while lower > 0 and LADDER[lower] * CHUNK_S * 1000 > ABANDON * rate * level_ms:
                lower -= 1
            return lower if LADDER[lower] * CHUNK_S * 1000 < ABANDON * left else None

        return watch

    def waited(self, ms: float) -> None:
        """Nothing to learn."""

    def took(self, download: Download, level_ms: float) -> None:
        if download.given_up_for is not None and self.line is not None:
            self.rung = download.given_up_for
            self.line.push(download.body_ms, download.kbps, download.ttfb_ms)


def exact(rule: Rule, lines: npt.NDArray[np.float32]) -> Seen:
    """Each viewer alone."""
    sizes = tuple(rate * CHUNK_S * 1000 for rate in LADDER)
    movie = Movie(CHUNK_S * 1000, LADDER, (sizes,) * CHUNKS)
    options = Options(buffer_s=MOST_S, half_lives_s=(3.0, 8.0), heed_target=True)
    found = []
    for line in lines:
        trace = Trace(tuple(Period(1000, float(kbps), RTT_S * 1000) for kbps in line))
        result = Player(trace, movie, options, Same(rule)).play()
        kbps = result.mean_kbps * result.total_ms / (CHUNKS * CHUNK_S * 1000)
        found.append((result.freeze_rate, kbps))
    return Seen(*np.array(found).T)


@pytest.mark.parametrize("rule", ["hls", "bola", "dynamic"])
def test_the_fast_kernel_plays_as_the_exact_player_does(rule: Rule) -> None:
    """Freezes within a tenth or 0.05 points, bitrate within 2 %; a viewer's own within 0.3 points
    and 2 % in the mean.
    """
    lines = rates()
    truth = exact(rule, lines)
    frozen, kbps = truth.freeze_rate.mean(), truth.kbps.mean()
    assert frozen > 0.001
    for step_s in (1.0, 0.25):
        seen = fast(rule, lines, step_s)
        assert seen.freeze_rate.mean() == pytest.approx(frozen, rel=0.1, abs=0.0005)
        assert seen.kbps.mean() == pytest.approx(kbps, rel=0.02)
        assert np.abs(seen.freeze_rate - truth.freeze_rate).mean() < 0.003
        assert np.abs(seen.kbps / truth.kbps - 1.0).mean() < 0.02
