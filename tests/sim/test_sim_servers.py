"""Water-filling gives each flow what it wants, or as much as the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_world import small, world

from tidegate.sim import net
from tidegate.sim.net import column_of
from tidegate.sim.servers import PAID, UNLIMITED_KBPS, Servers, whole


def servers(kbps: float) -> Servers:
    one = np.array([kbps])
    return whole(one, one * 100, np.ones(1), 0.002, 0.3)


@given(
    st.lists(st.floats(2.0, 50_000.0), min_size=1, max_size=200),
    st.floats(10.0, 1e6),
)
def test_the_level_is_the_exact_one_within_a_bin(wants: list[float], kbps: float) -> None:
    network = world(small()).network
    counts = net.counts(3, network)
    for number, want in enumerate(wants):
        column = column_of.py_func(want)
        counts.bins[number % 3, 0, column] += 1
        counts.bin_kbit[number % 3, 0, column] += int(want)
    hot = np.array([True])
    level = float(servers(kbps)._shares(_first(counts), hot, 1.0)[0])
    assert not counts.bins.any()
    assert not counts.bin_kbit.any()
    if sum(int(want) for want in wants) <= kbps:
        assert level == UNLIMITED_KBPS
        return
    exact = _filled(wants, kbps)
    assert exact / 1.25 - 1 <= level <= exact * 1.25 + 1


def _first(counts: net.Counts) -> net.Counts:
    return counts._replace(bins=counts.bins[:, :1], bin_kbit=counts.bin_kbit[:, :1])


def _filled(wants: list[float], kbps: float) -> float:
    """One flow after the other, the smallest first."""
    left, rest = kbps, sorted(wants)
    while rest:
        fair = left / len(rest)
        if rest[0] > fair:
            return fair
        left -= rest.pop(0)
    return left


def test_requests_above_the_limit_wait_their_turn() -> None:
    site = whole(np.full(9, 1e6), np.full(9, 100.0), np.ones(2), 0.002, 0.3)
    none = np.zeros(9)
    asked = np.array([350.0, *none[1:]])
    site.after(net.Carried(none, asked, np.zeros(3)), 1.0)
    assert site.queue.tolist()[:2] == [250.0, 0.0]
    site.after(net.Carried(none, none, np.zeros(3)), 1.0)
    assert site.queue[0] == 150.0


def test_what_flowed_above_the_line_is_kept_from_what_follows() -> None:
    network = world(small()).network
    counts = net.counts(1, network)
    column = column_of.py_func(1000.0)
    hot, site, carried, loads = np.array([True]), servers(10_000.0), [], []
    for kbit in (15_000.0, *[0.0] * 8):
        counts.bins[0, 0, column] = 10
        counts.bin_kbit[0, 0, column] = 10_000
        level = float(site._shares(_first(counts), hot, 1.0)[0])
        carried.append(kbit or 10 * min(level, 1000.0))
        site.after(net.Carried(np.array(carried[-1:]), np.zeros(1), np.zeros(2)), 1.0)
        loads.append(float(site.load[0]))
    room = 10_000.0
    assert max(loads) == loads[0] == 1.0  # no line carries more than it can
    assert carried[1] == pytest.approx((1 - PAID) * room)  # at most so much is paid at once
    assert sum(carried[:3]) == pytest.approx(3 * room)
    assert carried[-1] == pytest.approx(room)
