"""A rehearsal under a month's money: the book follows it, and traffic goes where it is paid for."""

from dataclasses import replace

import numpy as np
import pytest
from sim_world import SCENARIOS, rehearsed, small, world

from tidegate.dispatch.slot_book import SlotBook
from tidegate.dispatch.slots import SlotPlanner
from tidegate.sim.event import Rehearsal
from tidegate.sim.money import Money
from tidegate.sim.month import event_slot, month_bill
from tidegate.sim.places import scaled, topology
from tidegate.sim.scenario import access_of

SCENARIO = small(
    event={"duration_s": 600},
    audience={"curve": [[0, 1.0], [600, 1.0]]},
    month={"days": 1, "event_day": 1, "event_hour": 20},
)
PLACES = topology(SCENARIO, access_of(SCENARIO, SCENARIOS))
SITES = len(PLACES.sites)


CAPACITY = np.array([site.capacity_mbps for site in PLACES.sites])


def book(paid_mbps: np.ndarray) -> SlotBook:
    """One whose month has no free slots left, and so much paid for."""
    made = SlotBook(PLACES, SlotPlanner(PLACES), 1)
    made.levels = replace(made.levels, level_mbps=paid_mbps)
    for _ in range(PLACES.contracts[0].free_samples(288)):
        made.free = np.ones(SITES, np.bool_)
        made.close(CAPACITY)
    assert not made.left.any()
    assert np.array_equal(made.billed_mbps, paid_mbps)
    return made


def carried(rehearsal: Rehearsal) -> np.ndarray:
    """[S], Mbit/s at the end."""
    servers = rehearsal.world.servers
    return np.asarray(servers.load * servers.kbps / 1000)


def test_each_five_minutes_are_closed_with_what_was_carried() -> None:
    money = Money(book(np.zeros(SITES)), 1.0)
    before = money.book.slots
    rehearsal = rehearsed(SCENARIO, "ours", money=money)
    assert money.book.slots == before + 2
    assert money.raised_yuan > 0
    whole = rehearsal.result.sum("carried_kbit") / 600 / 1000
    overhead = PLACES.contracts[0].overhead
    assert money.book.levels.level_mbps.sum() / overhead == pytest.approx(whole, rel=0.2)


def test_traffic_goes_where_it_is_paid_for() -> None:
    paid = np.where(np.arange(SITES) % 2, 0.85, 0.1) * CAPACITY
    rich = rehearsed(SCENARIO, "ours", money=Money(book(paid), 1.0))
    blind = rehearsed(SCENARIO, "ours")
    least = carried(rich).sum() - paid.sum()
    over = [np.maximum(carried(each) - paid, 0).sum() - least for each in (rich, blind)]
    assert over[0] < 0.55 * over[1]
    assert rich.result.freeze_rate() < blind.result.freeze_rate() + 0.005


def test_a_fleet_of_half_the_size_is_billed_as_the_whole() -> None:
    scale = 0.5
    half = scaled(SCENARIO, scale)
    money = Money(book(np.zeros(SITES)), scale)
    Rehearsal(world(half), "ours", 1, money=money).run()
    whole = Money(book(np.zeros(SITES)), 1.0)
    rehearsed(SCENARIO, "ours", money=whole)
    assert money.raised_yuan == pytest.approx(whole.raised_yuan, rel=0.1)


def test_the_month_hands_over_its_book_as_the_event_finds_it() -> None:
    bills = month_bill(SCENARIO, PLACES, 1)
    assert bills.at_event.slots == event_slot(SCENARIO) == 240
    money = Money(bills.at_event.copy(), 1.0)
    result = rehearsed(SCENARIO, "ours", money=money).result
    assert (bills.at_event.slots, money.book.slots) == (240, 242)
    assert money.raised_yuan < 0.3 * bills.ours_yuan
    assert result.freeze_rate() < 0.05
