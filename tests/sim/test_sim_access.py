"""Lines keep the mean rate they were given and move by their figures; bad figures are named."""

import itertools
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.sim import access
from tidegate.sim.access import (
    MAX_LEVELS,
    ROW_SUM,
    START,
    Access,
    AccessError,
    alias_row,
    load,
    mean_of,
    next_level,
    packed,
    read,
    stationary,
)

FIGURES = Path(__file__).parents[2] / "scenarios" / "access.toml"


def table() -> dict[str, Any]:
    """Two levels: nothing for 2 s in the mean, then twice the mean for 2 s in the mean."""
    return {
        "source": "made up",
        "share": 1.0,
        "rtt_ms": 20,
        "step_s": 1,
        "mean_kbps": [100, 1000, 10_000],
        "ratio": [0, 2],
        "per_100k": [[50_000, 50_000], [50_000, 50_000]],
    }


def chance_of(row: Any, level: int) -> float:
    """What a row of `moves` gives a level, counted out exactly."""
    own = (row.astype(np.int64) >> 4) / 2**28
    other = row & 15
    return float((own[level] + ((1 - own) * (other == level)).sum()) / MAX_LEVELS)


@st.composite
def rows(draw: st.DrawFn) -> list[int]:
    """Chances of up to 16 levels, many of them 0."""
    count = draw(st.integers(1, MAX_LEVELS))
    cuts = draw(st.lists(st.integers(0, ROW_SUM), min_size=count - 1, max_size=count - 1))
    edges = [0, *sorted(cuts), ROW_SUM]
    return [after - before for before, after in itertools.pairwise(edges)]


@given(rows())
def test_a_draw_of_32_bits_gives_every_level_its_chance(row: list[int]) -> None:
    moves = alias_row(np.array(row) / ROW_SUM)
    for level in range(MAX_LEVELS):
        due = row[level] / ROW_SUM if level < len(row) else 0
        assert chance_of(moves, level) == pytest.approx(due, abs=1e-7)
        if due == 0:
            assert chance_of(moves, level) == 0


@given(st.integers(0, 2**32 - 1), st.integers(0, 1))
def test_the_next_level_is_one_of_the_levels(bits: int, level: int) -> None:
    line = packed(read({"dsl": table()}))
    assert next_level(level, bits, line.moves[0]) in (0, 1)
    assert next_level(START, bits, line.moves[0]) in (0, 1)


def test_the_same_bits_lead_the_same_way() -> None:
    line = packed(load(FIGURES))
    bits = np.random.default_rng(1).integers(0, 1 << 32, 500, np.uint32)

    def walk() -> list[int]:
        level, seen = START, []
        for each in bits:
            level = next_level(level, each, line.moves[0])
            seen.append(level)
        return seen

    assert walk() == walk()
    assert len(set(walk())) > 4


@given(st.floats(0, 1))
def test_a_mean_lies_between_its_quantiles(u: float) -> None:
    line = packed(read({"dsl": table()}))
    assert math.log10(mean_of(u, line.log_mean[0])) == pytest.approx(2 + 2 * u)


def test_the_figures_kept_are_the_shares_asked_for() -> None:
    types = load(FIGURES)
    assert {each.name: each.share for each in types} == {"fixed": 0.7, "4g": 0.28, "3g": 0.02}
    assert all(each.source for each in types)


@pytest.mark.parametrize("line_type", load(FIGURES), ids=lambda each: each.name)
def test_a_line_keeps_its_mean(line_type: Access) -> None:
    resting = line_type.resting()
    assert resting @ line_type.chances() == pytest.approx(resting, abs=1e-9)
    assert resting @ np.array(line_type.ratio) == pytest.approx(1, abs=1e-9)
    line = packed([line_type])
    shares = [chance_of(line.moves[0, START], level) for level in range(len(resting))]
    assert shares == pytest.approx(resting, abs=1e-7)


def test_figures_rounded_a_little_off_are_centred() -> None:
    (line_type,) = read({"dsl": table() | {"ratio": [0, 2.01]}})
    assert line_type.ratio == pytest.approx((0, 2))


