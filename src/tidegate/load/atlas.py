"""Which media time lies at which byte of a stream that many viewers are sent.

One viewer, the scout, reads every byte; the others only count theirs, which the kernel throws away,
and look up here what they have got.

Law: a follower's place is never guessed. It is found by the bytes of a keyframe, and looked at
again now and then, because a server may skip some for a viewer that is slow.
"""

from bisect import bisect_right
from dataclasses import dataclass

SIGNATURE = 48
"""Bytes by which a keyframe is known: its sizes, its slice header and some of its picture."""
KEYFRAMES = 16
"""Keyframes that are remembered: a viewer joins at one of the last two or three."""
DRIFT = 16 * 1024
"""Bytes by which a place may be wrong: the sizes before the chunks of a chunked body, which a
follower does not see, are a few bytes a write."""
ASKED = 4096
"""Answers kept: the places of a second."""
ENTRIES = 20_000
"""Entries kept: over two minutes of frames and sound."""


@dataclass(frozen=True, slots=True)
class Mark:
    """From byte `offset` on (of what the scout read) media up to `time` seconds is there.

    `signature`, for a keyframe, begins at byte `at`, and its media at `begin` seconds.
    """

    offset: int
    time: float
    signature: bytes = b""
    at: int = 0
    begin: float = 0.0


class Atlas:
    """The scout's marks, in order."""

    def __init__(self) -> None:
        self._offsets: list[int] = []
        self._times: list[float] = []
        self._keyframes: dict[bytes, tuple[int, float]] = {}
        self._asked: dict[int, float] = {}

    def add(self, mark: Mark) -> None:
        """The scout came this far."""
        time = max(mark.time, self._times[-1]) if self._times else mark.time
        if mark.signature:
            self._keyframes.pop(mark.signature, None)
            self._keyframes[mark.signature] = (mark.at, mark.begin)
            if len(self._keyframes) > KEYFRAMES:
                del self._keyframes[next(iter(self._keyframes))]
        self._offsets.append(mark.offset)
        self._times.append(time)
        if len(self._offsets) > ENTRIES:
            del self._offsets[: ENTRIES // 4], self._times[: ENTRIES // 4]

    def find(self, data: bytes, hint: int | None = None) -> tuple[int, int, float] | None:
        """The first known keyframe in `data`: where in it, the scout's byte there, and its time.

        With `hint`, the scout's byte where `data` should begin, nothing is searched while no
        keyframe is due, and only the place of one that is, unless it is not there.
        """
        if hint is not None:
            due = False
            for signature, (offset, time) in self._keyframes.items():
                place = offset - hint
                if 0 <= place <= len(data) - len(signature):
                    due = True
                    least, most = max(0, place - DRIFT), place + DRIFT + len(signature)
                    at = data.find(signature, least, most)
                    if at >= 0:
                        return at, offset, time
            if not due:
                return None
        best: tuple[int, int, float] | None = None
        for signature, (offset, time) in reversed(self._keyframes.items()):
            end = len(data) if best is None else best[0] + len(signature) - 1
            at = data.find(signature, 0, end)
            if at >= 0:
                best = at, offset, time
        return best

    def time(self, offset: int) -> float | None:
        """Media time that is complete once byte `offset` is reached; None before all marks."""
        time = self._asked.get(offset)
        if time is not None:  # thousands stand where one stands
            return time
        index = bisect_right(self._offsets, offset)
        if not index:
            return None
        time = self._times[index - 1]
        if index < len(self._offsets):  # else the scout may yet say more of it
            if len(self._asked) >= ASKED:
                self._asked.clear()
            self._asked[offset] = time
        return time
