"""Whether the last plan will still do: how much a new one could save at most, with no solver asked.

Law: `saving` is never less than what the solver would find. Whatever prices rows are given, the
cheapest flows under those prices cost no more than the optimum (weak duality); the last solution's
prices come close for as long as little has changed. What the last plan itself costs now is plain
arithmetic, for every row of the programme but the demand can be bought off.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.columns import Columns, Rows
from tidegate.dispatch.matrix import Sparse
from tidegate.dispatch.policy import Policy
from tidegate.dispatch.pools import Paths, summed

Floats = npt.NDArray[np.float64]
TINY = 1e-6
"""By which the solver may miss a price."""
LEAST_GBPS = 1e-6


class Terms(NamedTuple):
    """A moment's bounds and prices: lower, upper of rows; most, price of columns."""

    lower: Floats
    upper: Floats
    most: Floats
    price: Floats


class Held(NamedTuple):
    """An earlier solution: flow [P] of today's demand; arrived: bool [P], nobody is yet to move for
    it; prices [rows]."""

    flow: Floats
    arrived: npt.NDArray[np.bool_]
    prices: Floats


class Standing:
    """Judges plans of one model's shape."""

    def __init__(
        self, paths: Paths, columns: Columns, rows: Rows, sparse: Sparse, policy: Policy
    ) -> None:
        self._paths, self._columns, self._rows, self._policy = paths, columns, rows, policy
        self._sparse = sparse
        self._column = np.repeat(np.arange(columns.size), np.diff(sparse.start))
        flows = self._column < columns.come.stop
        self._freezing = np.flatnonzero((sparse.row == rows.freeze.start) & flows)
        self._path = self._column[self._freezing] % len(paths.group)

    def saving(self, held: Held, capacity: Floats, rates: Floats, terms: Terms) -> float:
        """Of the objective, at most, by a new solution; infinite where the held prices say nothing
        any more, and where what is held takes a closed path or raises a bill, for a little each
        time would be much in a month. rates [P]: entries of the freeze row."""
        value = self._sparse.value.copy()
        value[self._freezing] = rates[self._path]
        return self._cost(held, capacity, value, terms) - self._least(held.prices, value, terms)

    def _cost(self, held: Held, capacity: Floats, value: Floats, terms: Terms) -> float:
        columns, rows, paths, policy = self._columns, self._rows, self._paths, self._policy
        flow = held.flow
        if (flow[terms.most[columns.come] == 0] > LEAST_GBPS).any():
            return np.inf
        strong = paths.strong[paths.pool_path]
        x = np.zeros(columns.size)
        x[columns.stay] = np.where(held.arrived, flow, np.minimum(flow, terms.most[columns.stay]))
        x[columns.come] = flow - x[columns.stay]
        x[columns.load] = load = paths.load(flow)
        x[columns.strong] = summed(paths.site[strong], flow[strong], len(load))
        over = np.maximum(load - policy.easy * capacity, 0.0)
        for piece in (columns.easy, columns.ceiling):
            x[piece] = np.minimum(over, terms.most[piece])
            over -= x[piece]
        x[columns.full] = over
        done = np.bincount(self._sparse.row, value * x[self._column], rows.size)
        for slack, row in (
            (columns.rise, rows.bill), (columns.reserve, rows.reserve), (columns.link, rows.link),
            (columns.freeze, rows.freeze), (columns.move, rows.move),
        ):  # fmt: skip
            x[slack] = np.maximum(done[row] - terms.upper[row], 0.0)
        spent = terms.price * x  # BLAS would wake threads for such a product, which cost more
        if spent[columns.rise].sum() > TINY:
            return np.inf
        return float(spent.sum())

    def _least(self, prices: Floats, value: Floats, terms: Terms) -> float:
        """What no flows cost less than. Rows other than the demand's are priced; then each group
        takes its cheapest paths, and every other column what pays for itself."""
        columns, demand = self._columns, terms.lower[self._rows.demand]
        y = prices.copy()
        y[self._rows.demand] = 0.0
        asked = np.bincount(self._column, value * y[self._sparse.row], columns.size)
        left = terms.price - asked
        bound = np.where(y > 0, terms.lower, terms.upper)[y != 0]
        rows = float((y[y != 0] * bound).sum())
        rest = slice(columns.load.start, columns.size)
        pays = left[rest] < -TINY
        pays[columns.shed.start - rest.start : columns.shed.stop - rest.start] = False
        others = float((left[rest][pays] * terms.most[rest][pays]).sum())
        return rows + others + self._filled(demand, left, terms)

    def _filled(self, demand: Floats, left: Floats, terms: Terms) -> float:
        """Each group's demand by its cheapest paths: who is there may stay, up to so many; any may
        come; and nothing costs more than to withhold the top rung."""
        columns, square = self._columns, self._paths.square
        held = square(np.ones(len(self._paths.group))) > 0
        opened = square(terms.most[columns.come]) > 0
        come = np.where(held & opened, square(left[columns.come]), np.inf).min(axis=1)
        come = np.minimum(come, self._policy.price_shed)[:, None]
        stay = np.where(held, square(left[columns.stay]), np.inf)
        order = np.argsort(stay, axis=1)
        stay = np.take_along_axis(stay, order, axis=1)
        room = np.take_along_axis(square(terms.most[columns.stay]), order, axis=1)
        room = np.where(stay < come, room, 0.0)
        before = np.cumsum(room, axis=1) - room
        taken = np.clip(demand[:, None] - before, 0.0, room)
        cheap = np.where(taken > 0, stay - come, 0.0) * taken
        return float(cheap.sum() + (come[:, 0] * demand).sum())
