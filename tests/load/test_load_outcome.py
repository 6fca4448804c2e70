"""What a run's figures mean, and that those of several processes add up."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.outcome import Moment, Outcome, quantile
from tidegate.load.player import Player, Rules


def watched(asked: float, until: float, now: float) -> Outcome:
    """A view that was given media up to `until`, at once, and judged at `now`."""
    player = Player(Rules(start_s=0.5, resume_s=0.1, catch_up=1.0), asked)
    if until:
        player.arrived(0.0, until, asked + 1.0)
    outcome = Outcome()
    outcome.add_view(player, now)
    return outcome


def test_a_view_that_froze() -> None:
    outcome = watched(10.0, 3.0, 15.0)
    assert (outcome.played_s, outcome.frozen_s, outcome.stalls) == (3.0, 1.0, 1)
    assert (outcome.views, outcome.started, outcome.smooth) == (1, 1, 0)
    assert outcome.freeze_rate == 0.25
    assert outcome.joins == [1.0]


def test_a_view_that_never_began_counts_as_a_view_only() -> None:
    outcome = watched(10.0, 0.0, 60.0)
    assert (outcome.views, outcome.started, outcome.smooth, outcome.joins) == (1, 0, 0, [])
    figures = outcome.figures(50.0)
    assert (figures["freeze_rate"], figures["bitrate_mbps"], figures["stall_free_share"]) == (
        0,
        0,
        0,
    )


def test_the_figures_are_json_and_say_what_they_should() -> None:
    outcome = Outcome()
    for each in (watched(0.0, 4.0, 5.0), watched(0.0, 4.0, 5.0), watched(0.0, 2.0, 5.0)):
        outcome.add(each)
    outcome.received = 1_250_000
    outcome.errors = {"refused": 2}
    figures = json.loads(json.dumps(outcome.figures(5.04)))
    assert figures == {
        "views": 3,
        "viewers_started": 3,
        "seconds": 5.0,
        "freeze_rate": round(2 / 12, 6),
        "stalls": 1,
        "skips": 0,
        "stall_free_share": round(2 / 3, 5),
        "join_p50_s": 1.0,
        "join_p95_s": 1.0,
        "join_p99_s": 1.0,
        "received_gbit": 0.01,
        "bitrate_mbps": round(10 / 12, 4),
        "media_mbps": round(10 / 12, 4),
        "cpu_s": 0.0,
        "errors": {"refused": 2},
        "each_second": {"at": [], "viewers": [], "frozen": [], "received": [], "buffered_s": []},
    }


def test_the_bitrate_of_the_media_is_told_apart_from_that_of_the_line() -> None:
    outcome = Outcome(played_s=10.0, received=1_250_000, media_bits=8_000_000, media_s=16.0)
    figures = outcome.figures(10.0)
    assert (figures["bitrate_mbps"], figures["media_mbps"]) == (1.0, 0.5)


def test_processes_add_up_and_their_seconds_too() -> None:
    one, two = watched(0.0, 4.0, 5.0), watched(0.0, 2.0, 5.0)
    one.errors, two.errors = {"reset": 1, "404": 2}, {"reset": 3}
    one.moments = [Moment(0.0, 5, 0, 10), Moment(1.01, 5, 1, 20)]
    two.moments = [Moment(0.02, 4, 0, 1), Moment(0.99, 4, 2, 2), Moment(2.0, 4, 0, 3)]
    before = msgspec.msgpack.encode(two)
    whole = Outcome()
    whole.add(one)
    whole.add(two)
    assert whole.errors == {"reset": 4, "404": 2}
    assert [(each.viewers, each.frozen, each.received) for each in whole.moments] == [
        (9, 0, 11),
        (9, 3, 22),
        (4, 0, 3),
    ]
    assert (whole.played_s, whole.frozen_s) == (6.0, 2.0)
    assert msgspec.msgpack.encode(two) == before
    assert msgspec.msgpack.decode(before, type=Outcome) == two


@given(st.lists(st.floats(0, 100)), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values_with_its_share_below(
    values: list[float], share: float
) -> None:
    found = quantile(values, share)
    if not values:
        assert found == 0.0
        return
    assert found in values
    assert sum(value <= found for value in values) / len(values) >= min(share, 1.0) - 1e-9


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 51.0), (0.95, 96.0), (1.0, 100.0)])
def test_quantiles_of_a_hundred(share: float, value: float) -> None:
    assert quantile([float(n) for n in range(1, 101)], share) == value
