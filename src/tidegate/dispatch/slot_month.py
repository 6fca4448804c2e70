"""The month's levels: the least bill that carries every slot.

Law: a domain with F free slots of n, billed at b and able to carry c, lies above b in all by at
most F (c - b), and that is linear in b. So the levels are one linear programme; what whole slots
waste is not in it. Each forecast of the month must do with the same levels by itself: what one
spares is no help to another that is short of it elsewhere.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.model import Unsolved
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.slot_model import INF, Bounds, Entries, Shape, block, highs, solved

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Month:
    """What is ahead. Gbit/s of payload; yuan a Gbit/s.

    demand [T, P] of slots that stand for `slots` [T], each of one forecast [T]; base [D]: carried
    for nothing; most [D]: what the domain's sites may carry; rise_most [D]; price [D] of a higher
    base for the rest of the month; flow_price [Q] of carrying for one slot; free [D] slots; lost:
    price of what nobody carries.
    """

    demand: Floats
    slots: Floats
    forecast: Ints
    base: Floats
    most: Floats
    rise_most: Floats
    price: Floats
    flow_price: Floats
    free: Floats
    site_most: Floats
    lost: float


@dataclass(frozen=True)
class Answer:
    """rise [D]; worth [D]: yuan of a Gbit/s above the level for one slot; lost [T]; above [T]:
    what lies above the levels."""

    rise: Floats
    worth: Floats
    lost: Floats
    above: Floats


def levels(paths: Paths, shape: Shape, month: Month) -> Answer:
    """Raises `Unsolved`."""
    times, domains, count = len(month.demand), shape.domains, _forecasts(month)
    entries = Entries.none()
    first_row = np.arange(times) * shape.rows
    first_column = domains + np.arange(times) * shape.columns
    budget = times * shape.rows + np.arange(count * domains).reshape(count, domains)
    rise = np.arange(domains)
    for row, column, slots, own in zip(
        first_row.tolist(),
        first_column.tolist(),
        month.slots.tolist(),
        budget[month.forecast],
        strict=True,
    ):
        block(paths, shape, entries, row, column)
        entries.add(row + shape.pools + shape.sites + rise, rise, -1.0)
        entries.add(own, column + len(shape.flow) + rise, slots)
    bursts = month.free > 0
    for own in budget:
        entries.add(own[bursts], rise[bursts], month.free[bursts])
    value, dual = _solved(entries, _bounds(shape, month))
    each = value[domains:].reshape(times, shape.columns)
    return Answer(
        rise=value[:domains],
        worth=np.where(bursts, np.maximum(-dual[budget], 0.0).sum(axis=0), 0.0),
        lost=each[:, -shape.pools :].sum(axis=1),
        above=each[:, len(shape.flow) : len(shape.flow) + domains][:, bursts].sum(axis=1),
    )


def _forecasts(month: Month) -> int:
    return int(month.forecast.max()) + 1


def _solved(entries: Entries, bounds: Bounds) -> tuple[Floats, Floats]:
    """By interior points, many times faster here, or where they do not converge by the simplex."""
    try:
        return solved(highs(entries, bounds, "ipm"))
    except Unsolved:
        return solved(highs(entries, bounds, "simplex"))


def _bounds(shape: Shape, month: Month) -> Bounds:
    times, flows, domains = len(month.demand), len(shape.flow), shape.domains
    count = _forecasts(month)
    each = np.zeros((times, shape.columns))
    each[:, :flows] = month.slots[:, None] / count * month.flow_price
    each[:, flows + domains :] = month.slots[:, None] / count * month.lost
    most = np.full((times, shape.columns), INF)
    most[:, flows : flows + domains] = np.where(month.free > 0, INF, 0.0)
    least = np.full((times, shape.rows), -INF)
    least[:, : shape.pools] = month.demand
    row_most = np.empty((times, shape.rows))
    row_most[:, : shape.pools] = month.demand
    row_most[:, shape.pools : shape.pools + shape.sites] = month.site_most
    row_most[:, shape.pools + shape.sites :] = month.base
    above = np.where(month.free > 0, month.most - month.base, 0.0)
    budget = np.maximum(month.free * above, 0.0)
    return Bounds(
        price=np.concatenate([month.price, each.ravel()]),
        column_most=np.concatenate([month.rise_most, most.ravel()]),
        row_least=np.concatenate([least.ravel(), np.full(count * domains, -INF)]),
        row_most=np.concatenate([row_most.ravel(), np.tile(budget, count)]),
    )
