"""Where each variable and each row of the linear programme stands.

Law: the shape follows from the topology and the ladder alone, so one model serves every moment and
only figures in it change.
"""

from dataclasses import dataclass

from tidegate.dispatch.pools import Paths


class Spans:
    """Names for stretches of a line of numbers, given out in order."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, count: int) -> slice:
        """The next `count`."""
        self.size += count
        return slice(self.size - count, self.size)


@dataclass(frozen=True)
class Columns:
    """All flows in Gbit/s.

    stay, come [P]: what a path carries of those who are on it already, and of others; load [S];
    strong [S]: of it, over strong paths; easy, ceiling, full [S]: what of it lies above these
    shares of the capacity; rise [D]: what is billed; reserve, one for each of `Paths.reserve`:
    what would find no room were the path's site lost; link [L]: above the peering's; shed
    [R * G]: withheld by taking away one more rung, and last all; freeze: above the budget; move:
    above the limit.
    """

    stay: slice
    come: slice
    load: slice
    strong: slice
    easy: slice
    ceiling: slice
    full: slice
    rise: slice
    reserve: slice
    link: slice
    shed: slice
    freeze: slice
    move: slice
    size: int

    @classmethod
    def of(cls, paths: Paths, rungs: int) -> "Columns":
        """For a ladder of so many rungs."""
        topology, spans = paths.topology, Spans()
        count, sites = len(paths.group), len(topology.sites)
        domains, links, groups = len(topology.contracts), len(topology.links), len(topology.groups)
        return cls(
            stay=spans.take(count),
            come=spans.take(count),
            load=spans.take(sites),
            strong=spans.take(sites),
            easy=spans.take(sites),
            ceiling=spans.take(sites),
            full=spans.take(sites),
            rise=spans.take(domains),
            reserve=spans.take(len(paths.reserve)),
            link=spans.take(links),
            shed=spans.take(rungs * groups),
            freeze=spans.take(1),
            move=spans.take(1),
            size=spans.size,
        )


@dataclass(frozen=True)
class Rows:
    """demand [G]; load and strong [S]: sums; pieces [S]; bill [D]; reserve, as the columns;
    link [L]."""

    demand: slice
    load: slice
    strong: slice
    pieces: slice
    bill: slice
    reserve: slice
    link: slice
    freeze: slice
    move: slice
    size: int

    @classmethod
    def of(cls, paths: Paths) -> "Rows":
        """Its rows do not depend on the ladder."""
        topology, spans = paths.topology, Spans()
        sites = len(topology.sites)
        return cls(
            demand=spans.take(len(topology.groups)),
            load=spans.take(sites),
            strong=spans.take(sites),
            pieces=spans.take(sites),
            bill=spans.take(len(topology.contracts)),
            reserve=spans.take(len(paths.reserve)),
            link=spans.take(len(topology.links)),
            freeze=spans.take(1),
            move=spans.take(1),
            size=spans.size,
        )
