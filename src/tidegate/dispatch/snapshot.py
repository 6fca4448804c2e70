"""What the dispatcher knows at one moment.

Law: figures come from telemetry that may be late, lost or a lie; `checked` bounds them before the
solver sees any, and says what it did.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.freeze import Estimates
from tidegate.dispatch.plan import Plan


@dataclass(frozen=True)
class Snapshot:
    """Shapes as in `Topology`; times are the caller's clock, seconds.

    demand_mbps: float64 [G], what each group's viewers want by the time the plan is in force,
    were no rendition withheld. viewers: float64 [G]. served: float32 [G, K], where they are now,
    as shares. up: bool [S]. capacity_mbps: float64 [S], what is left of a site that is worn.
    load_mbps: float64 [S], last measured.
    frozen_s, watched_s: float64 [G, K], stall seconds, and stall plus play seconds, reported over
    the last half minute. reported_at: float64 [S], when each site's figures were true.
    level_mbps: float64 [D], what each billing domain is billed for already this month, so that
    traffic below it is free. free: bool [D], whether this five minutes is one of its free ones.
    ladder_kbps: the renditions' rates, ascending.
    estimates: what earlier moments told about freezes (`freeze.update`); without it the last half
    minute speaks alone.
    """

    now: float
    demand_mbps: npt.NDArray[np.float64]
    viewers: npt.NDArray[np.float64]
    served: npt.NDArray[np.float32]
    up: npt.NDArray[np.bool_]
    capacity_mbps: npt.NDArray[np.float64]
    load_mbps: npt.NDArray[np.float64]
    frozen_s: npt.NDArray[np.float64]
    watched_s: npt.NDArray[np.float64]
    reported_at: npt.NDArray[np.float64]
    level_mbps: npt.NDArray[np.float64]
    free: npt.NDArray[np.bool_]
    ladder_kbps: tuple[float, ...]
    last: Plan | None
    estimates: Estimates | None = None
