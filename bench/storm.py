"""Many join in one second while others watch: `python -m bench storm`.

`--viewers` (5,000) newcomers within a second and two fifths as many there already, by HTTP-FLV; of
HLS, each of whom makes a dozen requests to join, two fifths of both; of LL-HLS, whose players ask
twenty times a second, a twentieth: as many as the loads can play. Each crowd is a load of its own,
so that those who were there are judged apart; the newcomers' has the time that the server leaves of
its core. Law: p99 of the newcomers' join times is under 2 s, and nobody who was there freezes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench._film import film, published
from bench._report import Report, canvas, grouped, options, save
from bench._stage import CHANNEL, Server, node, ours
from bench._watchers import paint, watch, watch_beside
from support.channel import live
from support.wait import until

KBIT = 600
THERE = 0.4
"""Of as many as come."""
ARRIVE_S, CALM_S, STORM_S = 5.0, 10.0, 1.0
"""Seconds in which those who are there arrived, all of their time before the storm, and it."""
SPARE_S = 5.0
"""By which newcomers leave before those who were there."""
JOIN_S = 2.0
KINDS: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "HTTP-FLV": (".flv", 1.0, ()),
    "HLS": (".m3u8", 0.4, ("--no-low-latency",)),
    "LL-HLS": (".m3u8", 0.05, ()),
}
"""How its URL ends, what share of the viewers its crowds are, and how they are played."""
WATCHED_S = 3.0
"""Seconds from the storm's beginning in which the server's processor time is looked at."""
COLUMNS = ("", "crowd", "viewers", "started", "join 50 %, s", "95 %", "99 %", "freeze rate",
           "stalls", "errors")  # fmt: skip


@dataclass(frozen=True)
class Storm:
    """What both crowds felt, and the share of its core that the server used meanwhile."""

    there: dict[str, Any]
    newcomers: dict[str, Any]
    viewers: dict[str, int]
    core: float

    @property
    def held(self) -> bool:
        """Whether everyone was served as the law of this module says."""
        there, came = self.there, self.newcomers
        joined = came["viewers_started"] == self.viewers["newcomers"]
        calm = there["stalls"] == 0 and not there["errors"] and not came["errors"]
        return joined and calm and came["join_p99_s"] < JOIN_S


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when a newcomer waited too long or anyone else froze."""
    given = options("storm", __doc__, argv, 15, 5000)
    storms: dict[str, Storm] = {}
    with node(http={"tick_min_ms": 0}) as running, published(film(KBIT), running.rtmp(CHANNEL)):
        until(lambda: live(running, CHANNEL), "the channel is live")
        for name, (ending, share, how) in KINDS.items():
            newcomers = max(1, round(share * given.viewers))
            viewers = {"newcomers": newcomers, "there": max(1, int(THERE * newcomers))}
            url = f"{running.http}/live/{CHANNEL}{ending}"
            storms[name] = _storm(url, ours(running), viewers, given.seconds, how)
    return _report(storms, given)


def _storm(
    url: str, server: Server, viewers: dict[str, int], seconds: float, how: Sequence[str]
) -> Storm:
    over = (*how, "--over", f"{ARRIVE_S:g}")
    with watch(url, viewers["there"], CALM_S + seconds, *over) as there:
        there.players()
        time.sleep(CALM_S)
        over = (*how, "--over", f"{STORM_S:g}")
        with watch_beside(url, viewers["newcomers"], seconds - SPARE_S, *over) as came:
            came.players()
            before, began = server.cpu_s(), time.monotonic()
            time.sleep(WATCHED_S)
            core = (server.cpu_s() - before) / (time.monotonic() - began)
            newcomers = came.figures()
        return Storm(there.figures(), newcomers, viewers, core)


def _report(storms: dict[str, Storm], given: Any) -> int:
    title = f"{given.viewers:,} viewers join in one second while {THERE * given.viewers:,.0f} watch"
    report = Report("storm", title, COLUMNS)
    for name, storm in storms.items():
        for crowd, many in storm.viewers.items():
            seen = getattr(storm, crowd)
            joins = [f"{seen[f'join_p{share}_s']:.2f}" for share in (50, 95, 99)]
            errors = ", ".join(f"{word} {count}" for word, count in seen["errors"].items())
            felt = (f"{100 * seen['freeze_rate']:.3f} %", seen["stalls"], errors or "none")
            started = f"{seen['viewers_started']:,}"
            report.row(name, crowd, f"{many:,}", started, *joins, *felt)
    report.figures = {name: vars(storm) for name, storm in storms.items()}
    cores = ", ".join(f"{name} {storm.core:.2f}" for name, storm in storms.items())
    report.notes += [
        f"One edge worker; of its core it used, in the {WATCHED_S:g} s from the storm on: {cores}.",
        "Of HLS two fifths, of LL-HLS a twentieth: as many as the newcomers' load can play in the "
        "time that the server leaves of its core.",
    ]
    figure, axes = canvas(7, 4)
    shares = {
        f"{share} %": [storm.newcomers[f"join_p{share}_s"] for storm in storms.values()]
        for share in (50, 95, 99)
    }
    names = [f"{name}, {storm.viewers['newcomers']:,}" for name, storm in storms.items()]
    grouped(axes, names, shares, "{:.2f}")
    paint(axes, ("#a8d5cd", "#5cb3a5", "#1b8a7a"))
    axes.axhline(JOIN_S, color="#d9503a", lw=1, ls=":")
    axes.set(title=title, ylabel="newcomers' join time, s")
    save(figure, "storm")
    report.finish(given.json)
    return int(not all(storm.held for storm in storms.values()))
