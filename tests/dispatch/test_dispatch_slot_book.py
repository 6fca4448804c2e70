"""A month slot by slot: what is granted is free, and all else that lies above a level is billed."""

import numpy as np
import pytest

from support.fleets import fleet
from tidegate.dispatch.slot_book import SlotBook
from tidegate.dispatch.slots import SlotPlanner
from tidegate.usage import Bill, of_rates

FLEET = fleet(4, sites=12, places=8)
SITES = len(FLEET.sites)
UP = np.ones(SITES, np.bool_)
DAYS = 1
PEAK = sum(site.capacity_mbps for site in FLEET.sites)


def demand(share: float) -> np.ndarray:
    """[G], so much of all sites' capacity, in even parts."""
    return np.full(len(FLEET.groups), share * PEAK / len(FLEET.groups))


@pytest.fixture
def book() -> SlotBook:
    made = SlotBook(FLEET, SlotPlanner(FLEET), DAYS)
    made.plan(np.repeat(np.stack([demand(0.2), demand(0.4)]), [270, 18], axis=0)[None])
    return made


def bills(loads: np.ndarray) -> list[Bill]:
    return [of_rates(each, loads[:, at]) for at, each in enumerate(FLEET.contracts)]


def test_what_is_granted_raises_nothing(book: SlotBook) -> None:
    before = book.levels.level_mbps
    grant = book.begin(demand(0.4), UP)
    assert grant.free.any()
    load = np.where(grant.free, before + 1000.0, before)
    left = book.left
    book.close(load)
    assert np.array_equal(book.levels.level_mbps, before)
    assert np.array_equal(left - book.left, grant.free)


def test_what_lies_above_takes_a_free_slot_and_is_billed_where_none_is_left(
    book: SlotBook,
) -> None:
    before, yuan = book.levels.level_mbps, book.yuan
    load = before.copy()
    load[3] += 500.0
    left = int(book.left[3])
    for nth in range(left):
        book.begin(demand(0.1), UP)
        assert not book.free.any()
        book.close(load)
        assert (book.left[3], book.took) == (left - nth - 1, nth + 1)
    assert book.yuan == yuan
    book.begin(demand(0.1), UP)
    book.close(load)
    raised = book.levels.level_mbps - before
    assert raised[3] == pytest.approx(load[3] * FLEET.contracts[3].overhead - before[3])
    assert np.count_nonzero(raised) == 1
    assert book.yuan - yuan == pytest.approx(raised[3] * FLEET.contracts[3].price)


def test_who_has_burst_too_long_goes_on_and_more_may_come(book: SlotBook) -> None:
    first = book.begin(demand(0.3), UP)
    more = book.again(demand(0.4), UP, first.load_mbps, 0.9)
    assert (more.free | ~first.free).all()
    assert more.free.sum() > first.free.sum() > 0


def test_who_burst_for_a_moment_only_keeps_his_free_slot(book: SlotBook) -> None:
    left = book.left
    first = book.begin(demand(0.4), UP)
    rest = book.again(demand(0.1), UP, first.load_mbps, 0.002)
    saved = first.free & ~rest.free
    assert saved.any()
    assert (book.allowed_mbps < book.billed_mbps)[saved].all()
    book.close(0.002 * first.load_mbps + 0.998 * rest.load_mbps)
    assert np.array_equal((left - book.left)[saved], np.zeros(saved.sum()))
    assert np.array_equal(book.allowed_mbps, book.billed_mbps)


def test_who_carried_less_than_its_level_may_carry_more_in_the_rest(book: SlotBook) -> None:
    before, left = book.levels.level_mbps, book.left
    book.begin(demand(0.4), UP)
    book.again(demand(0.4), UP, np.zeros(SITES), 0.5)
    assert (book.allowed_mbps > before)[before > 0].all()
    book.close(0.5 * book.allowed_mbps / [each.overhead for each in FLEET.contracts])
    assert np.array_equal(book.levels.level_mbps, before)
    assert np.array_equal(book.left, left)


def test_a_copy_goes_its_own_way(book: SlotBook) -> None:
    book.begin(demand(0.2), UP)
    book.close(np.zeros(SITES))
    copy = book.copy()
    assert (copy.slots, copy.yuan) == (1, book.yuan)
    copy.begin(demand(0.2), UP)
    copy.close(np.full(SITES, 9000.0))
    assert (book.slots, copy.slots) == (1, 2)
    assert copy.took > book.took


def test_at_the_end_of_the_month_the_book_owes_what_the_bills_say(book: SlotBook) -> None:
    rng, loads = np.random.default_rng(1), []
    for _ in range(288 * DAYS):
        loads.append(book.begin(demand(rng.uniform(0.1, 0.4)), UP).load_mbps)
        book.close(loads[-1])
    total = sum(bill.yuan for bill in bills(np.array(loads)))
    assert total == pytest.approx(book.yuan, rel=0.05)
    assert total <= book.yuan * 1.001
