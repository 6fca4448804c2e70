"""What carried traffic costs: the rules of the contracts that sites are bought by.

Law: a bill is a function of a month's five-minute samples, in Mbit/s, and of the contract alone.
Samples of one billing domain are summed over its sites first; the percentile is taken after.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

SAMPLES_A_DAY = 288
"""Five-minute samples."""
SAMPLE_S = 300
CONTRACTS = 10_000
"""Terms that one file may hold."""

Rule = Literal["monthly_95", "average_daily_peak", "fourth_peak", "volume", "flat"]
Index = Literal["floor", "round", "ceil"]


class ContractError(ValueError):
    """Terms that contradict each other; begins with the key's path."""


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One billing domain's terms.

    `price` is yuan a Mbit/s a month, or yuan a GB for `volume`; `flat` costs `price` for each
    Mbit/s of `commit_mbps` and carries no more than that. `commit_mbps` is billed at least.
    `index` says which samples a percentile frees where 5 % of them is no whole number; `overhead`
    is what the seller counts for a byte of payload. With `valid_days` only days with traffic count:
    the percentile is of their samples, and the price of their share of the month.
    """

    name: str
    rule: Rule = "monthly_95"
    price: float = 6.0
    commit_mbps: float = 0.0
    index: Index = "floor"
    overhead: float = 1.0
    valid_days: bool = False

    def free_samples(self, samples: int) -> int:
        """How many of so many samples are above the billed one; 0 where the rule frees none."""
        if self.rule != "monthly_95":
            return 0
        return {"floor": samples, "round": samples + 10, "ceil": samples + 19}[self.index] // 20


def read_contract(table: Mapping[str, Any], where: str = "contract") -> Contract:
    """Of a TOML table. Raises `ContractError`."""
    known = [field.name for field in msgspec.structs.fields(Contract)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1, 0.5)
            mend = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            raise ContractError(f"{where}.{key}: there is no such key{mend}")
    try:
        terms = msgspec.convert(dict(table), Contract)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        said = f"{said[:1].lower()}{said[1:]}"
        raise ContractError(f"{where}{path.rstrip('`')}: {said}") from error
    check(terms, where)
    return terms


def read_contracts(tables: object, where: str = "contracts") -> tuple[Contract, ...]:
    """Of an array of TOML tables. Raises `ContractError`."""
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        raise ContractError(f"{where}: give an array of tables, [[{where}]]")
    if len(tables) > CONTRACTS:
        raise ContractError(f"{where}: {len(tables)} are more than {CONTRACTS}")
    read, seen = [], dict[str, int]()
    for at, table in enumerate(tables):
        here = f"{where}[{at}]"
        if not isinstance(table, Mapping):
            raise ContractError(f"{here}: give a table of {', '.join(Contract.__struct_fields__)}")
        terms = read_contract(table, here)
        if terms.name in seen:
            raise ContractError(f"{here}.name: {terms.name!r} is the name of [{seen[terms.name]}]")
        seen[terms.name] = at
        read.append(terms)
    return tuple(read)


def check(terms: Contract, where: str = "contract") -> None:
    """Raises `ContractError` where no bill could be made by these terms."""
    for key, least in (("price", 0.0), ("commit_mbps", 0.0), ("overhead", 1.0)):
        value = getattr(terms, key)
        if not math.isfinite(value) or value < least:
            raise ContractError(f"{where}.{key}: {value:g} is not a number from {least:g} up")
    if not terms.name:
        raise ContractError(f"{where}.name: give it a name")
    if terms.rule == "flat" and terms.commit_mbps == 0:
        raise ContractError(f"{where}.commit_mbps: a flat contract carries nothing without it")
    if terms.rule == "volume" and terms.commit_mbps:
        raise ContractError(f"{where}.commit_mbps: volume is billed by the GB; leave it out")
    if terms.index != "floor" and terms.rule != "monthly_95":
        raise ContractError(f"{where}.index: only monthly_95 frees samples; leave it out")
    if terms.valid_days and terms.rule in ("volume", "flat"):
        raise ContractError(f"{where}.valid_days: {terms.rule} does not count days; leave it out")
