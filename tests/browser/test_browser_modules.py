"""The page's own reckoning, module by module, in the browser that runs it."""

from typing import Any

import pytest
from viewer import OpenViewer

pytestmark = pytest.mark.browser


@pytest.fixture
def run(links: dict[str, str], viewer: OpenViewer) -> Any:
    """Runs the body of an async function on a page of the edge; returns what it returns."""
    looking = viewer()
    looking.open(links["watch"].partition("/watch/")[0])
    return lambda body: looking.page.evaluate(f"async () => {{ {body} }}")


def test_pace_hurries_after_a_second_of_plenty_eases_at_once_and_jumps_when_far_behind(
    run: Any,
) -> None:
    rates = run("""
      const { Pace } = await import("/static/pace.js");
      const video = Object.assign(new EventTarget(), {
        playbackRate: 1, currentTime: 0, paused: false, seeking: false,
        buffered: { length: 1, ahead: 0.4, end() { return this.ahead; } },
      });
      const pace = new Pace(video, 0.3);
      const look = (ahead, times) => {
        video.buffered.ahead = ahead;
        for (let i = 0; i < times; i++) pace.look();
        return video.playbackRate;
      };
      const rates = [look(0.4, 20), look(0.6, 9), look(0.6, 1), look(0.34, 1), look(0.1, 1),
                     look(0.2, 1), look(0.31, 1), video.currentTime];
      look(5, 10);
      rates.push(video.currentTime);
      pace.close();
      return rates;
    """)
    assert rates == pytest.approx([1, 1, 1.08, 1, 0.96, 0.96, 1, 0, 4.7])


def test_pace_holds_more_after_each_stall_up_to_a_limit(run: Any) -> None:
    holds = run("""
      const { Pace } = await import("/static/pace.js");
      const video = Object.assign(new EventTarget(), {
        playbackRate: 1, currentTime: 0, buffered: { length: 1, end: () => 0.4 },
      });
      const pace = new Pace(video, 0.3);
      const holds = [];
      for (let stall = 0; stall < 10; stall++) {
        for (let i = 0; i < 10; i++) pace.look();
        video.dispatchEvent(new Event("waiting"));
        video.dispatchEvent(new Event("waiting"));
        holds.push(pace.hold);
      }
      pace.close();
      return holds;
    """)
    assert holds[:2] == pytest.approx([0.5, 0.7])
    assert holds[-1] == 1.5


def test_a_freeze_counts_once_begun_and_not_when_it_was_the_end(run: Any) -> None:
    states = run("""
      const { FreezeMeter } = await import("/static/freeze.js");
      const video = Object.assign(new EventTarget(), { buffered: { length: 0 } });
      const freeze = new FreezeMeter(video);
      const [states, names] = [[], "waiting playing waiting playing pause playing ended"];
      for (const name of names.split(" ")) {
        video.dispatchEvent(new Event(name));
        states.push([freeze.state, freeze.stalls]);
      }
      freeze.rest();
      return [...states, [freeze.state, freeze.stalls]];
    """)
    assert states == [
        ["idle", 0], ["playing", 0], ["frozen", 1], ["playing", 1], ["idle", 1], ["playing", 1],
        ["frozen", 2], ["idle", 1],
    ]  # fmt: skip


def test_flv_clock_maps_media_time_by_cue_and_base(run: Any) -> None:
    found = run("""
      const { FlvClock } = await import("/static/flv_clock.js");
      const clock = new FlvClock();
      let told;
      clock.watch({ _player_engine: { _transmuxer: {
        on: (name, listener) => { told = listener; },
        _controller: { _remuxer: { getTimestampBase: () => 5000 } },
      } } }, () => {});
      const before = clock.at(1);
      clock.cue({ name: "wall", time: 6, parameters: { wall: 1_000_000 } });
      clock.cue({ name: "other", time: 0, parameters: { wall: 7 } });
      told("video", { info: { beginDts: 0, originalBeginDts: 0 } });
      const found = [before, clock.at(1), clock.at(2.5), clock.gap];
      told("video", { info: { beginDts: 100, originalBeginDts: 700 } });
      return [...found, clock.gap];
    """)
    assert found == [None, 1_000_000, 1_001_500, False, True]
