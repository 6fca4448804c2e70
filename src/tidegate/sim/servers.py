"""How sites share what they have among those who ask: water-filling, queues, wear, peerings.

Law: all is worked out once a step from what the step before counted, for every site at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.sim.compiled import compiled, inlined
from tidegate.sim.net import BINS, Carried, Counts, Network

HOT = 0.75
"""Utilisation from which a site's wants are counted one by one."""
CALM_S = 20.0
"""Time constant in which a site's highest utilisation is forgotten: wants come in waves."""
FULL = 0.95
"""Utilisation above which newcomers are sent to the buddy."""
PAID = 0.5
"""Share of a step's room, at most, that goes to what flowed above the line before."""
UNLIMITED_KBPS = 1e9
MOST_QUEUE = 0.98
"""Utilisation at which the queueing delay is taken, where it would grow without end."""
RECOVER = 1.25
"""How fast a peering that was full lets flows grow again, a step."""
LEAST_LINK = 0.02

Floats = npt.NDArray[np.float64]
EDGES = 2.0 ** (1 + np.arange(BINS) // 4) * (1.25 + np.arange(BINS) % 4 / 4)
"""Upper edge of each bin, kbit/s a step."""


@dataclass
class Servers:
    """State between steps. kbps, requests_s: float64 [S]; link_kbps: float64 [L].

    left: float64 [S], share of the capacity that wear leaves; worn_s: float64 [S], what wear adds
    to a first byte; queue: float64 [S], requests that wait; load, crest: float64 [S], utilisation
    in the last step, and its fading maximum; owed_kbit, sent_kbit: float64 [S], what flowed above
    the line and is on it in later steps, and what was on the line in this one;
    tier_s: how long after the encoder a chunk is at a site.
    """

    kbps: Floats
    requests_s: Floats
    link_kbps: Floats
    up: npt.NDArray[np.bool_]
    left: Floats
    worn_s: Floats
    queue: Floats
    load: Floats
    crest: Floats
    owed_kbit: Floats
    sent_kbit: Floats
    link_share: Floats
    queue_s: float
    tier_s: float

    def after(self, carried: Carried, step_s: float) -> None:
        """What came in the step says what holds in the next one."""
        kbps = np.maximum(self.kbps * self.left, 1e-6)
        wanted, room = self.owed_kbit + carried.kbit, kbps * step_s
        self.owed_kbit = np.maximum(0.0, wanted - room)
        self.sent_kbit = wanted - self.owed_kbit
        self.load = self.sent_kbit / room
        self.crest = np.maximum(self.load, self.crest * np.exp(-step_s / CALM_S))
        self.queue = np.maximum(0.0, self.queue + carried.asked - self.requests_s * step_s)
        over = carried.over_kbit[:-1] / step_s
        allowed = self.link_share * self.link_kbps / np.maximum(over, 1e-6)
        self.link_share = np.clip(
            np.where(over > self.link_kbps, allowed, self.link_share * RECOVER), LEAST_LINK, 1.0
        )

    def into(self, network: Network, counts: Counts, step_s: float) -> None:
        """The kernel's arrays for the next step."""
        sites = network.sites
        shares = self._shares(counts, sites["hot"] != 0, step_s)
        sites["share_kbps"] = shares
        busy = np.minimum(self.load, MOST_QUEUE)
        waits = self.queue / np.maximum(self.requests_s, 1.0)
        sites["delay_s"] = self.queue_s * busy / (1.0 - busy) + self.worn_s + waits
        sites["late_s"] = self.tier_s
        sites["up"] = self.up
        sites["hot"] = self.crest > HOT
        sites["full"] = ((shares < UNLIMITED_KBPS) | (self.load > FULL)) & self.up
        network.links[:-1] = self.link_share

    def _shares(self, counts: Counts, hot: npt.NDArray[np.bool_], step_s: float) -> Floats:
        """[S], kbit/s: the level to which flows are filled where all do not fit; what was counted
        is taken out."""
        shares = np.full(len(self.kbps), UNLIMITED_KBPS)
        room = self.kbps * self.left * step_s
        room -= np.minimum(self.owed_kbit, PAID * room)
        _fill(counts, hot, room, EDGES * step_s, step_s, shares)
        return shares


@compiled
def _fill(
    counts: Counts, hot: Any, room_kbit: Any, edges_kbit: Any, step_s: float, shares: Any
) -> None:
    """Water rises bin by bin, until what lies below and a level for each above it is all room."""
    bins, bin_kbit = counts.bins, counts.bin_kbit
    for site in range(len(shares)):
        if not hot[site]:
            continue
        above, wanted = _folded(bins, site), _folded(bin_kbit, site)
        if wanted > room_kbit[site]:
            under, column = 0, 0
            above -= bins[0, site, 0]
            while under + bin_kbit[0, site, column] + above * edges_kbit[column] < room_kbit[site]:
                under += bin_kbit[0, site, column]
                column += 1
                above -= bins[0, site, column]
            flows = max(above + bins[0, site, column], 1)
            shares[site] = (room_kbit[site] - under) / flows / step_s
        for column in range(BINS):
            bins[0, site, column] = bin_kbit[0, site, column] = 0


@inlined
def _folded(counted: Any, site: int) -> Any:
    """All rows' sum, after which the first alone holds it, column by column."""
    total = 0
    for row in range(len(counted)):
        for column in range(counted.shape[2]):
            number = counted[row, site, column]
            total += number
            if row:
                counted[0, site, column] += number
                counted[row, site, column] = 0
    return total


def whole(
    kbps: Floats, requests_s: Floats, link_kbps: Floats, queue_s: float, tier_s: float
) -> Servers:
    """All up, unworn and idle."""
    sites = len(kbps)
    return Servers(
        kbps=kbps,
        requests_s=requests_s,
        link_kbps=link_kbps,
        up=np.ones(sites, bool),
        left=np.ones(sites),
        worn_s=np.zeros(sites),
        queue=np.zeros(sites),
        load=np.zeros(sites),
        crest=np.zeros(sites),
        owed_kbit=np.zeros(sites),
        sent_kbit=np.zeros(sites),
        link_share=np.ones(len(link_kbps)),
        queue_s=queue_s,
        tier_s=tier_s,
    )
