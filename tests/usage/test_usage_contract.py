"""Terms as TOML tables: read, or refused with the key's path and what to write instead."""

from typing import Any

import pytest

from tidegate.usage import Contract, ContractError, read_contract, read_contracts
from tidegate.usage.contract import CONTRACTS


def test_a_table_is_read_with_defaults() -> None:
    assert read_contract({"name": "a"}) == Contract("a")
    whole = {"name": "b", "rule": "fourth_peak", "price": 5, "commit_mbps": 100, "overhead": 1.1}
    assert read_contract(whole) == Contract("b", "fourth_peak", 5.0, 100.0, "floor", 1.1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "contract: object missing required field `name`"),
        ({"name": "a", "prise": 6}, "contract.prise: there is no such key; did you mean price"),
        ({"name": "a", "zzz": 6}, "contract.zzz: there is no such key; there are name, rule"),
        ({"name": "a", "price": "6"}, "contract.price: expected `float`, got `str`"),
        ({"name": "a", "rule": "weekly"}, "contract.rule: invalid enum value 'weekly'"),
        ({"name": "a", "price": -1.0}, "contract.price: -1 is not a number from 0 up"),
        ({"name": "a", "price": float("nan")}, "contract.price: nan is not a number"),
        ({"name": "a", "commit_mbps": float("inf")}, "contract.commit_mbps: inf is not"),
        ({"name": "a", "overhead": 0.9}, "contract.overhead: 0.9 is not a number from 1 up"),
        ({"name": ""}, "contract.name: give it a name"),
        ({"name": "a", "rule": "flat"}, "contract.commit_mbps: a flat contract carries nothing"),
        ({"name": "a", "rule": "volume", "commit_mbps": 5}, "contract.commit_mbps: volume is"),
        ({"name": "a", "rule": "fourth_peak", "index": "ceil"}, "contract.index: only monthly_95"),
        ({"name": "a", "rule": "volume", "valid_days": True}, "contract.valid_days: volume does"),
    ],
)
def test_what_contradicts_is_refused_with_the_keys_path(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError) as error:
        read_contract(table)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"name": "a"}, r"fleet: give an array of tables, \[\[fleet\]\]"),
        ("abc", "fleet: give an array"),
        ([1], r"fleet\[0\]: give a table of name"),
        ([{"name": "a"}, {"name": "b", "price": -1}], r"fleet\[1\].price: -1"),
        ([{"name": "a"}, {"name": "a"}], r"fleet\[1\].name: 'a' is the name of \[0\]"),
        ([{}] * (CONTRACTS + 1), "fleet: 10001 are more than 10000"),
    ],
)
def test_arrays_say_which_table_is_wrong(tables: object, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        read_contracts(tables, "fleet")


def test_an_array_is_read() -> None:
    assert [each.name for each in read_contracts([{"name": "a"}, {"name": "b"}])] == ["a", "b"]
