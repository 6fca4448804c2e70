"""Reading bit by bit what codec parameters are written in.

Law: nothing is read past the end; a reader that runs out raises `MediaError`.
"""

from tidegate.media.errors import MediaError

_EXP_GOLOMB_ZEROS = 31
"""Leading zeros of the longest ue(v) that H.264 has use for: 2**32 - 2 (9.1)."""


class BitReader:
    """Reads `data`, most significant bit first. `what` names the bytes in errors."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self.position = 0

    @property
    def left(self) -> int:
        """Bits not read yet."""
        return len(self._data) * 8 - self.position

    def bits(self, count: int) -> int:
        """The next `count` bits, u(n). Raises `MediaError` when fewer are left."""
        start, end = self.position, self.position + count
        if end > len(self._data) * 8:
            raise MediaError(f"{self._what}: cut short at bit {start}")
        self.position = end
        whole = int.from_bytes(self._data[start >> 3 : (end + 7) >> 3])
        return (whole >> (-end & 7)) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return bool(self.bits(1))

    def skip(self, count: int) -> None:
        """Pass over `count` bits. Raises `MediaError` when fewer are left."""
        self.bits(count)

    def align(self) -> None:
        """Go to the next byte's first bit, if not at one."""
        self.position = (self.position + 7) & ~7

    def unsigned(self, highest: int, name: str) -> int:
        """The next ue(v) of H.264 9.1. Raises `MediaError` when it is over `highest`."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > _EXP_GOLOMB_ZEROS:
                raise MediaError(f"{self._what}: {name} is no Exp-Golomb code")
        value = (1 << zeros) - 1 + self.bits(zeros)
        if value > highest:
            raise MediaError(f"{self._what}: {name} is {value}, over {highest}")
        return value

    def signed(self, name: str) -> int:
        """The next se(v) of H.264 9.1.1."""
        code = self.unsigned((1 << 32) - 2, name)
        return (code + 1) // 2 if code & 1 else -(code // 2)


def without_emulation_prevention(nal: bytes) -> bytes:
    """The RBSP in a NAL unit: each 00 00 03 is 00 00 (H.264 7.4.1)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")
