"""What breaks in an event, and when.

Law: at each moment all is made whole, then broken anew by the scenario's list alone, so nothing is
left of a failure that has ended.
"""

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.topology import Site
from tidegate.sim.scenario import Failure
from tidegate.sim.telemetry import Telemetry
from tidegate.sim.world import World

FAST_DETECT_S = 0.3
"""A site that dies with a word (its connections are reset) is left at once."""
NEVER_S = 1e9
DRAW = 7
"""Added to the seed: which share of the capacity is struck."""


class Failures:
    """Of one rehearsal; with `unlimited` none takes hold."""

    def __init__(self, world: World, telemetry: Telemetry, seed: int, unlimited: bool) -> None:
        self._world = world
        self._telemetry = telemetry
        self._listed = () if unlimited else world.scenario.failures
        self._hits = [struck(each, world.topology.sites, seed) for each in self._listed]
        self._whole_links = world.servers.link_kbps.copy()

    def strike(self, now: float) -> None:
        """What is broken at this moment is so from here on."""
        servers, telemetry = self._world.servers, self._telemetry
        servers.up[:] = True
        servers.left[:] = 1.0
        servers.worn_s[:] = 0.0
        servers.link_kbps = self._whole_links.copy()
        telemetry.lost = telemetry.liars = telemetry.delay_s = 0.0
        self._world.network.sites["detect_s"] = FAST_DETECT_S
        for failure, hit in zip(self._listed, self._hits, strict=True):
            if _during(failure, now):
                self._one(failure, hit)

    def silences(self, now: float) -> bool:
        """Whether the controller is lost."""
        return any(each.what == "controller_lost" and _during(each, now) for each in self._listed)

    def _one(self, failure: Failure, hit: npt.NDArray[np.int64]) -> None:
        servers, telemetry = self._world.servers, self._telemetry
        match failure.what:
            case "site_down":
                servers.up[hit] = False
                detect_s = NEVER_S if failure.silent else FAST_DETECT_S
                self._world.network.sites["detect_s"][hit] = detect_s
            case "brown_out":
                servers.left[hit] = failure.left
                servers.worn_s[hit] = failure.delay_s
            case "peering_cut":
                count = round(failure.share * len(servers.link_kbps))
                servers.link_kbps[:count] *= failure.left
            case "telemetry_late":
                telemetry.delay_s = failure.delay_s
            case "telemetry_lost":
                telemetry.lost = failure.share
            case "liars":
                telemetry.liars = failure.share


def struck(failure: Failure, sites: tuple[Site, ...], seed: int) -> npt.NDArray[np.int64]:
    """Numbers of the sites: those named, or a share of the capacity, others with each seed."""
    if failure.sites:
        names = {site.name: number for number, site in enumerate(sites)}
        return np.array([names[name] for name in failure.sites])
    order = np.random.Generator(np.random.Philox(DRAW + seed)).permutation(len(sites))
    capacity = np.array([sites[number].capacity_mbps for number in order])
    hit: npt.NDArray[np.int64] = order[np.cumsum(capacity) <= failure.share * capacity.sum() + 1e-9]
    return hit


def _during(failure: Failure, now: float) -> bool:
    return failure.at_s <= now < failure.at_s + failure.for_s
