"""What carried traffic costs: the rules of the contracts that sites are bought by.

Law: a bill is a function of a month's five-minute samples, in Mbit/s, and of the contract alone.
Samples of one billing domain are summed over its sites first; the percentile is taken after.
"""

from typing import Literal

import msgspec

SAMPLES_A_DAY = 288
"""Five-minute samples."""

Rule = Literal["monthly_95", "average_daily_peak", "fourth_peak", "volume", "flat"]
Index = Literal["floor", "round", "ceil"]


class Contract(msgspec.Struct, frozen=True):
    """One billing domain's terms.

    `price` is yuan a Mbit/s a month, or yuan a GB for `volume`; `flat` costs `price` for each
    Mbit/s of `commit_mbps` and carries no more than that. `commit_mbps` is billed at least.
    `index` says which samples a percentile frees where 5 % of them is no whole number; `overhead`
    is what the seller counts for a byte of payload.
    """

    name: str
    rule: Rule = "monthly_95"
    price: float = 6.0
    commit_mbps: float = 0.0
    index: Index = "floor"
    overhead: float = 1.0
