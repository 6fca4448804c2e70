"""Which domains burst in a slot: whole free slots, that are worth as little as may be together.

Law: bursts that carry the slot give way only to others that carry it too and are worth less.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.pools import Paths, summed
from tidegate.dispatch.slot_model import Shape
from tidegate.dispatch.slot_now import Placed

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Solve = Callable[[Floats, Floats], Placed]
STARTS, STIRRED = 4, 0.2
"""Sets that are tried, the first from bursts in parts, the others from such at prices that differ
by as much: of all that one set leaves unused, four save a fifth, and eight a fourth."""
LITTLE = 0.05
"""Share of a burst's room that it is taken to fill at least, where another's place is sought."""
TINY = 1e-4


@dataclass(frozen=True)
class Offer:
    """room [D]: Gbit/s that a domain may lie above its level; worth [D]: yuan of a Gbit/s of it;
    spent: bool [D], whose slot is gone already; solve: places the slot's demand for a room and a
    price of using it, each [D]. Raises `Unsolved`."""

    room: Floats
    worth: Floats
    spent: Bools
    solve: Solve

    def in_parts(self) -> Placed:
        """Were a burst no whole slot: no set of bursts is worth less."""
        return self.solve(self.room, self.worth)


def islands(paths: Paths, shape: Shape) -> Ints:
    """[D]: domains with one number share no pool of viewers with those of another."""
    pool = paths.pool[shape.flow]
    domain = paths.domain[paths.pool_site[shape.flow]]
    found = np.arange(shape.domains)
    while True:
        least = np.full(shape.pools, shape.domains)
        np.minimum.at(least, pool, found[domain])
        joined = found.copy()
        np.minimum.at(joined, domain, least[pool])
        if (joined == found).all():
            return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)
        found = joined


def fewest(offer: Offer, island: Ints, starts: int = STARTS) -> Placed:
    """Whole bursts that carry the slot: each island's those of the start that came to the least.
    Raises `Unsolved`."""
    parts, count = offer.in_parts(), int(island.max()) + 1
    above = summed(island, parts.above, count)
    best, least = _whole(offer, island, parts, above)
    for nth in range(1, starts if best.any() else 1):
        rng = np.random.Generator(np.random.Philox(nth))
        stirred = offer.worth * np.exp(rng.normal(0.0, STIRRED, len(best)))
        found, worth = _whole(offer, island, offer.solve(offer.room, stirred), above)
        best = np.where((worth < least)[island], found, best)
        least = np.minimum(worth, least)
    return offer.solve(np.where(best, offer.room, 0.0), np.zeros(len(best)))


def _whole(offer: Offer, island: Ints, begun: Placed, above: Floats) -> tuple[Bools, Floats]:
    """From bursts in parts, each made whole: one after the other, the emptiest first, is closed,
    and stays so where what else must open for it, at prices by how far its traffic would fill
    them, is worth less. Islands take their turns at once. What each island's are worth: no number
    is too much for one that began with more above its levels and bursts than must be."""
    whole, count = offer.worth * offer.room, len(above)
    taken, used = begun.burst > TINY, begun.burst
    tried = offer.spent | ~taken
    while True:
        at = _emptiest(np.where(tried | ~taken, -1.0, whole - offer.worth * used), island)
        if not len(at):
            break
        tried[at] = True
        rest, room, need = taken.copy(), offer.room.copy(), np.zeros(count)
        rest[at], room[at], need[island[at]] = False, 0.0, used[at]
        share = np.clip(need[island] / np.maximum(offer.room, TINY), LITTLE, 1.0)
        found = offer.solve(room, np.where(rest, 0.0, offer.worth / share))
        opened = rest | (found.burst > TINY)
        worth = summed(island, whole * (1.0 * taken - opened), count)
        more = summed(island, found.above, count) - above
        better = ((worth > TINY) & (more <= TINY))[island]
        taken, used = np.where(better, opened, taken), np.where(better, found.burst, used)
    worth = summed(island, whole * taken, count)
    return taken, np.where(summed(island, begun.above, count) > above + TINY, np.inf, worth)


def _emptiest(waste: Floats, island: Ints) -> Ints:
    """Of each island the domain of most waste, if that of any is not negative."""
    order = np.lexsort((-waste, island))
    first = order[np.unique(island[order], return_index=True)[1]]
    return np.asarray(first[waste[first] >= 0.0], np.int64)
