"""Whatever a TOML file says of contracts, it is read whole, or refused with a path that is in it.

And every contract that is read makes a bill of a day, which is a number from 0 up.
"""

import math
import tomllib

import numpy as np

from tidegate.usage import ContractError, of_rates, read_contracts

SEEDS: list[bytes] = [
    b'[[contracts]]\nname = "a"\nprice = 6.0\n[[contracts]]\nname = "b"\nrule = "volume"\n',
    b'[[contracts]]\nname = "c"\nrule = "flat"\ncommit_mbps = 1e3\nprice = 5\noverhead = 1.1\n',
    b'[[contracts]]\nname = "d"\nindex = "ceil"\nvalid_days = true\n',
    b'[[contracts]]\nname = "e"\nrule = "fourth_peak"\nprise = 2\n',
    b'contracts = [1, {name = "f", price = nan}]\n',
]
_DAY = np.arange(288, dtype=np.float64)


def one(data: bytes) -> None:
    """A file's bytes."""
    try:
        tables = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return
    try:
        read = read_contracts(tables.get("contracts", []))
    except ContractError as error:
        assert str(error).startswith("contracts")  # noqa: PT017
        return
    for terms in read:
        yuan = of_rates(terms, _DAY).yuan
        assert yuan >= 0
        assert not math.isnan(yuan)
