"""On our own traces every rule ends with the totals that Sabre agreed to, however it is set."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tidegate.sim.exact import Movie, Options, Trace, play, read_movie, read_trace

HERE = Path(__file__).parent / "traces"
STORED: list[dict[str, Any]] = json.loads((HERE / "results.json").read_text())


@cache
def trace(name: str) -> Trace:
    return read_trace(HERE / f"{name}.trace.json")


@cache
def movie(name: str) -> Movie:
    return read_movie(HERE / f"{name}.movie.json")


def test_there_are_sessions_of_all_kinds() -> None:
    results = [stored["result"] for stored in STORED]
    assert len(results) >= 100
    assert any(result["freezes"] == 0 for result in results)
    assert any(result["freezes"] > 1 for result in results)
    assert any(result["given_up"] > 10 for result in results)


@pytest.mark.parametrize("name", sorted({stored["trace"] for stored in STORED}))
def test_the_totals_stand(name: str) -> None:
    for stored in STORED:
        if stored["trace"] == name:
            options = Options(**stored["options"])
            result = play(trace(name), movie(stored["movie"]), options)
            assert asdict(result) == pytest.approx(stored["result"], rel=1e-9), options
