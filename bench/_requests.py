"""One file of live HLS asked for over and over: what it costs us, and nginx with the same bytes.

Law: what nginx serves was fetched from the node in this very run; rounds are interleaved.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from urllib.parse import urljoin, urlsplit

from bench import _peers, _perf
from bench._film import film, published
from bench._load import Asked, asked, need
from bench._report import RATIO_KEYS, Report, bars, canvas, options, ratio, save
from bench._stage import CHANNEL, Server, node, ours
from support.channel import live, media_playlists
from support.node import RunningNode
from support.wait import until

LONG = {"log": {"retention_s": 3600.0}, "package": {"window_s": 30.0}}
"""Settings with which what is asked for stays for the whole run."""
PART = 15_000
"""Bytes."""


@dataclass(frozen=True)
class Subject:
    """What is asked for: of which stream, how large about, and how it is found in a playlist."""

    name: str
    title: str
    kbit: int
    size: int
    find: Callable[[RunningNode], str]


def segment(running: RunningNode) -> str:
    """The path of a whole segment of the picture."""
    url = _picture(running)
    uris = until(lambda: _uris(running, url, r"^([^#\s]\S*)$")[1:-1], "segments")
    return urlsplit(urljoin(url, uris[0])).path


def part(running: RunningNode) -> str:
    """The path of the part of the picture whose size is nearest to `PART`."""
    url = _picture(running)
    found = r'^#EXT-X-PART:.*URI="([^"]+)"'
    uris = until(lambda: len(u := _uris(running, url, found)) > 20 and u, "parts")
    paths = [urlsplit(urljoin(url, uri)).path for uri in uris]
    return min(paths, key=lambda path: abs(len(running.get(path).body) - PART))


def playlist(running: RunningNode) -> str:
    """The path of the picture's media playlist, once it is as long as it gets."""
    url = _picture(running)
    until(lambda: len(_uris(running, url, r"^([^#\s]\S*)$")) >= 14, "a full playlist", 60)
    return urlsplit(url).path


def _picture(running: RunningNode) -> str:
    until(lambda: live(running, CHANNEL), "the channel is live")
    playlists = media_playlists(running, CHANNEL)
    return next(url for name, url in playlists.items() if "audio" not in name)


def _uris(running: RunningNode, url: str, pattern: str) -> list[str]:
    text = running.get(urlsplit(url).path).body.decode()
    return re.findall(pattern, text, re.MULTILINE)


SEGMENTS = Subject("segments", "HLS segments of 300 kB", 1250, 300_000, segment)
PARTS = Subject("parts", "LL-HLS parts of 15 kB", 650, PART, part)
PLAYLISTS = Subject("playlists", "LL-HLS playlists", 600, 0, playlist)


def bench(subject: Subject, about: str | None, argv: Sequence[str], cache: bool = False) -> int:
    """Measures one subject over HTTP, prints, plots. Returns 1 when anything was not answered."""
    need("wrk")
    need("nginx")
    given = options(subject.name, about, argv, 8, 0)
    with ExitStack() as stack:
        running = stack.enter_context(node(**LONG))
        stack.enter_context(published(film(subject.kbit), running.rtmp(CHANNEL)))
        path = subject.find(running)
        body = running.get(path).body
        servers = [ours(running), stack.enter_context(_peers.nginx_files({path: body}))]
        if cache:
            servers.append(stack.enter_context(_peers.nginx_cache(running.http_port)))
        runs = rounds([(server, path, False) for server in servers], given.rounds, given.seconds)
        where = profiles(servers[:2], path, https=False)
    report = Report(subject.name, f"{subject.title}, one core", COLUMNS)
    report.figures["bytes"] = len(body)
    failed = fill(report, runs, subject.name)
    report.notes.append(f"{len(body):,} bytes each, 64 connections kept open.")
    note(report, where)
    figure, axes = canvas(6, 4)
    bars(axes, list(runs), [rate(seen) for seen in runs.values()])
    axes.set(title=f"{subject.title} ({len(body) / 1000:,.1f} kB)", ylabel="requests/s a core")
    save(figure, subject.name)
    report.finish(given.json)
    return int(failed)


COLUMNS = ("server", "requests/s", "of a core", "CPU s/1000", "requests/s a core", "Gbit/s a core",
           "ratio", "99 %, ms", "errors")  # fmt: skip


def rounds(
    turns: Sequence[tuple[Server, str, bool]], count: int, seconds: float
) -> dict[str, list[Asked]]:
    """Every server in turn, `count` times, another one first each time: its name to its runs."""
    runs: dict[str, list[Asked]] = {server.name: [] for server, _, _ in turns}
    for server, path, https in turns:
        asked(server, path, 1, https=https)  # caches are warm
    for number in range(count):
        first = number % len(turns)
        for server, path, https in (*turns[first:], *turns[:first]):
            runs[server.name].append(asked(server, path, seconds, https=https))
            time.sleep(0.2)
    return runs


def profiles(servers: Sequence[Server], path: str, *, https: bool) -> dict[str, dict[str, float]]:
    """Where the time of each goes, in a run of its own that does not count."""
    return {
        server.name: _perf.sampled(
            server, partial(asked, server, path, _perf.SECONDS + 1, https=https)
        )
        for server in servers
    }


def note(report: Report, where: dict[str, dict[str, float]], group: str = "") -> None:
    """A line of where the time goes."""
    for name, shares in where.items():
        if shares:
            figures = report.figures[group] if group else report.figures
            figures[name]["shares"] = shares
            label = f"{group}, {name}" if group else name
            report.notes.append(f"Time of {label}, by perf: {_perf.told(shares)}.")


def rate(seen: Sequence[Asked]) -> float:
    """Requests a second that a core answers, the median of the rounds."""
    return median(each.per_core for each in seen)


def fill(report: Report, runs: dict[str, list[Asked]], group: str = "") -> bool:
    """The table's rows and the figures of one subject; whether anything was not answered."""
    base = median(each.cost for each in runs["ours"])
    figures = report.figures if group == report.name else report.figures.setdefault(group, {})
    for name, seen in runs.items():
        cost = median(each.cost for each in seen)
        figures[name] = {
            "requests_per_core": rate(seen),
            "requests_s": [each.requests / each.seconds for each in seen],
            "cpu_s_per_1000": [each.cost for each in seen],
            "p99_ms": [each.p99_ms for each in seen],
            "errors": sum(each.errors for each in seen),
        }
        if name in RATIO_KEYS:
            figures[RATIO_KEYS[name]] = ratio(cost, base)
        label = name if group == report.name else f"{group}: {name}"
        report.row(label, *_cells(seen, cost, base))
    return any(each.errors for seen in runs.values() for each in seen)


def _cells(seen: Sequence[Asked], cost: float, base: float) -> tuple[str, ...]:
    size = seen[0].bytes_each
    return (
        f"{median(each.requests / each.seconds for each in seen):,.0f}",
        f"{median(each.cpu_s / each.seconds for each in seen):.2f}",
        f"{cost:.4f}",
        f"{rate(seen):,.0f}",
        f"{rate(seen) * size * 8 / 1e9:.1f}",
        f"{ratio(cost, base):.2f}",
        f"{median(each.p99_ms for each in seen):.1f}",
        str(sum(each.errors for each in seen)),
    )
