"""Who could serve whom: sites, groups of viewers, and the paths between them.

Law: all of it is known before an event and none of it changes within a plan; what changes is in
the snapshot. A path is (group, k): the k-th candidate site of a group, nearest first.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from tidegate.usage.contract import Contract

NO_LINK = -1
NO_SITE = -1


class Site(msgspec.Struct, frozen=True):
    """Machines of one place, ISP and contract.

    `domain` is the number of the billing domain whose samples its traffic is added to.
    """

    name: str
    region: int
    isp: int
    domain: int
    capacity_mbps: float
    requests_s: float


class Group(msgspec.Struct, frozen=True):
    """Viewers of one region, ISP and way of access."""

    region: int
    isp: int
    access: int


class Link(msgspec.Struct, frozen=True):
    """A peering that several paths share, such as from one ISP to another."""

    name: str
    capacity_mbps: float


@dataclass(frozen=True)
class Topology:
    """G groups, S sites, K candidates a group, L links, D billing domains.

    candidates: int32 [G, K], numbers of sites, nearest first; NO_SITE where a group has fewer.
    rtt_ms: float32 [G, K]. link: int32 [G, K], number of the link the path crosses, or NO_LINK.
    loss: float32 [G, K], the freeze share that the path itself adds at low load; 0 within an ISP.
    """

    regions: tuple[str, ...]
    isps: tuple[str, ...]
    accesses: tuple[str, ...]
    sites: tuple[Site, ...]
    groups: tuple[Group, ...]
    links: tuple[Link, ...]
    contracts: tuple[Contract, ...]
    candidates: npt.NDArray[np.int32]
    rtt_ms: npt.NDArray[np.float32]
    link: npt.NDArray[np.int32]
    loss: npt.NDArray[np.float32]
