"""Linear programmes over five-minute slots: pools of viewers on sites whose bills are by slots.

Law: one block of rows and columns a slot, the same for each; what ties slots together is a level a
billing domain, and how much may lie above it in all. Flows are in Gbit/s of payload.
"""

from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from tidegate.dispatch.model import Unsolved
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.quiet import QuietHighs
from tidegate.dispatch.topology import NO_LINK

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
INF = float("inf")


@dataclass(frozen=True)
class Shape:
    """Columns of a slot: flow [Q], burst [D] (above the level), lost [P]. Its rows: demand [P],
    site [S], domain [D]."""

    flow: Ints
    pools: int
    sites: int
    domains: int

    @property
    def columns(self) -> int:
        """A slot's."""
        return len(self.flow) + self.domains + self.pools

    @property
    def rows(self) -> int:
        """A slot's."""
        return self.pools + self.sites + self.domains

    @classmethod
    def of(cls, paths: Paths) -> "Shape":
        """Only paths over no peering count: a month is not planned on what others may fill."""
        direct = paths.pool_link == NO_LINK
        alone = np.bincount(paths.pool, direct, paths.pool.max() + 1) == 0
        flow = np.flatnonzero(direct | alone[paths.pool])
        topology = paths.topology
        return cls(flow, len(alone), len(topology.sites), len(topology.contracts))


@dataclass
class Entries:
    """Of a matrix, in any order."""

    rows: list[Ints]
    columns: list[Ints]
    values: list[Floats]

    @classmethod
    def none(cls) -> "Entries":
        """To be added to."""
        return cls([], [], [])

    def add(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        """`values` may be one for all."""
        self.rows.append(rows)
        self.columns.append(columns)
        self.values.append(np.broadcast_to(np.asarray(values, np.float64), len(rows)))


def block(paths: Paths, shape: Shape, entries: Entries, row: int, column: int) -> None:
    """One slot's, from these numbers on."""
    flows = column + np.arange(len(shape.flow))
    burst = column + len(shape.flow) + np.arange(shape.domains)
    site = paths.pool_site[shape.flow]
    domain_row = row + shape.pools + shape.sites
    entries.add(row + paths.pool[shape.flow], flows, 1.0)
    entries.add(row + np.arange(shape.pools), burst[-1] + 1 + np.arange(shape.pools), 1.0)
    entries.add(row + shape.pools + site, flows, 1.0)
    entries.add(domain_row + paths.domain[site], flows, 1.0)
    entries.add(domain_row + np.arange(shape.domains), burst, -1.0)


@dataclass(frozen=True)
class Bounds:
    """Of columns: price, most; of rows: least, most."""

    price: Floats
    column_most: Floats
    row_least: Floats
    row_most: Floats


def highs(entries: Entries, bounds: Bounds, solver: str) -> highspy.Highs:
    """A model that is ready to run."""
    rows, columns = np.concatenate(entries.rows), np.concatenate(entries.columns)
    values, count = np.concatenate(entries.values), len(bounds.price)
    order = np.lexsort((rows, columns))
    start = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(columns, minlength=count), out=start[1:])
    model = QuietHighs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("solver", solver),
        ("run_crossover", "off"),
    ):
        model.setOptionValue(name, value)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = count, len(bounds.row_most)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = bounds.price, np.zeros(count), bounds.column_most
    lp.row_lower_, lp.row_upper_ = bounds.row_least, bounds.row_most
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = start
    lp.a_matrix_.index_, lp.a_matrix_.value_ = rows[order].astype(np.int32), values[order]
    model.passModel(lp)
    return model


def solved(model: highspy.Highs) -> tuple[Floats, Floats]:
    """Runs it: values of columns and prices of rows. Raises `Unsolved`."""
    model.run()
    status = model.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise Unsolved(model.modelStatusToString(status))
    solution = model.getSolution()
    return np.maximum(np.array(solution.col_value), 0.0), np.array(solution.row_dual)
