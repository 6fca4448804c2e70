"""What the dispatcher decides: for each group, which sites in which shares, and what else if not.

Law: a plan is whole by itself. Who holds it needs no other word to serve a viewer, for as long as
nothing newer comes; a plan of a lower generation than the one at hand is refused.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Source = Literal["solved", "greedy", "last", "nearest"]


@dataclass(frozen=True)
class Plan:
    """Shapes as in `Topology`.

    weights: float32 [G, K], shares of a group's viewers on its candidates, each row sums to 1.
    backups: int32 [G, 3], sites to try in this order when the one given fails; NO_SITE at the end.
    ttl_s: float32 [G], after how many seconds a viewer asks again.
    ladder_cap_kbps: float32 [G], no rendition above it is offered; infinity for none.
    overflow_mbps: demand that no site can hold after the caps, 0 where all fits; shed_mbps: what
    the caps withhold, so both together are what the sites lack at the uncapped ladder.
    reasons: one sentence each, the weightiest first: what moved whom, and why.
    spare: float32 [G, K], in which shares those whose site fails choose among the others, their
    own left out (`assign`); by these the loss of any one site fits. `backups` is drawn from it,
    another order a group, for who can hold only a list.
    moved_at: float64 [G], when the group's shares last changed by more than a little.
    prices: float64, the linear programme's, by which a later moment judges whether this plan still
    will do.
    """

    generation: int
    made_at: float
    source: Source
    weights: npt.NDArray[np.float32]
    backups: npt.NDArray[np.int32]
    ttl_s: npt.NDArray[np.float32]
    ladder_cap_kbps: npt.NDArray[np.float32]
    overflow_mbps: float
    reasons: tuple[str, ...]
    shed_mbps: float = 0.0
    spare: npt.NDArray[np.float32] | None = None
    moved_at: npt.NDArray[np.float64] | None = None
    prices: npt.NDArray[np.float64] | None = None


def newest(held: Plan | None, offered: Plan) -> Plan:
    """Whichever of the two is to be followed: a plan that is not newer is refused."""
    if held is None or offered.generation > held.generation:
        return offered
    return held
