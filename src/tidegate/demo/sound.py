"""A beep of 1 kHz at each whole second of the wall clock, over silence.

Law: the sound of a moment depends on the moment alone, so pieces of any length join without a
click, and the beep begins with the flash of the picture.
"""

import numpy as np
import numpy.typing as npt

RATE = 48_000
"""Sound samples a second."""
CHANNELS = 2
BEEP_S = 0.1
_TONE_HZ = 1000
_LOUDNESS = 0.25
"""Of full scale, -12 dB: plain to hear, never a fright."""
_RAMP_S = 0.005
"""Rise and fall of the beep: slower than a click, faster than a frame."""

Sound = npt.NDArray[np.float32]


def _one_second() -> Sound:
    count = round(BEEP_S * RATE)
    tone = _LOUDNESS * np.sin(2 * np.pi * _TONE_HZ * np.arange(count) / RATE)
    ramp = round(_RAMP_S * RATE)
    rise = (1 - np.cos(np.pi * np.arange(ramp) / ramp)) / 2
    tone[:ramp] *= rise
    tone[-ramp:] *= rise[::-1]
    second = np.zeros(RATE, np.float32)
    second[:count] = tone
    return second


_SECOND = _one_second()


def sample_at(wall_us: int) -> int:
    """The number, counted from the Unix epoch, of the sound sample played at a wall clock time."""
    return wall_us * RATE // 1_000_000


def sound(first: int, count: int) -> Sound:
    """`count` samples from number `first` on (since the Unix epoch), planar, one row a channel."""
    piece = np.take(_SECOND, np.arange(first % RATE, first % RATE + count), mode="wrap")
    return np.broadcast_to(piece, (CHANNELS, count)).copy()
