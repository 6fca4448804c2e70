"""Any TOML is a scenario or one line or more that say what is wrong; and what is one has kinds."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from tidegate.mistakes import complaints
from tidegate.sim.kinds import table
from tidegate.sim.places import peak_mbps, pool_shares, scaled
from tidegate.sim.scenario import Scenario

_HALL = (Path(__file__).parents[1] / "scenarios" / "town-hall.toml").read_bytes()
SEEDS: list[bytes] = [
    _HALL,
    _HALL.replace(b"kinds = {", b"kinds = { flv = 0.0,"),
    _HALL + b'[[failures]]\nat_s = 1\nwhat = "brown_out"\nshare = 0.1\nleft = 0.5\n',
    b'name = "a"\nregions = []\nisps = 3\n',
]


def one(data: bytes) -> None:
    """Parse, check, and make of it what a rehearsal begins with."""
    try:
        tables = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return
    try:
        scenario = Scenario.model_validate(tables)
    except ValidationError as error:
        lines = complaints(error, Scenario)
        if not lines or not all(lines):
            raise AssertionError("a mistake that is not told") from error
        return
    table(list(scenario.kinds().values()))
    shares = pool_shares(scenario)
    if abs(shares.sum() - 1) > 1e-6 or peak_mbps(scaled(scenario, 0.5)) <= 0:
        raise AssertionError("viewers were lost")
