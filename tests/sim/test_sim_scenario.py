"""A wrong scenario is told line by line, each with its key's path."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sim_world import SCENARIOS, SMALL, small, world

from tidegate.mistakes import complaints
from tidegate.sim.places import pool_shares, scaled, topology
from tidegate.sim.scenario import Scenario, ScenarioError, access_of, read_scenario


def told(change: dict[tuple[str | int, ...], Any]) -> list[str]:
    tables: Any = copy.deepcopy(SMALL)
    for path, value in change.items():
        place = tables
        for step in path[:-1]:
            place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        place[path[-1]] = value
    with pytest.raises(ValidationError) as error:
        Scenario.model_validate(tables)
    return complaints(error.value, Scenario)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("audience", "peek"), 3, "audience.peek: there is no such key; did you mean peak?"),
        (("audience", "peak"), -1, "audience.peak: input should be greater than or equal to 1"),
        (("audience", "curve"), [[10, 1], [0, 1]], "audience: curve: seconds must ascend"),
        (("audience", "kinds"), {"hls": 0.5}, "audience: kinds: the shares sum to 0.5, not 1"),
        (("audience", "kinds"), {"vlc": 1.0}, "audience.kinds.vlc: no such player"),
        (("stream", "ladder_kbps"), [600, 48], "stream: ladder_kbps: rates must ascend"),
        (("stream", "part_s"), 3, "stream: part_s: a part is at most a segment"),
        (("regions", 1, "people_m"), "many", "regions[1].people_m: input should be a valid number"),
        (("isps", 0, "share"), 0.7, "isps: the shares must sum to 1"),
        (("fleet", "headroom"), float("nan"), "fleet.headroom: "),
        (("fleet", "contracts"), [{"name": "a", "share": 0.4}], "fleet: contracts: the shares sum"),
        (("event", "step_ms"), 5, "event.step_ms: there is no such key; did you mean step_s?"),
        (("stream", "players"), {"flv": {"hold": 2}}, "stream.players.flv.hold: there is no such"),
        (("stream", "players"), {"x": {"like": "y"}}, "stream.players.x.like: no such player"),
        (("failures",), [{"at_s": 1, "what": "fire"}], "failures[0].what: input should be"),
    ],
)
def test_a_mistake_is_told(path: tuple[str | int, ...], value: Any, line: str) -> None:
    assert any(each.startswith(line) for each in told({path: value})), told({path: value})


def test_a_file_is_like_another(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text((SCENARIOS / "parade-2015.toml").read_text())
    over = tmp_path / "over.toml"
    over.write_text('like = "base.toml"\nname = "other"\n[audience]\npeak = 10\n')
    scenario = read_scenario(over)
    assert (scenario.name, scenario.audience.peak, len(scenario.regions)) == ("other", 10, 31)
    for bad in ("../base.toml", "over.toml"):
        over.write_text(f'like = "{bad}"\n')
        with pytest.raises(ScenarioError, match="like: "):
            read_scenario(over)


@pytest.mark.parametrize("text", ["[", "name = 1\n\x00", "a = " + "[" * 5000])
def test_what_is_no_toml_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match="not TOML"):
        read_scenario(path)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("parade*.toml")), ids=lambda path: path.stem)
def test_the_committed_events_are_whole(path: Path) -> None:
    scenario = read_scenario(path)
    places = topology(scenario, access_of(scenario, SCENARIOS))
    assert len(places.sites) == 300
    assert (places.candidates >= 0).all()
    assert pool_shares(scenario).sum() == pytest.approx(1.0)
    nearest = [places.sites[site] for site in places.candidates[:, 0]]
    assert all(
        (site.region, site.isp) == (group.region, group.isp)
        for site, group in zip(nearest, places.groups, strict=True)
    )


def test_fewer_players_have_smaller_sites() -> None:
    whole = small()
    half = scaled(whole, 0.5)
    lines = access_of(whole, SCENARIOS)
    before, after = topology(whole, lines), topology(half, lines)
    for one, other in zip(before.sites, after.sites, strict=True):
        assert other.capacity_mbps == pytest.approx(one.capacity_mbps / 2)
    assert after.links[0].capacity_mbps == pytest.approx(before.links[0].capacity_mbps / 2)


def test_players_follow_the_shares() -> None:
    people = world(small(audience={"peak": 30_000, "regional_spread": 0})).players
    kinds = np.bincount(people["kind"]) / len(people)
    np.testing.assert_allclose(kinds, [0.5, 0.1, 0.1, 0.2, 0.1], atol=0.02)
    lines = np.bincount(people["line"]) / len(people)
    np.testing.assert_allclose(lines, [0.7, 0.28, 0.02], atol=0.02)
