"""An event is the same on any number of threads, its books agree, and what breaks is survived."""

import numpy as np
import pytest
from sim_world import rehearsed, result, small, world

from tidegate.sim.failures import struck
from tidegate.sim.players import AWAY, FROZEN, PLAYING, STARTING
from tidegate.sim.policies import NAMES

SITE = "south-red-1"


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads: int) -> None:
    one, many = (result(small(), "ours", threads=count) for count in (1, threads))
    assert (one.totals == many.totals).all()
    assert (one.joins == many.joins).all()
    assert one.spans == many.spans


def test_another_seed_is_another_audience() -> None:
    one, other = (world(small(), seed).players for seed in (1, 2))
    assert (one["mean_kbps"] != other["mean_kbps"]).mean() > 0.9


def test_a_line_takes_the_same_course_at_any_step() -> None:
    def levels(step_s: float) -> list[int]:
        event = {"duration_s": 20, "step_s": step_s}
        audience = {"curve": [[0, 1.0], [20, 1.0]]}
        return list(rehearsed(small(event=event, audience=audience)).world.players["level"])

    assert levels(2.0) == levels(1.0) == levels(0.5)


def test_a_player_at_a_fixed_rate_is_given_one_that_it_may_take() -> None:
    stream = {"players": {"flv": {"fixed_kbps": 300}}}
    after = rehearsed(small(stream=stream)).world
    players = after.players[after.players["state"] != AWAY]
    flv = players["kind"] == after.kinds.index("flv")
    assert flv.sum() > 50
    assert set(players["rung"][flv]) == {1}


def test_what_waits_at_a_site_makes_pushed_media_late_and_not_slow() -> None:
    wear = {"what": "brown_out", "at_s": 0, "for_s": 60, "share": 1.0, "left": 1.0, "delay_s": 0.3}
    stream = {"players": {"flv": {"fixed_kbps": 300}}}

    def frozen(kind: str, *failures: dict[str, object]) -> float:
        tables = {"audience": {"kinds": {kind: 1.0}}, "stream": stream, "failures": failures}
        return float(result(small(**tables)).freeze_rate())

    assert frozen("flv", wear) < 1.05 * frozen("flv")
    assert frozen("low-latency", wear) > 1.5 * frozen("low-latency")  # it asks for each part


@pytest.mark.parametrize("policy", NAMES)
def test_each_policy_holds_a_small_event(policy: str) -> None:
    found = result(small(), policy).figures()
    assert 1480 <= found["peak_viewers"] <= 1500
    assert 0 <= found["freeze_rate"] < 0.05
    assert 200 < found["bitrate_kbps"] < 700
    assert found["peak_site_load"] < 1.3


def test_time_is_neither_made_nor_lost() -> None:
    """Without sessions that end, each viewer has joined, played or stood for as long as it was."""
    run = rehearsed(small(audience={"session_s": 0, "curve": [[0, 1.0], [60, 1.0]]}))
    totals, players = run.result.totals, run.world.players
    spent = (totals["played_us"].sum() + totals["stalled_us"].sum()) / 1e6
    at_once = players["state"] != AWAY
    assert at_once.all()
    joining = 1500 * 60 - spent  # what is left went into joining, and before it in the first step
    assert 0 < joining < 1500 * 3


def test_media_held_is_never_newer_than_the_encoder() -> None:
    players = rehearsed(small()).world.players
    on = players["state"] >= STARTING
    assert (players["buffer_s"][on] <= players["lag_s"][on] + 1e-3).all()
    assert (players["buffer_s"] >= 0).all()
    frozen = players["state"] == FROZEN
    assert (players["stalls"][frozen] > 0).all()


def test_the_floor_is_no_higher() -> None:
    tight = small(fleet={"headroom": 0.9})
    floor, limited = result(tight, unlimited=True), result(tight)
    assert floor.freeze_rate() <= limited.freeze_rate()
    assert limited.figures()["bitrate_kbps"] < floor.figures()["bitrate_kbps"]


def test_no_site_carries_more_than_it_has() -> None:
    """Chunks are counted when they are whole, so a span may hold one of each flow's more."""
    run = rehearsed(small(fleet={"headroom": 0.7}, audience={"curve": [[0, 1.0], [60, 1.0]]}))
    loads = [span.peak_load for span in run.result.spans[2:]]
    assert 0.7 < max(loads) < 1.25


@pytest.mark.parametrize("silent", [True, False])
def test_a_site_dies_and_its_viewers_go_on_elsewhere(silent: bool) -> None:
    broken = small(
        audience={"curve": [[0, 1.0], [60, 1.0]]},
        failures=[{"at_s": 30, "what": "site_down", "sites": [SITE], "silent": silent}],
    )
    run = rehearsed(broken, "ours")
    dead = [site.name for site in run.world.topology.sites].index(SITE)
    players = run.world.players
    at = run.world.network.candidates[players["group"], players["place"]]
    watching = players["state"] >= PLAYING
    assert run.result.sum("failed_over") > 0
    assert not (at[watching] == dead).any()


def test_who_fled_comes_back_when_the_site_does() -> None:
    healed = small(
        event={"duration_s": 200},
        audience={"curve": [[0, 1.0], [200, 1.0]]},
        failures=[{"at_s": 20, "for_s": 30, "what": "site_down", "sites": [SITE]}],
    )
    run = rehearsed(healed, "nearest")
    dead = [site.name for site in run.world.topology.sites].index(SITE)
    players = run.world.players
    at = run.world.network.candidates[players["group"], players["place"]]
    assert (at[players["state"] >= PLAYING] == dead).any()


@pytest.mark.parametrize(
    "failure",
    [
        {"what": "brown_out", "share": 0.5, "left": 0.4, "delay_s": 0.2},
        {"what": "peering_cut", "share": 1.0, "left": 0.0},
        {"what": "controller_lost"},
        {"what": "telemetry_late", "delay_s": 30},
        {"what": "telemetry_lost", "share": 0.8},
        {"what": "liars", "share": 0.3},
    ],
)
def test_what_breaks_is_survived(failure: dict[str, object]) -> None:
    run = rehearsed(small(failures=[{"at_s": 10, "for_s": 40, **failure}]), "ours")
    assert run.plan is not None
    np.testing.assert_allclose(run.plan.weights.sum(axis=1), 1.0, atol=1e-4)
    assert run.result.figures()["freeze_rate"] < 0.1


def test_a_share_of_the_capacity_is_another_with_each_seed() -> None:
    scenario = small(failures=[{"at_s": 10, "what": "site_down", "share": 0.3}])
    (failure,), sites = scenario.failures, world(scenario).topology.sites
    built = np.array([site.capacity_mbps for site in sites])
    hits = [struck(failure, sites, seed) for seed in range(6)]
    assert all(0 < built[hit].sum() <= 0.3 * built.sum() + 1e-6 for hit in hits)
    assert (hits[0] == struck(failure, sites, 0)).all()
    assert len({tuple(sorted(hit)) for hit in hits}) > 1


def test_a_lost_controller_leaves_the_last_plan() -> None:
    run = rehearsed(small(failures=[{"at_s": 0, "what": "controller_lost"}]), "ours")
    assert run.plan is None or run.plan.generation <= 1
    assert run.result.figures()["peak_viewers"] >= 1480


def test_few_move_while_nothing_changes() -> None:
    calm = small(
        event={"duration_s": 120},
        audience={"curve": [[0, 1.0], [120, 1.0]]},
        fleet={"headroom": 5.0},
    )
    assert result(calm, "nearest").sum("moves") == 0
