"""How long a part stays down."""

from tidegate.node.backoff import FIRST_DELAY_S, HEALTHY_S, LONGEST_DELAY_S, Backoff


def test_first_end_is_followed_by_a_start_at_once() -> None:
    backoff = Backoff()
    backoff.started(now=100.0)
    assert backoff.ended(now=100.5) == 0


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff()
    delays = []
    for now in range(12):
        backoff.started(float(now))
        delays.append(backoff.ended(float(now)))
    assert delays[:5] == [0, *(FIRST_DELAY_S * 2**n for n in range(4))]
    assert delays[-1] == LONGEST_DELAY_S
    assert delays == sorted(delays)


def test_a_healthy_while_forgets_the_ends_before_it() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.started(now=0.0)
        backoff.ended(now=0.0)
    backoff.started(now=10.0)
    assert backoff.ended(now=10.0 + HEALTHY_S) == 0
