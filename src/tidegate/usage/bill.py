"""A month's samples and a contract to a bill.

Law: pure, and exact where samples are bytes: what is billed is then a fraction, and only the last
number, yuan, is a float.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.usage.contract import SAMPLE_S, SAMPLES_A_DAY, Contract

Floats = npt.NDArray[np.float64]
DAYS = 31
"""Of a month at most."""
MBIT = 1_000_000
GB = 1_000_000_000


class SampleError(ValueError):
    """Samples that are no month's; says which and what to give."""


@dataclass(frozen=True)
class Bill:
    """`billed` Mbit/s, or GB for `volume`; `over_mbps` above a flat contract's commit, at most."""

    billed: float
    yuan: float
    over_mbps: float = 0.0


def of_rates(contract: Contract, mbps: Floats) -> Bill:
    """Of whole days of samples in Mbit/s. Raises `SampleError`."""
    mbps = np.asarray(mbps, np.float64)
    if not np.isfinite(mbps).all():
        at = int(np.flatnonzero(~np.isfinite(mbps))[0])
        raise SampleError(f"sample {at} is no number; give 0 where nothing was carried")
    measured = float(_measured(contract, _days(mbps)))
    if contract.rule == "volume":
        measured *= SAMPLE_S * MBIT / 8 / GB
    return _bill(contract, measured, mbps)


def of_bytes(contract: Contract, counted: npt.NDArray[np.int64]) -> Bill:
    """Of whole days of bytes a sample, exactly. Raises `SampleError`."""
    counted = np.asarray(counted)
    if counted.dtype.kind not in "iu":
        raise SampleError(f"bytes are counted whole; these are {counted.dtype}: use of_rates")
    days = _days(counted).astype(np.int64)
    measured = Fraction(_measured(contract, days))
    unit = Fraction(1, GB) if contract.rule == "volume" else Fraction(8, SAMPLE_S * MBIT)
    return _bill(contract, measured * unit, np.asarray(counted * float(unit), np.float64))


def _days(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if samples.ndim != 1 or samples.size % SAMPLES_A_DAY:
        raise SampleError(
            f"samples of shape {samples.shape} are no whole days; give {SAMPLES_A_DAY} a day"
        )
    if samples.size > DAYS * SAMPLES_A_DAY:
        raise SampleError(f"{samples.size} samples are more than {DAYS} days")
    if samples.size and samples.min() < 0:
        raise SampleError(f"sample {int(samples.argmin())} is negative")
    return samples.reshape(-1, SAMPLES_A_DAY)


def _measured(contract: Contract, days: npt.NDArray[Any]) -> Any:
    """What the rule takes of the samples, in their unit; exact if they are whole numbers."""
    valid = days[(days > 0).any(axis=1)] if contract.valid_days else days
    if not valid.size or contract.rule == "flat":
        return 0
    peaks = np.sort(valid.max(axis=1))[::-1]
    match contract.rule:
        case "monthly_95":
            samples = np.sort(valid, axis=None)[::-1]
            billed = samples[contract.free_samples(samples.size)].item()
            return _part(billed, len(valid), len(days))
        case "average_daily_peak":
            return _part(sum(peaks.tolist()), 1, len(days))
        case "fourth_peak":
            return peaks[3].item() if len(peaks) > 3 else 0
        case _:
            return sum(days.reshape(-1).tolist())


def _part(value: float, of: int, whole: int) -> Any:
    """`value` times a fraction, exact if `value` is whole."""
    return Fraction(value * of, whole) if isinstance(value, int) else value * of / whole


def _bill(contract: Contract, measured: Any, mbps: Floats) -> Bill:
    billed: Any = measured * (
        Fraction(str(contract.overhead)) if isinstance(measured, Fraction) else contract.overhead
    )
    if contract.rule == "volume":
        return Bill(float(billed), float(billed) * contract.price)
    billed = max(float(billed), contract.commit_mbps)
    over = 0.0
    if contract.rule == "flat" and mbps.size:
        over = max(0.0, float(mbps.max()) * contract.overhead - contract.commit_mbps)
    return Bill(billed, billed * contract.price, over)
