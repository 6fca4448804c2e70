"""How long a part that ended stays down. Pure: the clock is the caller's.

Law: a part that was healthy comes back at once; one that cannot start never takes the machine's
time from the parts that can.
"""

FIRST_DELAY_S = 0.1
"""Seconds down after the second end; after the first there is no delay: newcomers wait for it."""
LONGEST_DELAY_S = 10.0
"""Seconds down at most: what an operator waits after mending the cause."""
HEALTHY_S = 30.0
"""Seconds of running after which the ends before it are forgotten."""


class Backoff:
    """The delays of one part. `now` is in seconds of any clock that never goes back."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._started = 0.0

    def started(self, now: float) -> None:
        """The part runs since `now`."""
        self._started = now

    def ended(self, now: float) -> float:
        """The part ended at `now`; returns the seconds to wait before its next start."""
        if now - self._started >= HEALTHY_S:
            self._delay = 0.0
        delay = self._delay
        self._delay = min(max(delay * 2, FIRST_DELAY_S), LONGEST_DELAY_S)
        return delay
