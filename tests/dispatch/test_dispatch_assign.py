"""The hash that shares a group between sites: by weight, the same anywhere, and steady."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.dispatch.assign import assign, orders, pick

SESSIONS = [(at * 0x9E3779B97F4A7C15) & (2**64 - 1) for at in range(4000)]
weights_of = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8)


def chosen(sites: list[int], weights: list[float]) -> list[int]:
    held = np.array(sites, np.int32), np.array(weights, np.float32)
    return [sites[assign(np.uint64(session), *held)] for session in SESSIONS]


def moved(before: list[int], after: list[int]) -> float:
    return sum(a != b for a, b in zip(before, after, strict=True)) / len(before)


def test_shares_are_the_weights() -> None:
    counts = np.bincount(chosen([0, 1, 2], [0.5, 0.3, 0.2]), minlength=3) / len(SESSIONS)
    assert np.abs(counts - [0.5, 0.3, 0.2]).max() < 0.03


@given(weights_of, st.integers(0, 2**64 - 1))
def test_the_plain_function_says_the_same(weights: list[float], session: int) -> None:
    held = np.array(weights, np.float32)
    sites = np.arange(len(weights), dtype=np.int32) * 7
    assert assign(np.uint64(session), sites, held) == pick(session, sites.tolist(), held.tolist())


def test_a_large_and_a_small_session_number_are_both_unsigned() -> None:
    sites, weights = np.arange(3, dtype=np.int32), np.ones(3, np.float32)
    for session in (0, 5, 2**63 - 1, 2**63, 2**64 - 1):
        assert assign(np.uint64(session), sites, weights) == pick(session, [0, 1, 2], [1, 1, 1])


def test_without_weight_it_is_the_first_and_one_alone_needs_no_hash() -> None:
    sites = np.arange(3, dtype=np.int32)
    assert assign(7, sites, np.zeros(3, np.float32)) == 0
    assert assign(7, sites, np.array([0, np.nan, 0.1], np.float32)) == 2
    assert pick(7, [0, 1, 2], [0, 0, 0.1]) == 2


def test_the_order_of_sites_does_not_matter() -> None:
    there = chosen([4, 9, 2, 7], [0.1, 0.2, 0.3, 0.4])
    assert chosen([7, 2, 9, 4], [0.4, 0.3, 0.2, 0.1]) == there


def test_who_is_removed_loses_only_its_own() -> None:
    before, after = chosen([0, 1, 2], [0.3, 0.3, 0.4]), chosen([0, 1, 2], [0.3, 0.0, 0.4])
    assert all(a in (b, 1) for a, b in zip(before, after, strict=True))


@settings(max_examples=30)
@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=6), st.floats(0, 0.5), st.randoms())
def test_no_more_move_than_the_law_says(weights: list[float], share: float, random) -> None:  # type: ignore[no-untyped-def]
    total = sum(weights)
    before = [weight / total for weight in weights]
    give, take = random.sample(range(len(before)), 2)
    change = min(share, before[give])
    after = list(before)
    after[give] -= change
    after[take] += change
    sites = list(range(len(before)))
    most = 2 * change / (1 + change)
    assert moved(chosen(sites, before), chosen(sites, after)) <= most + 0.03


def test_orders_are_what_pick_would_choose_one_after_the_other() -> None:
    rng = np.random.default_rng(1)
    sites = np.array([rng.permutation(20)[:5] for _ in range(50)], np.int32)
    weights = rng.uniform(0, 1, (50, 5)) * (rng.uniform(size=(50, 5)) > 0.4)
    for row, order in enumerate(orders(sites, weights, 3).tolist()):
        left = weights[row].tolist()
        for named in order:
            if named < 0:
                assert not any(left)
                continue
            k = pick(row, sites[row].tolist(), left)
            assert sites[row][k] == named
            left[k] = 0.0
