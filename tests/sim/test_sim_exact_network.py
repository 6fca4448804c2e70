"""How long a download takes follows from the trace alone, however it is cut into looks."""

from bisect import bisect_left
from itertools import accumulate, cycle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.sim.exact import Period, Trace
from tidegate.sim.exact.network import LOOK_BITS, LOOK_MS, Network

rates = st.one_of(st.just(0.0), st.floats(1, 50_000))
periods = st.builds(Period, st.floats(1, 5000), rates, st.floats(0, 2000))
traces = st.builds(
    Trace,
    st.lists(periods, min_size=1, max_size=8)
    .map(tuple)
    .filter(lambda found: any(each.bandwidth_kbps for each in found)),
)


def when(trace: Trace, bits: float) -> float:
    """By another way: the millisecond at which the line, from its beginning, carried `bits`."""
    loop = sum(each.duration_ms * each.bandwidth_kbps for each in trace.periods)
    loops, rest = divmod(bits, loop)
    ends = list(accumulate(each.duration_ms * each.bandwidth_kbps for each in trace.periods))
    at = min(bisect_left(ends, rest), len(ends) - 1)
    before = sum(each.duration_ms for each in trace.periods[:at])
    period = trace.periods[at]
    part = rest - (ends[at] - period.duration_ms * period.bandwidth_kbps)
    return loops * trace.duration_ms + before + part / (period.bandwidth_kbps or 1)


@given(traces, st.floats(1, 1e7))
def test_a_download_takes_as_long_as_the_line_takes_to_carry_it(trace: Trace, bits: float) -> None:
    took = Network(trace).download(bits)
    # A bit more or less falls on either side of a silent period: the time is between the two.
    assert when(trace, bits * (1 - 1e-9)) * (1 - 1e-6) <= took
    assert took <= when(trace, bits * (1 + 1e-9)) * (1 + 1e-6) + 1e-6


@given(traces, st.floats(1, 1e7), st.floats(0, 5000))
@example(Trace((Period(1.0, 1.9, 0.0),)), 1025.0, 0.0)
@example(Trace((Period(1.0, 1.9, 0.0),)), 494.0, 0.0)
def test_looks_change_nothing(trace: Trace, bits: float, later: float) -> None:
    """But for the last bits of sums, which are Sabre's: a rest may get a look of its own."""
    plain, watched = Network(trace), Network(trace)
    seen: list[tuple[float, float]] = []

    def watch(got: float, ms: float, level: float) -> None:
        seen.append((got, ms))
        assert level == max(0, 2000 - ms)

    latency = plain.latency()
    assert watched.latency() == latency
    took = latency + plain.download(bits)
    got, ms, target = watched.download_watched(bits, latency, 2000, watch)
    assert target is None
    assert got == pytest.approx(bits, rel=1e-9)
    assert ms == pytest.approx(took, rel=1e-9)
    steps = zip([(0.0, 0.0), *seen], seen, strict=False)
    for (bits_before, ms_before), (bits_after, ms_after) in steps:
        if bits_after == pytest.approx(bits, rel=1e-9):
            continue
        assert bits_after - bits_before >= LOOK_BITS * (1 - 1e-9)
        assert ms_after - ms_before >= LOOK_MS * (1 - 1e-9)
    plain.wait(later)
    watched.wait(later)
    assert watched.download(1000) == pytest.approx(plain.download(1000), rel=1e-3, abs=1e-3)


def test_a_download_is_left_off_where_the_watch_says() -> None:
    network = Network(Trace((Period(1000, 1000, 20),)))
    ms = network.latency()
    got, ms, target = network.download_watched(
        1e6, ms, 0, lambda got, _ms, _level: 3 if got > 300_000 else None
    )
    assert target == 3
    assert 300_000 < got <= 350_000
    assert ms == pytest.approx(20 + got / 1000)
    assert network.download(1000 * (1000 - ms)) == pytest.approx(1000 - ms)


def test_a_latency_that_changes_under_way_keeps_its_share() -> None:
    network = Network(Trace((Period(100, 1, 200), Period(1000, 1, 1000))))
    assert network.latency() == 100 + 500


def test_a_trace_begins_anew() -> None:
    line = (Period(100, 10, 0), Period(100, 0, 0))
    network = Network(Trace(line))
    ends = []
    for _, _ in zip(range(4), cycle(line), strict=False):
        ends.append(network.download(1000))
    assert ends == [100, 200, 200, 200]


def test_waiting_moves_along_the_trace() -> None:
    network = Network(Trace((Period(100, 10, 0), Period(100, 1, 0))))
    network.wait(350)
    assert network.download(50) == 50
    assert network.download(10) == 1
