"""Whole bursts: they carry what bursts in parts would, and are worth little more than the best."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleets import capacity, fleet
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.slot_bursts import STARTS, TINY, Offer, fewest, islands
from tidegate.dispatch.slot_model import Shape
from tidegate.dispatch.slot_now import Placed, Slot

FLEET = fleet(6, sites=12, places=6)
PATHS = Paths.of(FLEET)
SHAPE = Shape.of(PATHS)
ISLAND = islands(PATHS, SHAPE)
MOST = 0.85 * capacity(FLEET) / 1000.0
DEAR = np.full(SHAPE.domains, 1e4)


@cache
def slot() -> Slot:
    return Slot(PATHS, SHAPE, np.full(len(SHAPE.flow), 1e-3), 1e5)


def offer(seed: int, use: float, spent: float = 0.0) -> Offer:
    """Levels, worths and demand by chance; demand is `use` of all sites."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.1, 0.5, SHAPE.domains) * MOST
    demand = rng.uniform(0.2, 1.8, SHAPE.pools)
    demand *= use * MOST.sum() / demand.sum()
    gone = rng.random(SHAPE.domains) < spent
    worth = np.where(gone, 0.0, rng.uniform(1.0, 2.0, SHAPE.domains))

    def solve(room: np.ndarray, price: np.ndarray) -> Placed:
        return slot().solve(demand, MOST, level, (room, price, DEAR))

    return Offer(MOST - level, worth, gone, solve)


def worth(made: Offer, bursts: np.ndarray) -> float:
    return float((made.worth * made.room)[bursts].sum())


def best(made: Offer) -> float:
    """Of every set of an island's domains, the one worth least that carries all."""
    total = 0.0
    for island in range(ISLAND.max() + 1):
        own = np.flatnonzero(island == ISLAND)
        found = []
        for chosen in product((False, True), repeat=len(own)):
            taken = island != ISLAND
            taken[own] = chosen
            placed = made.solve(np.where(taken, made.room, 0.0), 0.0 * made.room)
            if placed.above[own].sum() <= TINY:
                found.append(worth(made, taken & (island == ISLAND)))
        total += min(found)
    return total


def test_an_isp_is_an_island_and_a_shared_pool_joins_two() -> None:
    isp = np.array([site.isp for site in FLEET.sites])
    assert (isp == ISLAND).all()
    wide = fleet(6, sites=12, places=8)
    joined = Paths.of(replace(wide, link=np.full_like(wide.link, -1)))
    assert set(islands(joined, Shape.of(joined)).tolist()) == {0}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.floats(0.1, 0.95), st.sampled_from([0.0, 0.3]))
def test_whole_bursts_carry_what_parts_do(seed: int, use: float, spent: float) -> None:
    made = offer(seed, use, spent)
    parts, whole = made.in_parts(), fewest(made, ISLAND)
    assert whole.above.sum() <= parts.above.sum() + 0.01
    assert whole.load.sum() == pytest.approx(parts.load.sum(), abs=0.01)
    bursts = whole.burst > TINY
    assert worth(made, bursts) >= (made.worth * parts.burst).sum() - 0.01
    assert worth(made, bursts) <= worth(made, parts.burst > TINY) + 0.01


def test_few_are_worth_more_than_the_best_of_all_sets() -> None:
    made = [offer(seed, 0.5) for seed in range(12)]
    first, found = (
        [worth(each, fewest(each, ISLAND, starts).burst > TINY) for each in made]
        for starts in (1, STARTS)
    )
    exact = [best(each) for each in made]
    rounded = [worth(each, each.in_parts().burst > TINY) for each in made]
    assert sum(found) <= 1.03 * sum(exact)
    assert sum(first) <= 0.95 * sum(rounded)
    assert all(more <= one + TINY for one, more in zip(first, found, strict=True))
    assert sum(found) < 0.99 * sum(first)


def test_where_little_is_needed_no_more_bursts_than_holds_it() -> None:
    base = fleet(0, sites=12, places=6)
    sites = [type(each)(**{**{key: getattr(each, key) for key in each.__struct_fields__},
                           "capacity_mbps": 1000.0 * (at + 1)})
             for at, each in enumerate(base.sites)]  # fmt: skip
    topology = replace(base, sites=tuple(sites), groups=base.groups[:1],
                       candidates=np.arange(6, dtype=np.int32)[None], rtt_ms=base.rtt_ms[:1],
                       link=np.full((1, 6), -1, np.int32), loss=base.loss[:1])  # fmt: skip
    paths = Paths.of(topology)
    shape = Shape.of(paths)
    one = Slot(paths, shape, np.zeros(len(shape.flow)), 1e5)
    most = capacity(topology) / 1000.0
    nothing = np.zeros(shape.domains)
    made = Offer(most, np.ones(12), nothing > 0, lambda room, price: one.solve(
        np.array([3.5]), most, nothing, (room, price, np.full(12, 1e4))))  # fmt: skip
    placed = fewest(made, islands(paths, shape))
    assert most[placed.burst > TINY].sum() == pytest.approx(4.0)
    assert placed.load.sum() == pytest.approx(3.5)
