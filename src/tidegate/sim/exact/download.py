"""One request: what was asked for, what came of it, and whether it was given up.

Law: a download is given up at a look, never between two.
"""

from collections.abc import Callable

from tidegate.sim.exact.network import Network, Watch


class Download:
    """`size` bits of a segment at `rung`; `ms` since the request, `ttfb_ms` of them latency.

    `given_up_for` is the rung that was thought better while it ran; None means it is whole.
    """

    __slots__ = ("given_up_for", "got", "ms", "rung", "size", "ttfb_ms")

    def __init__(self, rung: int, size: float) -> None:
        self.rung = rung
        self.size = size
        self.got = 0.0
        self.ms = 0.0
        self.ttfb_ms = 0.0
        self.given_up_for: int | None = None

    @property
    def body_ms(self) -> float:
        """From the first bit to the last that came."""
        return self.ms - self.ttfb_ms

    @property
    def kbps(self) -> float:
        """Of the body."""
        return self.got / self.body_ms

    def run(self, network: Network) -> None:
        """To the end, whatever happens."""
        self.ttfb_ms = network.latency()
        self.ms = self.ttfb_ms + network.download(self.size)
        self.got = self.size

    def run_watched(
        self, network: Network, level_ms: float, watching: Callable[["Download"], Watch]
    ) -> None:
        """To the end, or until `watching` gives it up; the buffer held `level_ms` at the request.

        `watching` is asked once the latency is known.
        """
        self.ttfb_ms = network.latency()
        self.got, self.ms, self.given_up_for = network.download_watched(
            self.size, self.ttfb_ms, level_ms, watching(self)
        )
