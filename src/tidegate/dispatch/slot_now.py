"""One slot: how its demand is placed under levels, bursts and, where all else fails, above them.

Law: the model is kept warm from slot to slot, and only bounds and prices change.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
        self._price = np.concatenate([flow_price, np.zeros(domains), np.full(pools, lost)])
        self._price = np.concatenate([self._price, np.zeros(domains)])
        size = len(self._price)
        least = np.zeros(shape.rows)
        least[pools:] = -INF
        bounds = Bounds(self._price, np.full(size, INF), least, np.zeros(shape.rows))
        self._highs = highs(entries, bounds, "simplex")
        self._highs.setOptionValue("simplex_strategy", PRIMAL)
        self._highs.setOptionValue("primal_simplex_bound_perturbation_multiplier", 0.0)

    def solve(
        self, demand: Floats, site_most: Floats, level: Floats, burst: tuple[Floats, Floats, Floats]
    ) -> Placed:
        """demand [P], site_most [S], level [D]; `burst` is its most and its price [D], and the
        price [D] of what lies above it. Raises `Unsolved`."""
        shape, room = self._shape, burst[0]
        flows, rows = len(shape.flow), np.arange(shape.rows, dtype=np.int32)
        here = np.arange(shape.rows)
        least = np.where(here < shape.pools, 0.0, -INF)
        least[: shape.pools] = demand
        self._highs.changeRowsBounds(
            shape.rows, rows, least, np.concatenate([demand, site_most, level])
        )
        columns = np.arange(len(self._price), dtype=np.int32)
        bursts, above = slice(flows, flows + shape.domains), slice(shape.columns, None)
        most = np.full(len(columns), INF)
        most[bursts] = room
        self._price[bursts], self._price[above] = burst[1], burst[2]
        self._highs.changeColsBounds(len(columns), columns, np.zeros(len(columns)), most)
        self._highs.changeColsCost(len(columns), columns, self._price)
        value, _ = solved(self._highs)
        return Placed(value[:flows], self.load(value[:flows]), value[bursts], value[above])

    def load(self, flow: Floats) -> Floats:
        """[S]."""
        return summed(self._paths.pool_site[self._shape.flow], flow, self._shape.sites)