def test_time_is_shared_as_the_chain_says() -> None:
    assert stationary(np.array([[0.9, 0.1], [0.3, 0.7]])) == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"share": 0.7}, "access: the shares of dsl sum to 0.7, not to 1"),
        ({"share": 1.5}, "access.dsl.share: 1.5 is not between 0 and 1"),
        ({"share": "all"}, "access.dsl.share: expected `float`, got `str`"),
        ({"rtt_ms": -1}, "access.dsl.rtt_ms: -1 is not between"),
        ({"rtt_ms": math.nan}, "access.dsl.rtt_ms: nan is not between"),
        ({"step_s": 0}, "access.dsl.step_s: 0 is not between 0.1 and 60"),
        ({"mean_mbps": [1, 2]}, "access.dsl.mean_mbps: there is no such key"),
        ({"name": "x"}, "access.dsl.name: there is no such key"),
        ({"mean_kbps": [5]}, "access.dsl.mean_kbps: 1 values; between 2 and 101"),
        ({"mean_kbps": [1] * 102}, "access.dsl.mean_kbps: 102 values"),
        ({"mean_kbps": [100, 90]}, "access.dsl.mean_kbps[1]: 90 is less than the value before"),
        ({"mean_kbps": [0, 90]}, "access.dsl.mean_kbps[0]: 0 is not between 1 and 1e+08"),
        ({"mean_kbps": [1, 3e9]}, "access.dsl.mean_kbps[1]: 3e+09 is not between"),
        ({"mean_kbps": [1, True]}, "access.dsl.mean_kbps[1]: expected `float`, got `bool`"),
        ({"ratio": []}, "access.dsl.ratio: 0 values; between 1 and 16"),
        ({"ratio": [2, 0]}, "access.dsl.ratio[1]: 0 is less than the value before it"),
        ({"ratio": [1, 2]}, "access.dsl.ratio: over time the mean of the ratios is 1.5"),
        ({"per_100k": [[100_000]]}, "access.dsl.per_100k: 1 values; 2 are needed"),
        ({"per_100k": [[1], [1]]}, "access.dsl.per_100k[0]: 1 values; 2 are needed"),
        ({"per_100k": [[0, 100_000], [1, 1]]}, "access.dsl.per_100k[1]: sums to 2, not to 100000"),
        ({"per_100k": [[-1, 100_001], [0, 0]]}, "access.dsl.per_100k[0]: -1 is no chance"),
        ({"per_100k": [[100_000, 0], [0, 100_000]]}, "from some level another is never reached"),
        ({"per_100k": [[0.5, 0.5], [1, 0]]}, "access.dsl.per_100k[0][0]: expected `int`"),
    ],
)
def test_bad_figures_are_refused_with_their_path(change: dict[str, Any], says: str) -> None:
    with pytest.raises(AccessError) as error:
        read({"dsl": table() | change})
    assert says in str(error.value)


@pytest.mark.parametrize("key", sorted(table()))
def test_a_key_that_is_missing_is_named(key: str) -> None:
    with pytest.raises(AccessError, match=rf"^access\.dsl: .*`{key}`"):
        read({"dsl": {name: value for name, value in table().items() if name != key}})


@pytest.mark.parametrize("tables", [None, {}, [], 5, {"dsl": 5}, {str(n): {} for n in range(17)}])
def test_what_is_no_table_of_types_is_refused(tables: object) -> None:
    with pytest.raises(AccessError, match=r"^access"):
        read(tables)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    whole = FIGURES.read_bytes().rstrip()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(AccessError, match=str(path)):
            load(path)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _nested(path: Path) -> None:
    path.write_text("access = " + "[" * 5000)


def _bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("spoil", [_missing, _nested, _bytes])
def test_a_file_that_is_none_is_refused(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    spoil(path)
    with pytest.raises(AccessError, match=str(path)):
        load(path)


def test_every_chain_fits_the_kernels_table() -> None:
    tables = tomllib.loads(FIGURES.read_text())["access"]
    line = packed(read(tables))
    assert line.moves.shape == (len(tables), access.MAX_LEVELS + 1, access.MAX_LEVELS)
    for number, each in enumerate(tables.values()):
        levels = len(each["ratio"])
        assert not line.ratio[number, levels:].any()
        for level in range(levels):
            assert all(chance_of(line.moves[number, level], n) == 0 for n in range(levels, 16))
