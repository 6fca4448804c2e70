"""The server's side of the handshake (RTMP 1.0, 5.2).

Law: S0, S1 and S2 follow a whole C1; nothing but the version is checked. Encoders fill C1 and C2
in ways of their own (digests, zeros, an echo with new times) and none refuses a plain echo.
"""

from tidegate.ingest.rtmp.errors import RtmpError

VERSION = 3
PACKET = 1536
RANDOM = PACKET - 8
"""Bytes of randomness that S1 carries."""

_C1_END = 1 + PACKET
_C2_END = _C1_END + PACKET


class Handshake:
    """Takes C0, C1 and C2 in pieces and says what to answer."""

    def __init__(self, random: bytes) -> None:
        if len(random) != RANDOM:
            raise ValueError(f"S1 carries {RANDOM} random bytes, not {len(random)}")
        self._random = random
        self._received = bytearray()
        self._answered = False

    @property
    def held(self) -> int:
        """Bytes received so far: less than two packets and a byte while it lasts."""
        return len(self._received)

    def receive(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Bytes to send, and the bytes that follow C2 (None while C2 is not whole).

        Raises `RtmpError` ("handshake") when C0 is not RTMP's version 3.
        """
        received = self._received
        received += data
        if received and received[0] != VERSION:
            raise RtmpError("handshake", f"the first byte is not RTMP version {VERSION}")
        reply = b""
        if not self._answered and len(received) >= _C1_END:
            self._answered = True
            reply = self._answer(bytes(received[1:_C1_END]))
        if len(received) < _C2_END:
            return reply, None
        return reply, bytes(received[_C2_END:])

    def _answer(self, c1: bytes) -> bytes:
        # 5.2.3: S1's second word is zero. A nonzero one promises a digest to Flash-era clients.
        return bytes((VERSION,)) + bytes(8) + self._random + c1
