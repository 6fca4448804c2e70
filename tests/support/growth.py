"""Whether a process grows, judged by what /proc says of it over time.

Law: the slope is the median of those of all pairs of samples (Theil and Sen), so that neither a
peak nor a step decides, only what goes on and on.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import median

MB = 1_000_000
LEAST_MEMORY = MB
LEAST_DESCRIPTORS = 2
SHARE = 0.05
"""Of the median: what growth is held to be noise, where that is more than the least."""


@dataclass(frozen=True)
class Sample:
    """Seconds since the beginning, bytes of memory, open descriptors."""

    at: float
    memory: float
    descriptors: float


@dataclass
class Series:
    """One process (or folder) over time."""

    name: str
    take: Callable[[], tuple[int, int]]
    samples: list[Sample] = field(default_factory=list)

    def look(self, began: float) -> None:
        """One more sample; none once what is looked at has ended."""
        try:
            memory, descriptors = self.take()
        except (FileNotFoundError, ProcessLookupError):
            return
        self.samples.append(Sample(time.monotonic() - began, memory, descriptors))

    def after(self, warm_s: float) -> list[Sample]:
        """Those after the warm-up."""
        return [each for each in self.samples if each.at >= warm_s]


@dataclass(frozen=True)
class Growth:
    """What one quantity grew by over the samples' time, by its slope, and what is held as noise."""

    median: float
    grown: float
    allowed: float

    @property
    def grows(self) -> bool:
        """Whether it does."""
        return self.grown > self.allowed


def growth(samples: Sequence[Sample], of: str) -> Growth:
    """Of `memory` or of `descriptors`."""
    points = [(each.at, float(getattr(each, of))) for each in samples]
    middle = median(value for _, value in points)
    least = LEAST_MEMORY if of == "memory" else LEAST_DESCRIPTORS
    span = points[-1][0] - points[0][0]
    return Growth(middle, slope(points) * span, max(least, SHARE * middle))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes of all pairs, units a second; 0 for fewer than two points."""
    slopes = [
        (after - before) / (late - early)
        for (early, before), (late, after) in combinations(points, 2)
        if late > early
    ]
    return median(slopes) if slopes else 0.0


def process(pid: int) -> tuple[int, int]:
    """Anonymous memory, which no file backs (proc(5) smaps_rollup), and open descriptors."""
    return anonymous(pid), len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  (a count, no paths)


def held(pid: int, root: Path) -> list[str]:
    """The segments below `root` that a process holds open; of removed ones, with "(deleted)"."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(fd.readlink()))
    return [path for path in found if path.startswith(f"{root}/") and ".seg" in path]


def anonymous(pid: int) -> int:
    """Bytes of memory that are this process's own."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def folder(path: Path) -> tuple[int, int]:
    """Bytes of the blocks that files take (a hole takes none), and how many files there are."""
    size = count = 0
    for parent, _, names in os.walk(path):
        for name in names:
            try:
                size += os.stat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH116,PTH118
            except FileNotFoundError:
                continue
            count += 1
    return size, count
