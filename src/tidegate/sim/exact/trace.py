"""A network trace: what a line carried, period by period.

Law: a trace is piecewise constant and begins anew at its end; a trace that would never carry a
bit is none. Times are ms and rates kbit/s, so that a rate is also bits a millisecond.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from tidegate.sim.exact.errors import BadFile
from tidegate.sim.exact.files import decode, read

LONGEST_PERIOD_MS = 86_400_000.0
SHORTEST_PERIOD_MS = 1.0
"""Sabre's own traces go down to it; shorter ones only cost time."""
HIGHEST_KBPS = 1e9
"""1 Tbit/s, so that a rate in the wrong unit is seen."""
LONGEST_LATENCY_MS = 60_000.0
MOST_PERIODS = 1_000_000


class Period(msgspec.Struct, frozen=True):
    """For `duration_ms`, the line carries `bandwidth_kbps` after `latency_ms` a request."""

    duration_ms: Annotated[float, Meta(ge=SHORTEST_PERIOD_MS, le=LONGEST_PERIOD_MS)]
    bandwidth_kbps: Annotated[float, Meta(ge=0, le=HIGHEST_KBPS)]
    latency_ms: Annotated[float, Meta(ge=0, le=LONGEST_LATENCY_MS)]


_Periods = Annotated[tuple[Period, ...], Meta(min_length=1, max_length=MOST_PERIODS)]


class Trace(msgspec.Struct, frozen=True):
    """The periods of a line, one after the other and over again."""

    periods: tuple[Period, ...]

    @property
    def duration_ms(self) -> float:
        """Of one time through."""
        return sum(period.duration_ms for period in self.periods)

    @property
    def mean_kbps(self) -> float:
        """What the line carries in the long run."""
        bits = sum(period.duration_ms * period.bandwidth_kbps for period in self.periods)
        return bits / self.duration_ms


def parse_trace(data: bytes, name: str = "trace") -> Trace:
    """The trace in a file of Sabre's form. Raises `BadFile`, whose text begins with `name`."""
    trace = Trace(decode(data, _Periods, name))
    if not any(period.bandwidth_kbps for period in trace.periods):
        raise BadFile(f"{name}: bandwidth_kbps is 0 in every period; one must carry something")
    return trace


def read_trace(path: Path) -> Trace:
    """`parse_trace` of a file."""
    return parse_trace(read(path, "network trace"), str(path))
