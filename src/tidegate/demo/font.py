"""A dot-matrix typeface of 5 by 7 dots.

Law: a text's width depends on its length alone, so a running clock never moves.
"""

import numpy as np
import numpy.typing as npt

COLUMNS = 5
ROWS = 7
ADVANCE = COLUMNS + 1
"""Dots from one glyph to the next."""

_DOTS = {
    " ": "00000000000000", "-": "0000001F000000", ".": "00000000000C0C",
    ":": "000C0C000C0C00", "_": "0000000000001F", "/": "01010204081010",
    "0": "0E11131519110E", "1": "040C040404040E", "2": "0E11010204081F",
    "3": "1F02040201110E", "4": "02060A121F0202", "5": "1F101E0101110E",
    "6": "0608101E11110E", "7": "1F010204080808", "8": "0E11110E11110E",
    "9": "0E11110F01020C", "A": "0E11111F111111", "B": "1E11111E11111E",
    "C": "0E11101010110E", "D": "1C12111111121C", "E": "1F10101E10101F",
    "F": "1F10101E101010", "G": "0E11101711110F", "H": "1111111F111111",
    "I": "0E04040404040E", "J": "0702020202120C", "K": "11121418141211",
    "L": "1010101010101F", "M": "111B1515111111", "N": "11111915131111",
    "O": "0E11111111110E", "P": "1E11111E101010", "Q": "0E11111115120D",
    "R": "1E11111E141211", "S": "0F10100E01011E", "T": "1F040404040404",
    "U": "1111111111110E", "V": "11111111110A04", "W": "1111111515150A",
    "X": "11110A040A1111", "Y": "1111110A040404", "Z": "1F01020408101F",
}  # fmt: skip


def dots(text: str) -> npt.NDArray[np.bool_]:
    """The dots of one line of text, `ROWS` high; what the face lacks is blank, case is folded."""
    matrix = np.zeros((ROWS, max(ADVANCE * len(text) - 1, 0)), np.bool_)
    for place, letter in enumerate(text.upper()):
        rows = bytes.fromhex(_DOTS.get(letter, _DOTS[" "]))
        left = place * ADVANCE
        for y in range(ROWS):
            for x in range(COLUMNS):
                matrix[y, left + x] = rows[y] >> (COLUMNS - 1 - x) & 1
    return matrix
