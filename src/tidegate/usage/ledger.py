"""A billing domain's month so far: what is billed already, and what is free still.

Law: it only grows: a sample that was added stands, so the level never falls within a month.
Numbers are in what the seller counts, the contract's overhead within.
"""

from bisect import bisect_right, insort

from tidegate.usage.contract import SAMPLES_A_DAY, Contract

FREE_DAYS = 3
"""Daily peaks above the fourth."""
NOISE = 1e-3
"""A sample above a level by this share of it is at the level: who steers to a level meets it so."""


class Ledger:
    """Of one contract over a month of `days`; samples are added in order, one each five minutes."""

    def __init__(self, contract: Contract, days: int) -> None:
        self.contract = contract
        self.days = days
        self.samples = 0
        self.volume_gb = 0.0
        self._above = contract.free_samples(days * SAMPLES_A_DAY)
        self._most: list[float] = []
        self._peaks: list[float] = []

    def add(self, mbps: float) -> None:
        """The next five minutes' mean, of payload. Raises `ValueError` past the month's end."""
        if self.samples >= self.days * SAMPLES_A_DAY:
            raise ValueError(f"the month of {self.days} days is full; begin another ledger")
        if not 0 <= mbps < float("inf"):
            raise ValueError(f"{mbps} is no rate in Mbit/s")
        counted = mbps * self.contract.overhead
        if self.samples % SAMPLES_A_DAY == 0:
            self._peaks.append(0.0)
        self._peaks[-1] = max(self._peaks[-1], counted)
        self.samples += 1
        self.volume_gb += counted * 300 / 8000
        insort(self._most, counted)
        del self._most[: -self._above - 1]

    @property
    def level_mbps(self) -> float:
        """Up to which traffic of this moment raises no bill: for a percentile what is billed even
        if nothing more comes, for daily peaks today's, for the fourth peak the fourth so far."""
        paid = self.contract.commit_mbps
        match self.contract.rule:
            case "monthly_95":
                paid = max(paid, self._most[0] if len(self._most) > self._above else 0.0)
            case "average_daily_peak":
                paid = max(paid, self._peaks[-1] if self._in_a_day else 0.0)
            case "fourth_peak":
                paid = max(paid, self._fourth)
            case _:
                pass
        return paid

    def free_slots_left(self, level_mbps: float) -> int:
        """Samples that may yet lie above `level_mbps`, and no more be billed than about that.

        Of the fourth peak: the rest of today if today is above it, or may yet be.
        """
        level_mbps *= 1.0 + NOISE
        if self.contract.rule == "fourth_peak":
            return self._free_today(level_mbps)
        if self.contract.rule != "monthly_95":
            return 0
        if len(self._most) > self._above and self._most[0] > level_mbps:
            return 0
        above = len(self._most) - bisect_right(self._most, level_mbps)
        return max(0, self._above - above)

    @property
    def _in_a_day(self) -> bool:
        return self.samples % SAMPLES_A_DAY != 0

    @property
    def _fourth(self) -> float:
        return sorted(self._peaks)[-FREE_DAYS - 1] if len(self._peaks) > FREE_DAYS else 0.0

    def _free_today(self, level_mbps: float) -> int:
        left = SAMPLES_A_DAY - self.samples % SAMPLES_A_DAY
        spent = sum(each > level_mbps for each in self._peaks)
        if self._in_a_day and self._peaks[-1] > level_mbps:
            return left if spent <= FREE_DAYS else 0
        return left if spent < FREE_DAYS else 0
