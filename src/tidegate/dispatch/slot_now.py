"""One slot: how its demand is placed under levels, bursts and, where all else fails, above them.

Law: the model is kept warm from slot to slot, and only bounds and prices change.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.model import Unsolved
from tidegate.dispatch.pools import Paths, summed
from tidegate.dispatch.slot_model import INF, Bounds, Entries, Shape, block, highs, solved

Floats = npt.NDArray[np.float64]
PRIMAL = 4
"""HiGHS's number of the simplex that is quickest here: from one solve to the next prices change."""


class Placed(NamedTuple):
    """flow [Q], load [S], burst [D], above [D], Gbit/s."""

    flow: Floats
    load: Floats
    burst: Floats
    above: Floats


class Slot:
    """Columns: a block's, then what lies above level and burst [D]."""

    def __init__(self, paths: Paths, shape: Shape, flow_price: Floats, lost: float) -> None:
        self._shape = shape
        self._paths = paths
        domains, pools = shape.domains, shape.pools
        entries = Entries.none()
        block(paths, shape, entries, 0, 0)
        rows = pools + shape.sites + np.arange(domains)
        entries.add(rows, shape.columns + np.arange(domains), -1.0)
        price = [flow_price, np.zeros(domains), np.full(pools, lost), np.zeros(domains)]
        size = shape.columns + domains
        least = np.zeros(shape.rows)
        least[pools:] = -INF
        bounds = Bounds(np.concatenate(price), np.full(size, INF), least, np.zeros(shape.rows))
        self._bursts = np.arange(len(shape.flow), len(shape.flow) + domains, dtype=np.int32)
        self._above = np.arange(shape.columns, size, dtype=np.int32)
        self._most = bounds.row_most
        self._highs = highs(entries, bounds, "simplex")
        self._highs.setOptionValue("simplex_strategy", PRIMAL)
        self._highs.setOptionValue("primal_simplex_bound_perturbation_multiplier", 0.0)

    def solve(
        self, demand: Floats, site_most: Floats, level: Floats, burst: tuple[Floats, Floats, Floats]
    ) -> Placed:
        """demand [P], site_most [S], level [D]; `burst` is its most and its price [D], and the
        price [D] of what lies above it. Raises `Unsolved`."""
        shape, least = self._shape, np.full(self._shape.rows, -INF)
        least[: shape.pools] = demand
        most = np.concatenate([demand, site_most, level])
        if not np.array_equal(most, self._most):
            rows = np.arange(shape.rows, dtype=np.int32)
            self._highs.changeRowsBounds(shape.rows, rows, least, most)
            self._most = most
        room, price, above = burst
        self._highs.changeColsBounds(shape.domains, self._bursts, np.zeros(shape.domains), room)
        self._highs.changeColsCost(shape.domains, self._bursts, price)
        self._highs.changeColsCost(shape.domains, self._above, above)
        try:
            value, _ = solved(self._highs)
        except Unsolved:  # a basis of other prices may lead nowhere
            self._highs.clearSolver()
            value, _ = solved(self._highs)
        flow = value[: len(shape.flow)]
        return Placed(flow, self.load(flow), value[self._bursts], value[self._above])

    def load(self, flow: Floats) -> Floats:
        """[S]."""
        return summed(self._paths.pool_site[self._shape.flow], flow, self._shape.sites)
