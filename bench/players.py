"""Whether the load's player feels what a real one feels: `python -m bench players`.

hls.js in headless Chromium and one player of `tidegate load` play the same live channel at the same
time, each beyond a link of its own, shaped alike (network namespaces, tbf): HLS of three rates from
nginx, and LL-HLS of one from a node. Beside them stands what the simulator's kernel makes of the
same HLS links, to show how far it can be trusted. Then many players watch nginx, a node, and
`--srs PATH` and `--zlm PATH` over a link that is wide enough. Law: what differs by more than a
fifth is shown as such. It needs root and Chromium.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import _peers
from bench._film import film, published
from bench._hls_live import SEGMENT_S, ladder
from bench._link import Link, Step, links
from bench._report import Report, canvas, options, save
from bench._sim_player import Course, simulated
from bench._stage import Server, node, ours
from bench._watchers import Watchers
from support.node import TIDEGATE, environment

RATES = (300, 700, 1500)
"""The rates of the channel that nginx serves, kbit/s."""
KBIT = 700
"""The rate of the channel that servers are compared with."""
SHARE, FREEZE_S, JOIN_S = 0.2, 0.01, 0.5
"""Alike: within a fifth, or so little apart (freeze rate; seconds of join, which a browser spends
on its own start)."""
TOGETHER = 3
"""Cases that run at the same time."""
APART_S = 1.0
"""Seconds between the beginnings of two cases: each browser starts alone."""
LEAD_S = 0.35
"""Seconds that Python takes to begin: both players ask at about the same time."""
SETTLE_S = 10.0
FLV_BUFFER_S = 1.0
"""Seconds with which players of FLV start: more than the interval at which servers send."""


@dataclass(frozen=True)
class Case:
    """A channel beyond a link that follows `steps`."""

    name: str
    low_latency: bool
    steps: tuple[Step, ...]


def _steady(name: str, kbit: float, low_latency: bool = False) -> Case:
    return Case(f"{name}, {kbit:g} kbit/s", low_latency, (Step(0, kbit),))


VARYING = tuple(
    Step(share, kbit) for share, kbit in ((0, 4000), (0.25, 600), (0.5, 200), (0.75, 2000))
)
"""`at_s` as a share of a round."""
WHO = ("hls.js", "ours")
WIRE = 1.04
"""Of a film's rate, what its boxes, HTTP's heads and playlists make of it, for the simulator."""
CASES = (
    _steady("HLS, far above all rates", 6000),
    _steady("HLS, between two rates", 1000),
    _steady("HLS, about the lowest rate", 330),
    _steady("HLS, below the lowest rate", 250),
    _steady("HLS, half the lowest rate", 160),
    Case("HLS, 4000, 600, 200, 2000 kbit/s", False, VARYING),
    _steady("LL-HLS, far above its rate", 4000, True),
    _steady("LL-HLS, about its rate", 800, True),
    _steady("LL-HLS, below its rate", 550, True),
)


@dataclass(frozen=True)
class Felt:
    """What a player felt in a round; `trace` is (second, seconds in the buffer)."""

    frozen_s: float
    played_s: float
    stalls: int
    join_s: float
    media_mbps: float
    trace: list[tuple[float, float]]


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when the players differ."""
    given = options("players", __doc__, argv, 60, 200, rounds=6)
    felt: dict[str, tuple[list[Felt], list[Felt]]] = {case.name: ([], []) for case in CASES}
    with links(2 * TOGETHER) as made, ExitStack() as stack:
        servers, hls, low = _servers(stack, given)
        for _ in range(given.rounds):
            for at in range(0, len(CASES), TOGETHER):
                cases = CASES[at : at + TOGETHER]
                for case, (real, model) in _round(cases, made, hls, low, given.seconds).items():
                    felt[case][0].append(real)
                    felt[case][1].append(model)
        watched = {
            name: _watched(url, given.viewers, given.seconds / 2, more)
            for name, (url, more) in _urls(servers, hls, low).items()
        }
    return _report(felt, watched, given)


def _servers(stack: ExitStack, given: argparse.Namespace) -> tuple[list[Server], Server, Server]:
    """Those of FLV, the one of HLS, and the node."""
    enter = stack.enter_context
    low = ours(enter(node(http={"host": "0.0.0.0", "tick_min_ms": 20})))
    servers = [low]
    servers += [enter(_peers.srs(given.srs))] if given.srs else []
    servers += [enter(_peers.zlm(given.zlm))] if given.zlm else []
    enter(published(film(KBIT), *(server.rtmp for server in servers)))
    hls = enter(ladder(RATES))
    time.sleep(SETTLE_S)
    return servers, hls, low


