"""The demo channel in a real browser: it plays, near live, without a stall, and comes back.

Latency is taken twice: as the page states it, from ingest's clock, and as the picture itself does,
from the time burnt into it.
"""

import json
import os
import re
import signal
from statistics import median

import pytest
from viewer import OpenViewer, Viewer

from support.node import Program

TIMES, UNKNOWN = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
pytestmark = pytest.mark.browser

PLAY_S = 8.0
SETTLE_S = 2.0
"""Played before it is judged: a browser that starts takes the whole machine."""
AGREE_S = 0.4
"""What capture, encoding, two frames on screen and a busy machine may put between both clocks."""


def play_on(viewer: Viewer, seconds: float) -> None:
    """Wait until that much more was played."""
    end = viewer.stats()["played_s"] + seconds
    viewer.until(lambda: viewer.stats()["played_s"] > end, f"{seconds} s more are played", 60)


@pytest.mark.parametrize(("mode", "most_s"), [("hls", 2.0), ("flv", 1.0)])
def test_plays_near_live_and_never_stops(
    mode: str, most_s: float, links: dict[str, str], viewer: OpenViewer
) -> None:
    watching = viewer()
    watching.play(f"{links['watch']}#{mode}")
    play_on(watching, SETTLE_S)
    began = watching.stats()
    watching.watch_strip()
    play_on(watching, PLAY_S)
    stats, seen = watching.stats(), watching.strip()
    assert stats["mode"] == mode
    assert (stats["stalls"], stats["attaches"]) == (began["stalls"], 1), stats
    assert stats["frozen_s"] == began["frozen_s"]
    assert 0 < stats["latency_s"] < most_s, stats
    assert 0 < median(seen["latencies"]) < most_s
    assert abs(seen["latencies"][-1] - stats["latency_s"]) < AGREE_S
    assert seen["unread"] == 0
    assert len(seen["latencies"]) > PLAY_S * 30 / 2
    assert stats["bitrate_bps"] > 200_000
    assert (stats["width"], stats["height"]) == (960, 540)
    assert watching.problems == []


def test_the_way_of_delivery_is_chosen_without_a_reload_and_remembered(
    links: dict[str, str], viewer: OpenViewer
) -> None:
    watching = viewer()
    watching.play(links["watch"])
    watching.page.evaluate("window.sameDocument = true")
    for mode, label in (("flv", "HTTP-FLV"), ("hls", "LL-HLS"), ("flv", "HTTP-FLV")):
        watching.page.get_by_text(label).click()
        watching.until(lambda mode=mode: _plays(watching, mode), f"it plays by {mode}")
    assert watching.page.evaluate("sameDocument")
    watching.page.reload()
    watching.until(lambda: _plays(watching, "flv"), "it plays by the way that was chosen")
    assert watching.problems == []


def _plays(watching: Viewer, mode: str) -> bool:
    stats = watching.stats()
    return stats["mode"] == mode and stats["status"] == "live" and stats["latency_s"] is not None


def test_sound_is_off_until_asked_for(links: dict[str, str], viewer: OpenViewer) -> None:
    watching = viewer()
    watching.play(links["watch"])
    assert watching.page.evaluate("document.querySelector('video').muted")
    watching.page.get_by_role("button", name="Turn on the sound").click()
    assert not watching.page.evaluate("document.querySelector('video').muted")
    watching.page.get_by_role("button", name="Turn on the sound").wait_for(state="hidden")
    play_on(watching, 1)


@pytest.mark.parametrize("mode", ["hls", "flv"])
def test_comes_back_without_a_reload_when_a_part_dies(
    mode: str, demo: Program, viewer: OpenViewer
) -> None:
    watching = viewer()
    watching.play(f"{json.loads(demo.ready_line())['watch']}#{mode}")
    watching.page.evaluate("window.sameDocument = true")
    for part in ("edge.0", "ingest", "demo"):
        os.kill(demo.parts()[part], signal.SIGKILL)
        play_on(watching, 3)
        latest = watching.stats()
        assert latest["status"] == "live", latest
    assert watching.page.evaluate("sameDocument")


def test_figures_are_shown(links: dict[str, str], viewer: OpenViewer) -> None:
    watching = viewer()
    watching.play(links["watch"])
    play_on(watching, 2)
    shown = json.loads(
        watching.page.evaluate(
            "JSON.stringify(Object.fromEntries([...document.querySelectorAll('output, dd')]"
            ".map((each) => [each.id, each.textContent])))"
        )
    )
    assert shown["picture"] == f"960 {TIMES} 540"
    assert re.fullmatch(r"\d+\.\d s in \d+", shown["frozen"])
    assert shown["latency"].endswith(" s")
    assert UNKNOWN not in shown.values()
