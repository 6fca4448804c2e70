"""The wheel: a deadline is met within a slot of its time, however often it moved."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge.timers import NEVER, TICK_S, Timer, Wheel


def test_a_deadline_that_moved_later_is_met_later() -> None:
    wheel = Wheel()
    met: list[float] = []
    timer = Timer(met.append)
    timer.deadline = 1.0
    wheel.watch(timer)
    timer.deadline = 5.0
    wheel.turn(2.0)
    assert not met
    wheel.turn(5.5)
    assert met == [5.5]


def test_a_deadline_that_moved_earlier_is_met_once() -> None:
    wheel = Wheel()
    met: list[float] = []
    timer = Timer(met.append)
    for deadline in (9.0, 1.0):
        timer.deadline = deadline
        wheel.watch(timer)
    wheel.turn(1.5)
    wheel.turn(20.0)
    assert met == [1.5]
    assert wheel.wait(20.0) == -1


def test_a_cancelled_deadline_is_not_met() -> None:
    wheel = Wheel()
    met: list[float] = []
    timer = Timer(met.append)
    timer.deadline = 1.0
    wheel.watch(timer)
    timer.deadline = NEVER
    wheel.turn(9.0)
    assert not met


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 2)), max_size=40))
def test_none_is_early_and_none_is_a_slot_late(moves: list[tuple[float, float]]) -> None:
    """Each move sets the deadline `ahead` of now, `passed` seconds after the move before."""
    wheel = Wheel()
    timer = Timer(lambda now: None)
    now = 0.0
    for ahead, passed in moves:
        timer.deadline = now + ahead
        wheel.watch(timer)
        due = timer.deadline
        now += passed
        wheel.turn(now)
        met = timer.deadline == NEVER
        assert not (met and now < due)
        assert met or now <= due + 2 * TICK_S