def _round(
    cases: Sequence[Case], made: Sequence[Link], hls: Server, low: Server, seconds: float
) -> dict[str, tuple[Felt, Felt]]:
    """All of `cases` at the same time, each twice: hls.js, and the load's player."""
    with ExitStack() as stack:
        pages = []
        for number, case in enumerate(cases):
            link = made[2 * number]
            link.carry(10_000)
            page = f"http://{link.server}:{hls.port}/page.html"
            pages.append(
                stack.enter_context(_page(link, page, _url(case, link, hls, low), seconds))
            )
        for page in pages:
            assert _line(page) == "ready\n"
        loads = []
        for number, case in enumerate(cases):
            steps = [Step(step.at_s * seconds, step.kbit) for step in case.steps]
            for link in made[2 * number : 2 * number + 2]:
                stack.enter_context(link.following(steps))
            link = made[2 * number + 1]
            loads.append(stack.enter_context(_load(link, _url(case, link, hls, low), seconds)))
            time.sleep(LEAD_S)
            print("go", file=pages[number].stdin, flush=True)
            time.sleep(APART_S)
        return {
            case.name: (_real(json.loads(_line(page))), _model(json.loads(_line(load))))
            for case, page, load in zip(cases, pages, loads, strict=True)
        }


def _url(case: Case, link: Link, hls: Server, low: Server) -> str:
    if case.low_latency:
        return f"http://{link.server}:{low.port}{low.path.replace('.flv', '.m3u8')}"
    return f"http://{link.server}:{hls.port}/live.m3u8"


@contextmanager
def _running(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parent.parent,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _page(link: Link, page: str, url: str, seconds: float) -> Any:
    program = [sys.executable, "-m", "bench._hls_page", page, url, str(seconds)]
    return _running([*link.on(), *program])


def _load(link: Link, url: str, seconds: float) -> Any:
    more = ["--viewers", "1", "--arrival", "all", "--seconds", str(seconds), "--json"]
    return _running([*link.on(), *TIDEGATE, "load", url, *more])


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args} ended without a word")
    return line


def _real(told: dict[str, Any]) -> Felt:
    """What the page of hls.js said."""
    rate = told["bits"] / 1e6 / told["media_s"] if told["media_s"] else 0.0
    trace = [(at, buffered) for at, buffered, _ in told["trace"]]
    join_s = math.nan if told["join_s"] is None else told["join_s"]
    return Felt(told["frozen_s"], told["played_s"], told["stalls"], join_s, rate, trace)


def _model(told: dict[str, Any]) -> Felt:
    """What `tidegate load` said."""
    seen = told["each_second"]
    trace = list(zip(seen["at"], seen["buffered_s"], strict=True))
    watched_s = told["seconds"] - told["join_p50_s"]
    frozen_s = told["freeze_rate"] * watched_s
    join_s = told["join_p50_s"] if told["viewers_started"] else math.nan
    return Felt(frozen_s, watched_s - frozen_s, told["stalls"], join_s, told["media_mbps"], trace)


def _urls(servers: Sequence[Server], hls: Server, low: Server) -> dict[str, tuple[str, list[str]]]:
    """What is watched by many: the name of a server and a protocol, its URL, and options."""
    found = {
        f"{server.name}, FLV": (
            f"http://127.0.0.1:{server.port}{server.path}",
            ["--buffer", f"{FLV_BUFFER_S:g}"],
        )
        for server in servers
    }
    playlist = f"http://127.0.0.1:{low.port}{low.path.replace('.flv', '.m3u8')}"
    found["ours, LL-HLS"] = playlist, []
    found["ours, HLS"] = playlist, ["--no-low-latency"]
    found["nginx, HLS"] = f"http://127.0.0.1:{hls.port}/live.m3u8", []
    return found


def _watched(url: str, viewers: int, seconds: float, more: Sequence[str]) -> dict[str, Any]:
    with Watchers(url, viewers, seconds, *more, core=None) as load:
        return load.figures()


def _together(rounds: Sequence[Felt]) -> Course:
    frozen_s, played_s = (
        sum(each.frozen_s for each in rounds),
        sum(each.played_s for each in rounds),
    )
    return Course(
        frozen_s / max(1e-9, frozen_s + played_s),
        sum(each.stalls for each in rounds) / len(rounds),
        sum(each.join_s for each in rounds) / len(rounds),
        sum(each.media_mbps for each in rounds) / len(rounds),
    )


def alike(real: float, model: float, little: float = 0.0) -> bool:
    """Within a fifth of what is real, or `little` apart."""
    return abs(model - real) <= max(SHARE * real, little)


