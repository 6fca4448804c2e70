"""Time is either joined, played or frozen; rules keep their laws; what would not end is refused."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.sim.exact import (
    RULES,
    BadOptions,
    Endless,
    Movie,
    Options,
    Period,
    RuleName,
    Trace,
    play,
)
from tidegate.sim.exact.bola import Bola
from tidegate.sim.exact.estimate import Ewma, Sliding

RATES = (300.0, 800.0, 1500.0, 3000.0)


def movie(segments: int, segment_ms: float = 2000) -> Movie:
    return Movie(segment_ms, RATES, (tuple(rate * segment_ms for rate in RATES),) * segments)


def line(*periods: tuple[float, float]) -> Trace:
    """Of (ms, kbit/s), 20 ms away."""
    return Trace(tuple(Period(ms, kbps, 20) for ms, kbps in periods))


rules = st.sampled_from(RULES)
options = st.builds(
    Options,
    rule=rules,
    buffer_s=st.floats(2, 40),
    gamma_p_s=st.floats(0.5, 20),
    calm=st.booleans(),
    give_up=st.booleans(),
    average=st.sampled_from(["ewma", "sliding"]),
    windows=st.just((3, 20)),
    heed_target=st.booleans(),
)
lines = st.lists(st.tuples(st.floats(50, 20_000), st.floats(0, 8000)), min_size=1, max_size=8).map(
    lambda found: line(*found, (10_000, 500))
)


@settings(deadline=None)
@given(lines, options)
def test_all_time_is_joined_played_or_frozen(trace: Trace, how: Options) -> None:
    result = play(trace, movie(12), how)
    assert result == play(trace, movie(12), how)
    parts = result.join_ms + 12 * 2000 + result.frozen_ms
    assert result.total_ms == pytest.approx(parts)
    assert 0 <= result.rebuffer_ratio <= result.freeze_rate < 1
    assert RATES[0] * 0.999 <= result.mean_kbps / (12 * 2000 / result.total_ms) <= RATES[-1] * 1.001
    assert result.freezes == 0 or result.frozen_ms > 0
    assert result.given_up == 0 or how.give_up


@pytest.mark.parametrize("rule", RULES)
def test_a_wide_steady_line_never_freezes_and_comes_to_the_top(rule: RuleName) -> None:
    result = play(line((1000, 20_000)), movie(100), Options(rule=rule))
    assert result.frozen_ms == 0
    assert result.join_ms == 20 + 300 * 2000 / 20_000
    assert result.mean_kbps > 2500


@pytest.mark.parametrize("rule", RULES)
def test_a_line_under_the_lowest_rate_freezes_as_long_as_it_must(rule: RuleName) -> None:
    result = play(line((1000, 150)), movie(20), Options(rule=rule))
    # Rung 0 takes 4,020 ms for each 2,000 ms; the last of them plays after the last download.
    assert result.frozen_ms == pytest.approx(19 * 2020, rel=0.05)
    assert result.freezes == 19


@given(lines)
@settings(deadline=None)
def test_dynamic_with_little_buffer_is_throughput(trace: Trace) -> None:
    how = Options(rule="dynamic", buffer_s=10)
    assert play(trace, movie(10), how) == play(trace, movie(10), replace(how, rule="throughput"))


@given(st.lists(st.floats(0, 60_000), min_size=2, max_size=20).map(sorted))
def test_bola_never_goes_down_as_the_buffer_grows(levels: list[float]) -> None:
    known = Ewma((3, 8), movie(100))
    known.push(1000, 1e6, 10)
    chosen = [Bola(movie(100), Options()).choose(50, level, known)[0] for level in levels]
    assert chosen == sorted(chosen)


def test_an_abandoned_download_is_asked_for_again_at_its_target_where_that_is_heeded() -> None:
    trace = line((20_000, 6000), (60_000, 400))
    how = Options(rule="throughput", insufficient_buffer=False)
    ignored = play(trace, movie(30), how)
    heeded = play(trace, movie(30), replace(how, heed_target=True))
    assert ignored.given_up > heeded.given_up > 0
    assert ignored.frozen_ms > heeded.frozen_ms


@pytest.mark.parametrize("average", [Ewma((3, 8), movie(5)), Sliding((3, 5))])
def test_of_two_memories_the_lower_rate_counts_and_the_higher_latency(
    average: Ewma | Sliding,
) -> None:
    for kbps, latency in [*[(5000, 20)] * 20, *[(1000, 200)] * 3]:
        average.push(1000, kbps, latency)
    fallen, late = average.kbps, average.latency_ms
    assert fallen < 4000
    assert late > 50
    for _ in range(3):
        average.push(1000, 5000, 20)
    assert average.kbps < 4500
    assert average.latency_ms > 20


def test_the_first_download_alone_is_believed() -> None:
    average = Ewma((3, 8), movie(5))
    average.push(1200, 3456, 78)
    assert average.kbps == pytest.approx(3456)
    assert average.latency_ms == pytest.approx(78)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rule": "bba"}, "rule: 'bba' is not one of bola, bolae, throughput, dynamic"),
        ({"buffer_s": 1.9}, "buffer_s: 1.9 is not from a segment"),
        ({"buffer_s": math.nan}, "buffer_s: nan"),
        ({"buffer_s": 1e9}, "buffer_s: 1e"),
        ({"gamma_p_s": 0}, "gamma_p_s: 0 is not above 0"),
        ({"gamma_p_s": math.inf}, "gamma_p_s: inf"),
        ({"average": "mean"}, "average: 'mean' is neither"),
        ({"half_lives_s": ()}, "half_lives_s: one or more"),
        ({"half_lives_s": (3, 0)}, "half_lives_s: one or more"),
        ({"windows": (0,)}, "windows: one or more, each from 1 to 20"),
        ({"windows": (21,)}, "windows: one or more, each from 1 to 20"),
    ],
)
def test_options_out_of_range_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(BadOptions) as caught:
        play(line((1000, 1000)), movie(3), Options(**change))  # type: ignore[arg-type]
    assert says in str(caught.value)


@pytest.mark.parametrize("rule", RULES)
def test_a_single_bitrate_plays_but_by_bolae(rule: RuleName) -> None:
    single = Movie(2000, (300.0,), ((600_000.0,),) * 5)
    if rule == "bolae":
        with pytest.raises(BadOptions, match="two bitrates or more"):
            play(line((1000, 1000)), single, Options(rule=rule))
    else:
        assert play(line((1000, 1000)), single, Options(rule=rule)).switched_kbps == 0


def test_a_session_that_would_not_end_is_refused() -> None:
    with pytest.raises(Endless, match=r"carries 0\.1 kbit/s in the mean.*more than an hour"):
        play(line((1000, 0.1)), movie(3), Options())


def test_a_rule_that_only_asks_and_gives_up_is_stopped() -> None:
    trace = line((2500, 6000), (80_000_000, 50))
    how = Options(rule="throughput", insufficient_buffer=False)
    with pytest.raises(Endless, match=r"segment \d+ was asked for and given up 1000 times"):
        play(trace, movie(10), how)
    assert play(trace, movie(10), replace(how, heed_target=True)).given_up > 0
