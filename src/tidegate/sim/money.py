"""The month's money within a rehearsal: which sites are free in these five minutes, which are paid.

Law: the book is the dispatcher's own; it is told what telemetry brought, and at the end of each
five minutes what the sites carried. A rehearsal at a scale is billed as the whole fleet would be.
"""

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.slot_book import SlotBook
from tidegate.usage.contract import SAMPLE_S

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Money:
    """A book that goes with a rehearsal of `scale`; the event begins with a slot."""

    def __init__(self, book: SlotBook, scale: float) -> None:
        self.book = book
        self._before_yuan, self._before_took = book.yuan, book.took
        self._scale = scale
        self._kbit: Floats | None = None
        self._past_s = 0
        self._slot = -1

    @property
    def raised_yuan(self) -> float:
        """By how much the event has made the month dearer."""
        return self.book.yuan - self._before_yuan

    @property
    def took(self) -> float:
        """Free slots of a site that the event has taken, in the mean."""
        return (self.book.took - self._before_took) / len(self.book.free)

    def terms(self, now: float, demand_mbps: Floats, up: Bools) -> tuple[Floats, Bools]:
        """level_mbps and free of a `Snapshot`, for a demand [G] and health [S] as heard."""
        whole, slot = demand_mbps / self._scale, int(now // SAMPLE_S)
        if slot != self._slot:
            self._slot = slot
            self.book.begin(whole, up)
        elif self._kbit is not None:
            mbps = self._kbit / (1000.0 * self._past_s * self._scale)
            self.book.again(whole, up, mbps, self._past_s / SAMPLE_S)
        return self.book.allowed_mbps * self._scale, self.book.free

    def carried(self, now: float, kbit: Floats) -> None:
        """By each site [S], up to `now`, since this was last said."""
        self._kbit = kbit.copy() if self._kbit is None else self._kbit + kbit
        self._past_s = round(now) % SAMPLE_S
        if not self._past_s:
            self.book.close(self._kbit / (1000.0 * SAMPLE_S * self._scale))
            self._kbit = None
