"""Waiting on a condition, never on the clock alone."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.02


def until(check: Callable[[], T], what: str, within_s: float = 30.0) -> T:
    """The first true value of `check`; fails, naming `what`, when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (value := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:.0f} s: {what}")
        time.sleep(POLL_S)
    return value
