"""The rest of a month as it is foreseen: a few kinds of five minutes that stand for all.

Law: forecasts stay apart, for a month comes as one of them and not as their mean.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
KINDS = 8
"""Of slots in each of several forecasts: the plan takes the longer the more there are in all, and
many months of few kinds tell more of what a region may ask for than one month of many."""


def representatives(demand_mbps: Floats, count: int) -> tuple[Ints, Ints]:
    """Slots of [T, G] that stand for all, closer together among the greatest. Their numbers, and
    for each slot [T] which one."""
    total = demand_mbps.sum(axis=1)
    order = np.argsort(-total, kind="stable")
    edges = np.unique((len(order) * np.linspace(0, 1, count + 1) ** 1.7).astype(np.int64))
    chosen = order[(edges[:-1] + edges[1:]) // 2]
    label = np.zeros(len(order), np.int64)
    label[order] = np.searchsorted(edges, np.arange(len(order)), side="right") - 1
    return chosen, label


def means(demand_mbps: Floats, label: Ints) -> tuple[Floats, Floats]:
    """Of [T, G], by label [T]: the mean slot of each, and how many there are."""
    slots = np.bincount(label).astype(np.float64)
    sums = np.zeros((len(slots), demand_mbps.shape[1]))
    np.add.at(sums, label, demand_mbps)
    return sums / np.maximum(slots, 1.0)[:, None], slots


@dataclass(frozen=True)
class Ahead:
    """The rest of a month: demand_mbps [T, G] of slots that stand for so many each (`slots` [T]);
    slots_left [D], free ones; sunk_mbps [D], levels that are held or billed already; kept: as in
    an earlier plan's `Levels`, or 0 to learn it, which takes several times as long; forecast [T]:
    to which of several each slot belongs."""

    demand_mbps: Floats
    slots: Floats
    slots_left: Floats
    sunk_mbps: Floats
    kept: float = 0.0
    forecast: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.forecast):
            object.__setattr__(self, "forecast", np.zeros(len(self.slots), np.int64))

    def part(self, nth: int) -> "Ahead":
        """Every other slot, standing for its neighbour as well."""
        scale = self.slots.sum() / max(self.slots[nth::2].sum(), 1e-9)
        rows, slots = self.demand_mbps[nth::2], scale * self.slots[nth::2]
        return replace(self, demand_mbps=rows, slots=slots, forecast=self.forecast[nth::2])


def foreseen(
    forecasts: Floats, slots_left: Floats, sunk_mbps: Floats, kept: float
) -> tuple[Ahead, Ints]:
    """What forecasts [F, T, G] say of the slots to come; and which of its slots stands for each,
    [F, T]."""
    labels = [representatives(each, KINDS)[1] for each in forecasts]
    parts = [means(each, label) for each, label in zip(forecasts, labels, strict=True)]
    kinds = np.array([len(slots) for _, slots in parts])
    ahead = Ahead(
        np.concatenate([rows for rows, _ in parts]),
        np.concatenate([slots for _, slots in parts]),
        slots_left,
        sunk_mbps,
        kept,
        np.repeat(np.arange(len(parts)), kinds),
    )
    return ahead, np.array(labels) + (np.cumsum(kinds) - kinds)[:, None]
