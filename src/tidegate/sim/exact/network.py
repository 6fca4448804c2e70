"""A line that carries one request at a time: how long it takes is the trace's alone to say.

Law: only `Network` moves along the trace, and only by what is asked of it. Sums are made in
Sabre's order, as a last bit may decide which side of a period's end a download falls on.
"""

from collections.abc import Callable

from tidegate.sim.exact.trace import Trace

LOOK_BITS = 12_000.0
LOOK_MS = 50.0
"""A download is looked at when so much more of it came and so much more time has passed."""

Watch = Callable[[float, float, float], int | None]
"""(bits so far, never 0; ms since the request; ms of buffer left) to the rung to give the download
up for, or None to go on."""


class Network:
    """A place in a trace, from its beginning."""

    __slots__ = ("_at", "_kbps", "_latency", "_left", "_periods")

    def __init__(self, trace: Trace) -> None:
        self._periods = trace.periods
        self._at = -1
        self._next()

    def _next(self) -> None:
        self._at = (self._at + 1) % len(self._periods)
        period = self._periods[self._at]
        self._left = period.duration_ms
        self._kbps = period.bandwidth_kbps
        self._latency = period.latency_ms

    def wait(self, ms: float) -> None:
        """Nothing is asked of the line for so long."""
        while ms > self._left:
            ms -= self._left
            self._next()
        self._left -= ms

    def latency(self) -> float:
        """Milliseconds from a request to its first bit.

        Where the latency changes under way, the share of it still to wait stays.
        """
        share = 1.0
        total = 0.0
        while share > 0:
            ms = share * self._latency
            if ms <= self._left:
                self._left -= ms
                return total + ms
            total += self._left
            share -= self._left / self._latency
            self._next()
        return total

    def download(self, bits: float) -> float:
        """Milliseconds until so many more bits are there."""
        total = 0.0
        while bits > self._left * self._kbps:
            total += self._left
            bits -= self._left * self._kbps
            self._next()
        ms = bits / self._kbps
        self._left -= ms
        return total + ms

    def download_watched(
        self, bits: float, ms: float, level_ms: float, watch: Watch
    ) -> tuple[float, float, int | None]:
        """Downloads `bits` after a latency of `ms`, with `level_ms` of buffer at the request.

        Looks when `LOOK_BITS` and `LOOK_MS` more have passed, the latency being part of the first,
        while bits are missing, and leaves off when `watch` says so. Returns the bits that came, the
        milliseconds since the request and what `watch` said.
        """
        got, wait_ms = 0.0, LOOK_MS - ms
        while True:
            part, took = self._stretch(bits - got, wait_ms)
            got += part
            ms += took
            if got >= bits:
                return got, ms, None
            level = level_ms - ms
            target = watch(got, ms, level if level > 0 else 0.0)
            if target is not None:
                return got, ms, target
            wait_ms = LOOK_MS
            kbps, left = self._kbps, self._left
            if kbps == 0:
                continue
            step = max(LOOK_BITS, LOOK_MS * kbps)
            took = step / kbps
            while target is None and got + step < bits and step <= left * kbps:
                left -= took
                got += step
                ms += took
                level = level_ms - ms
                target = watch(got, ms, level if level > 0 else 0.0)
            self._left = left
            if target is not None:
                return got, ms, target

    def _stretch(self, bits: float, least_ms: float) -> tuple[float, float]:
        """The bits until the next look, and the milliseconds they took, over any periods' ends."""
        came = took = 0.0
        least_bits = LOOK_BITS
        while bits > 0 and (least_bits > 0 or least_ms > 0):
            kbps, left = self._kbps, self._left
            part = min(bits, max(least_bits, least_ms * kbps))
            until_next = left * kbps
            if kbps > 0 and part <= until_next:
                ms = part / kbps
                self._left = left - ms
                return came + part, took + ms
            if kbps == 0 and least_bits <= 0 and least_ms <= left:
                self._left = left - least_ms
                return came, took + least_ms
            self._next()
            came += until_next
            took += left
            bits -= until_next
            least_bits -= until_next
            least_ms -= left
        return came, took
