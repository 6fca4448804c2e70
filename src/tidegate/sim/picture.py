"""What one viewer sees, while a step is played: begun, playing, or standing still.

Law: values in, values out. The kernel holds them in registers for a step: between two additions
memory costs more than either.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tidegate.sim.compiled import inlined
from tidegate.sim.players import FROZEN, PLAYING, STARTING

TINY = 1e-5
"""Seconds that rounding may leave over."""
MOST_STALLS = 255
"""A byte counts them."""


class Picture(NamedTuple):
    """The player's fields of these names, and how long it has played and frozen in this step."""

    state: Any
    stalls: Any
    buffer_s: float
    lag_s: float
    clock_s: float
    played_s: float
    frozen_s: float


@inlined
def of(player: Any) -> Any:
    """As it is when a step begins."""
    return Picture(
        np.int64(player.state), np.int64(player.stalls), np.float64(player.buffer_s),
        np.float64(player.lag_s), np.float64(player.clock_s), 0.0, 0.0,
    )  # fmt: skip


@inlined
def keep(player: Any, seen: Any) -> None:
    """As it is when a step ends."""
    player.state, player.stalls, player.clock_s = seen.state, seen.stalls, seen.clock_s
    player.buffer_s, player.lag_s = seen.buffer_s, seen.lag_s


@inlined
def pace_of(seen: Any, kind: Any, late: float) -> float:
    """The playing rate: above 1 while it is late and has the media to hurry."""
    late_by = seen.lag_s - kind.hold_s - late
    if kind.catch_up > 1.0 and seen.buffer_s > kind.chunk_s and late_by > 2.0 * kind.chunk_s:
        return float(kind.catch_up)
    return 1.0


@inlined
def lasts(seen: Any, span: float, pace: float) -> bool:
    """Whether it plays for all of `span`."""
    return bool(seen.state == PLAYING and span * pace <= seen.buffer_s)


@inlined
def played(seen: Any, span: float, pace: float) -> Any:
    """After a span for all of which it plays."""
    return Picture(
        seen.state, seen.stalls, seen.buffer_s - span * pace, seen.lag_s - span * (pace - 1.0),
        seen.clock_s, seen.played_s + span, seen.frozen_s,
    )  # fmt: skip


@inlined
def stood(seen: Any, span: float, pace: float) -> Any:
    """After a span in which its buffer ends, or at no time of which it plays."""
    if seen.state == PLAYING:
        part = seen.buffer_s / pace
        still = span - part
        return Picture(
            np.int64(FROZEN), min(seen.stalls + 1, MOST_STALLS), 0.0,
            seen.lag_s + span - seen.buffer_s, still, seen.played_s + part, seen.frozen_s + still,
        )  # fmt: skip
    frozen_s = seen.frozen_s + span if seen.state == FROZEN else seen.frozen_s
    return Picture(
        seen.state, seen.stalls, seen.buffer_s, seen.lag_s + span, seen.clock_s + span,
        seen.played_s, frozen_s,
    )  # fmt: skip


@inlined
def fed(seen: Any, media_s: float, kind: Any, late: float) -> Any:
    """With so much more media: perhaps it begins, or goes on, or jumps to the live edge."""
    buffer_s = seen.buffer_s + media_s
    state, lag_s, clock_s = seen.state, seen.lag_s, seen.clock_s
    if state == STARTING:
        if buffer_s + TINY >= kind.start_s:
            state, clock_s = np.int64(PLAYING), 0.0
    elif state == FROZEN and buffer_s + TINY >= kind.resume_s:
        state, clock_s = np.int64(PLAYING), 0.0
        if lag_s > kind.jump_s:
            chunks = math.floor((lag_s - kind.hold_s - late) * kind.per_chunk - 1.0)
            lag_s -= chunks * kind.chunk_s
    return Picture(
        state, seen.stalls, buffer_s, lag_s, clock_s, seen.played_s, seen.frozen_s
    )  # fmt: skip
