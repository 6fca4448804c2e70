"""The wall clock as a row of black and white blocks, for a program that looks at the picture.

50 blocks of 16 by 16 pixels, the most significant bit first, white is one: 42 bits of milliseconds
since the Unix epoch, then 8 bits of `250 - ms % 251`. Law: one block misread is always noticed
(251 is an odd prime, so no power of two is 0 by it), and neither black nor white all over is a
time. `tests/browser/strip.js` reads the same row off a canvas.
"""

import numpy as np
import numpy.typing as npt

BLOCK = 16
"""Pixels; a macroblock, so the encoder spends next to nothing on a strip and keeps it clean."""
LEFT = 80
TOP = 512
MS_BITS = 42
"""Milliseconds until the year 2109."""
CHECK_BITS = 8
BITS = MS_BITS + CHECK_BITS
PRIME = 251
BLACK = 16
WHITE = 235
THRESHOLD = 128

Luma = npt.NDArray[np.uint8]

_SHIFTS = np.arange(BITS - 1, -1, -1)
_ROWS = slice(TOP, TOP + BLOCK)
_COLUMNS = slice(LEFT, LEFT + BITS * BLOCK)


def write_strip(luma: Luma, ms: int) -> None:
    """Draws the time into the luma plane of a 960 by 540 picture (limited range)."""
    word = ms << CHECK_BITS | (PRIME - 1 - ms % PRIME)
    row = np.where(word >> _SHIFTS & 1, WHITE, BLACK).astype(np.uint8)
    luma[_ROWS, _COLUMNS] = np.repeat(row, BLOCK)


def read_strip(luma: Luma) -> int | None:
    """The time in a luma plane, in milliseconds since the Unix epoch; None where there is none."""
    blocks = luma[_ROWS, _COLUMNS].reshape(BLOCK, BITS, BLOCK)
    middle = slice(BLOCK // 4, -BLOCK // 4)
    white = blocks[middle, :, middle].mean(axis=(0, 2)) > THRESHOLD
    word = int("".join("1" if bit else "0" for bit in white), 2)
    ms, check = word >> CHECK_BITS, word & (1 << CHECK_BITS) - 1
    return ms if check == PRIME - 1 - ms % PRIME else None
