"""What was carried and what it costs: contracts, samples, percentiles."""

from tidegate.usage.bill import Bill, SampleError, of_bytes, of_rates
from tidegate.usage.contract import Contract, ContractError, read_contract, read_contracts
from tidegate.usage.ledger import Ledger

__all__ = [
    "Bill",
    "Contract",
    "ContractError",
    "Ledger",
    "SampleError",
    "of_bytes",
    "of_rates",
    "read_contract",
    "read_contracts",
]
