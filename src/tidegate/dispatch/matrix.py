"""The matrix of the linear programme, built once: which variable counts in which row.

Law: it holds nothing of a moment but the freeze rates, which `Model` changes in place; all else
that changes is a bound or a price.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.columns import Columns, Rows
from tidegate.dispatch.policy import Policy
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.topology import NO_LINK

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MILLE = 1000.0
"""The freeze row counts thousandths of Gbit/s."""
LEAST_MILLE = 1e-3
"""A rate of the freeze row at least: an entry of 0 would be no entry, and could not be changed."""


class Sparse(NamedTuple):
    """Columnwise: start [columns + 1], row and value of each entry."""

    start: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    value: Floats


class _Entries:
    def __init__(self) -> None:
        self.rows: list[Ints] = []
        self.columns: list[Ints] = []
        self.values: list[Floats] = []

    def add(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        count = max(len(rows), len(columns))
        self.rows.append(np.broadcast_to(rows, count))
        self.columns.append(np.broadcast_to(columns, count))
        self.values.append(np.broadcast_to(np.asarray(values, np.float64), count))

    def columnwise(self, size: int) -> Sparse:
        rows, columns = np.concatenate(self.rows), np.concatenate(self.columns)
        values = np.concatenate(self.values)
        order = np.lexsort((rows, columns))
        start = np.zeros(size + 1, np.int32)
        np.cumsum(np.bincount(columns, minlength=size), out=start[1:])
        return Sparse(start, rows[order].astype(np.int32), values[order])


def span(part: slice) -> Ints:
    """Its numbers."""
    return np.arange(part.start, part.stop)


def matrix(paths: Paths, columns: Columns, rows: Rows, policy: Policy) -> Sparse:
    """With freeze rates of next to nothing, which `Model` overwrites."""
    entries = _Entries()
    topology = paths.topology
    for flows in (span(columns.stay), span(columns.come)):
        entries.add(rows.demand.start + paths.group, flows, 1.0)
        entries.add(rows.load.start + paths.site, flows, 1.0)
        strong = paths.strong[paths.pool_path]
        entries.add(rows.strong.start + paths.site[strong], flows[strong], 1.0)
        link = paths.pool_link[paths.pool_path]
        linked = link != NO_LINK
        entries.add(rows.link.start + link[linked], flows[linked], 1.0)
        entries.add(span(rows.freeze), flows, LEAST_MILLE)
    entries.add(span(rows.move), span(columns.come), 1.0)
    entries.add(span(rows.move), span(columns.move), -1.0)
    load = span(columns.load)
    entries.add(span(rows.load), load, -1.0)
    entries.add(span(rows.pieces), load, 1.0)
    harms = (policy.easy_freeze, policy.ceiling_freeze, policy.full_freeze)
    for piece, harm in zip((columns.easy, columns.ceiling, columns.full), harms, strict=True):
        entries.add(span(rows.pieces), span(piece), -1.0)
        entries.add(span(rows.freeze), span(piece), MILLE * harm)
    overhead = np.array([contract.overhead for contract in topology.contracts])
    entries.add(rows.bill.start + paths.domain, load, overhead[paths.domain])
    entries.add(span(rows.bill), span(columns.rise), -1.0)
    _reserves(entries, paths, columns, rows)
    entries.add(span(rows.link), span(columns.link), -1.0)
    groups = len(topology.groups)
    shed = span(columns.shed)
    entries.add(rows.demand.start + (shed - columns.shed.start) % groups, shed, 1.0)
    entries.add(span(rows.freeze), span(columns.freeze), -1.0)
    return entries.columnwise(columns.size)


def _reserves(entries: _Entries, paths: Paths, columns: Columns, rows: Rows) -> None:
    """A row: flow over `reserve_share`, plus the load of the path's refuges, is at most what those
    hold; the flow is the path's own, or of all strong paths of its site. Where it holds for all
    paths of a site, its viewers find room when it is lost: a refuge with h left is sent the part
    h / sum(h) of each path's flow, so at most h times the sum of the shares, and that is 1."""
    number = np.full(len(paths.pool), -1, np.int64)
    number[paths.reserve] = span(rows.reserve)
    strong = paths.reserve[paths.strong[paths.reserve]]
    share = 1.0 / paths.reserve_share
    entries.add(span(rows.strong), span(columns.strong), -1.0)
    entries.add(number[strong], columns.strong.start + paths.pool_site[strong], share[strong])
    weak = np.flatnonzero(~paths.strong[paths.pool_path])
    path = paths.pool_path[weak]
    for flows in (columns.stay, columns.come):
        entries.add(number[path], flows.start + weak, share[path])
    entries.add(span(rows.reserve), span(columns.reserve), -1.0)
    here, other = paths.refuges
    here, other = here[number[here] >= 0], other[number[here] >= 0]
    entries.add(number[here], columns.load.start + paths.pool_site[other], 1.0)
