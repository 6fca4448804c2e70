"""The exact player and Sabre end a session alike, on Sabre's traces and on ours.

Sabre's program and data are not ours to keep: TIDEGATE_SABRE names a checkout of it, and without
one these are skipped. What stands without it is in `test_sim_exact_results.py`.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench._sabre import CASES, OWN, SETS, Case, Sabre, Session, running
from tidegate.sim.exact import RULES, Options, RuleName

ROOT = os.environ.get("TIDEGATE_SABRE", "")
SAMPLE = 3
"""Traces of each set; `python -m bench sabre --traces 0` plays them all."""

pytestmark = pytest.mark.skipif(not ROOT, reason="TIDEGATE_SABRE names no checkout of Sabre")


@pytest.fixture(scope="module")
def sabre() -> Iterator[Sabre]:
    with running(Path(ROOT)) as started:
        yield started


def assert_alike(session: Session) -> None:
    assert session.freeze_error <= 1e-6
    assert session.bitrate_error <= 1e-4
    assert session.freezes == session.ours.freezes


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_its_traces(sabre: Sabre, case: Case, rule: RuleName) -> None:
    kind = SETS[case.set]
    for trace in sabre.traces(kind, SAMPLE):
        options = replace(case.options, rule=rule)
        assert_alike(sabre.compare(trace, sabre.movie(kind), options, kind.seconds))


def test_our_traces_and_the_results_beside_them(sabre: Sabre) -> None:
    for stored in json.loads((OWN / "results.json").read_text()):
        trace, movie = (OWN / f"{stored[kind]}.{kind}.json" for kind in ("trace", "movie"))
        session = sabre.compare(trace, movie, Options(**stored["options"]))
        assert_alike(session)
        total = stored["result"]
        assert total["frozen_ms"] / total["total_ms"] == pytest.approx(session.ratio, abs=1e-9)
        assert total["mean_kbps"] == pytest.approx(session.mean_kbps, rel=1e-9)
        assert total["freezes"] == session.freezes
