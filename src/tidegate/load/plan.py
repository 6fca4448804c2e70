"""Who comes when, stays how long and over which line.

Law: pure; the same seed gives the same audience.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

ARRIVALS = ("all", "ramp", "poisson")


@dataclass(frozen=True, slots=True)
class Line:
    """A share of the viewers, and what their line carries, bits a second (0: no limit)."""

    share: float
    rate: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One view: seconds from the beginning, how long it lasts, and the line's bits a second."""

    at: float
    lasts: float
    rate: float


@dataclass(frozen=True, slots=True)
class Audience:
    """`viewers` come within `over_s` by the shape `arrival`; `churn_s` is a view's mean length.

    Who leaves is replaced at once. With a `churn_s` of 0 all stay to the end.
    """

    viewers: int
    seconds: float
    arrival: str = "ramp"
    over_s: float = 0.0
    churn_s: float = 0.0
    lines: list[Line] = field(default_factory=list)
    seed: int = 1

    def arrivals(self, rng: random.Random) -> list[float]:
        """When each of the first viewers comes, in order."""
        match self.arrival:
            case "all":
                return [0.0] * self.viewers
            case "poisson":
                return sorted(rng.uniform(0, self.over_s) for _ in range(self.viewers))
            case _:
                return [self.over_s * number / self.viewers for number in range(self.viewers)]

    def visits(self) -> Iterator[Visit]:
        """Every view of the first viewers; `next_visit` follows each."""
        rng = random.Random(self.seed)  # noqa: S311
        for at in self.arrivals(rng):
            yield self.visit(at, rng)

    def visit(self, at: float, rng: random.Random) -> Visit:
        """A view that begins at `at`."""
        lasts = rng.expovariate(1 / self.churn_s) if self.churn_s else self.seconds
        return Visit(at, lasts, self._rate(rng))

    def _rate(self, rng: random.Random) -> float:
        if not self.lines:
            return 0.0
        return rng.choices(self.lines, [line.share for line in self.lines])[0].rate


def parse_lines(text: str) -> list[Line]:
    """Lines out of `SHARE:KBITS,…`, as "70:20000,28:3000,2:800". Raises `ValueError`."""
    lines = []
    for item in filter(None, text.split(",")):
        share, separator, kilobits = item.partition(":")
        try:
            line = Line(float(share), float(kilobits) * 1000)
        except ValueError:
            separator = ""
        if not separator or not 0 < line.share < 1e12 or not 0 <= line.rate < 1e12:
            raise ValueError(f"{item!r} is not SHARE:KBITS, as in 70:20000")
        lines.append(line)
    return lines
