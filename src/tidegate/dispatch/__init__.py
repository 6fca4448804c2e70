"""Which site serves whom: the least bill that keeps the freeze rate under its target."""

from tidegate.dispatch.check import SnapshotError, checked
from tidegate.dispatch.dispatcher import Dispatcher
from tidegate.dispatch.plan import Plan, newest
from tidegate.dispatch.policy import Policy
from tidegate.dispatch.snapshot import Snapshot
from tidegate.dispatch.topology import Topology

__all__ = [
    "Dispatcher",
    "Plan",
    "Policy",
    "Snapshot",
    "SnapshotError",
    "Topology",
    "checked",
    "newest",
]