def _apart(real: Course, model: Course) -> list[str]:
    """In what the two differ."""
    same = {
        "freeze rate": alike(real.freeze_rate, model.freeze_rate, FREEZE_S),
        "join": alike(real.join_s, model.join_s, JOIN_S),
        "bitrate": alike(real.media_mbps, model.media_mbps),
    }
    return [name for name, is_same in same.items() if not is_same]


def _report(
    felt: dict[str, tuple[list[Felt], list[Felt]]],
    watched: dict[str, dict[str, Any]],
    given: argparse.Namespace,
) -> int:
    columns = (
        "link or server",
        "player",
        "freeze rate",
        "stalls",
        "join, s",
        "media Mbit/s",
        "alike",
    )
    report = Report("players", "The load's player and hls.js on the same links", columns)
    both = {name: (_together(real), _together(model)) for name, (real, model) in felt.items()}
    simulated_too = _simulated(given.seconds)
    failed = False
    for name, pair in both.items():
        apart = _apart(*pair)
        failed |= bool(apart)
        for first, who, one, last in zip((name, ""), WHO, pair, ("", _verdict(apart)), strict=True):
            report.row(first, who, f"{one.freeze_rate:.2%}", f"{one.stalls:.1f}",
                       f"{one.join_s:.2f}", f"{one.media_mbps:.3f}", last)  # fmt: skip
        told = {who: vars(one) for who, one in zip(WHO, pair, strict=True)}
        report.figures[name] = {**told, "apart": apart}
        if name in simulated_too:
            one = simulated_too[name]
            report.row("", "simulator", f"{one.freeze_rate:.2%}", f"{one.stalls:.1f}",
                       f"{one.join_s:.2f}", f"{one.media_mbps:.3f}",
                       _verdict(_apart(pair[0], one)))  # fmt: skip
            report.figures[name]["simulator"] = vars(one)
    for name, told in watched.items():
        failed |= told["freeze_rate"] > FREEZE_S
        join = f"{told['join_p50_s']:.2f} / {told['join_p95_s']:.2f}"
        report.row(f"{name}, {given.viewers} viewers", "ours", f"{told['freeze_rate']:.2%}",
                   f"{told['stalls']}", join, f"{told['media_mbps']:.3f}", "")  # fmt: skip
        told.pop("each_second")
        report.figures[name] = told
    report.notes.append(
        f"Alike: within {SHARE:.0%} of hls.js, or {100 * FREEZE_S:g} points of freeze rate, or "
        f"{JOIN_S:g} s of join apart. {given.rounds} rounds of {given.seconds:g} s; join of many "
        "viewers is the median and the 95th percentile. The simulator's row is for the same rates, "
        "without a browser's or TCP's ways; it is shown, not judged."
    )
    _plot(felt, both)
    report.finish(given.json)
    return int(failed)


def _verdict(apart: Sequence[str]) -> str:
    return f"not: {', '.join(apart)}" if apart else "yes"


def _simulated(seconds: float) -> dict[str, Course]:
    """What the simulator makes of the links with HLS."""
    ladder = [WIRE * rate for rate in RATES]
    found = {}
    for case in CASES:
        if not case.low_latency:
            steps = [Step(step.at_s * seconds, step.kbit) for step in case.steps]
            course = simulated(steps, seconds, ladder, SEGMENT_S)
            found[case.name] = replace(course, media_mbps=course.media_mbps / WIRE)
    return found


def _plot(
    felt: dict[str, tuple[list[Felt], list[Felt]]], both: dict[str, tuple[Course, Course]]
) -> None:
    figure, axes = canvas(9, 8)
    axes.remove()
    rates, trace = figure.subplots(2, 1, height_ratios=(3, 2))
    for number, (who, colour) in enumerate((("hls.js", "#d9503a"), ("tidegate load", "#1b8a7a"))):
        values = [100 * pair[number].freeze_rate for pair in both.values()]
        places = [at + 0.4 * number - 0.2 for at in range(len(both))]
        bars = rates.barh(places, values, 0.38, color=colour, label=who)
        rates.bar_label(bars, [f"{value:.1f}" for value in values], padding=3, fontsize=8)
        seen = felt[CASES[5].name][number][0].trace
        trace.plot(*zip(*seen, strict=True), color=colour, label=who)
    rates.set_yticks(range(len(both)), list(both))
    rates.invert_yaxis()
    rates.set(title="The same links, each player alone on its own", xlabel="freeze rate, %")
    rates.margins(x=0.08)
    trace.set(title=CASES[5].name, xlabel="s", ylabel="seconds in the buffer")
    for each in (rates, trace):
        each.spines[["top", "right"]].set_visible(False)
        each.grid(axis="x" if each is rates else "both", alpha=0.25)
        each.set_axisbelow(True)
        each.legend(frameon=False)
    save(figure, "players")
