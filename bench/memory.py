"""What a viewer costs in memory: `python -m bench memory`.

Bytes by which one edge worker's own memory grew for each of `--viewers` (15,000 who are idle or
wait; fewer who are sent a stream or speak TLS, as `KINDS` says), and what the kernel holds for
each: sockets and buffers, half of what a connection within one machine has at its two ends. Law:
each kind has a fresh server, and its first hundred viewers are there before anything is counted.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from bench import _peers
from bench._film import film, published
from bench._proc import LOAD_CORE, kernel_memory, on
from bench._report import Report, canvas, grouped, options, ratio, save
from bench._stage import CHANNEL, Server, node, ours, scratch
from support.certificates import make
from support.channel import live, media_playlists
from support.growth import anonymous
from support.node import RunningNode
from support.wait import until
from tidegate.settings import Certificate

KBIT = 600
FIRST = 100
SETTLE_S = 3.0
"""Seconds after the last viewer came, before memory is read."""
LEAST_B, AIM_B = 4000, 2000
SEGMENTS = {"package": {"segment_ms": 6000}}
"""So long that all are parked at once."""
FILE = "/static/style.css"
COLUMNS = ("", "viewers", "process, B", "kernel, B", "of it buffers, B", "nginx: process, B",
           "ratio")  # fmt: skip

_sources = count(2)
"""An address for each holder, for the ports of who left are not free at once."""


@dataclass(frozen=True)
class Kind:
    """A kind of viewer: how many, by TLS or not, and which of the holders it is."""

    title: str
    holder: str
    most: int
    secure: bool = False

    @property
    def name(self) -> str:
        """As the holders call it."""
        return self.holder + "-tls" * self.secure


KINDS = (
    Kind("idle, connection kept", "idle", 15_000),
    Kind("parked LL-HLS request", "parked", 15_000),
    Kind("HTTP-FLV at 600 kbit/s", "stream", 5000),
    Kind("idle, TLS", "idle", 5000, secure=True),
    Kind("HTTP-FLV over TLS", "stream", 1000, secure=True),
)


@dataclass(frozen=True)
class Subject:
    """Who is measured: the process, where viewers ask, how many requests wait there."""

    pid: int
    port: int
    path: str
    parked: Callable[[], int] = int


@dataclass(frozen=True)
class Cost:
    """Bytes a viewer."""

    viewers: int
    process: float
    kernel: float
    buffers: float


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when a plain viewer costs more than 4 kB."""
    given = options("memory", __doc__, argv, SETTLE_S, KINDS[0].most)
    found: dict[str, tuple[Cost, Cost | None]] = {}
    for kind in KINDS:
        many = min(given.viewers, kind.most)
        peer = _nginx(kind, many, given.seconds) if kind.holder == "idle" else None
        found[kind.title] = _ours(kind, many, given.seconds), peer
    return _report(found, given.json)


def _ours(kind: Kind, many: int, seconds: float) -> Cost:
    with ExitStack() as stack:
        made = make(stack.enter_context(scratch()), "localhost")
        secure = {"host": "127.0.0.1", "port": 0, "certificates": _files(made)}
        running = stack.enter_context(node(tls=secure, **SEGMENTS))
        stack.enter_context(published(film(KBIT), running.rtmp(CHANNEL)))
        until(lambda: live(running, CHANNEL), "the channel is live", 60)
        port = urlsplit(running.https if kind.secure else running.http).port or 0
        server = ours(running)
        path = _path(kind, running)
        subject = Subject(server.pids[-1], port, path, lambda: _parked(running))
        return _cost(subject, kind, many, seconds)


def _files(made: Certificate) -> str:
    return f"{made.chain}:{made.key}"


def _path(kind: Kind, running: RunningNode) -> str:
    if kind.holder == "stream":
        return Server.path
    if kind.holder == "idle":
        return FILE
    return urlsplit(media_playlists(running, CHANNEL)["source"]).path


def _nginx(kind: Kind, many: int, seconds: float) -> Cost:
    with ExitStack() as stack:
        made = make(stack.enter_context(scratch()), "localhost") if kind.secure else None
        files = (made.chain, made.key) if made is not None else None
        server = stack.enter_context(_peers.nginx_files({FILE: b"{}"}, files))
        return _cost(Subject(server.pids[-1], server.port, FILE), kind, many, seconds)


def _cost(subject: Subject, kind: Kind, many: int, seconds: float) -> Cost:
    with _holding(subject, kind, FIRST):
        time.sleep(seconds)
        before = _memory(subject.pid)
        with _holding(subject, kind, many):
            time.sleep(seconds)
            if kind.holder == "parked":
                until(lambda: subject.parked() == FIRST + many, "all are parked", 60)
            grown = [now - then for now, then in zip(_memory(subject.pid), before, strict=True)]
    process, tcp, slab = (each / many for each in grown)
    return Cost(many, process, (tcp + slab) / 2, tcp / 2)


def _memory(pid: int) -> tuple[int, int, int]:
    kernel = kernel_memory()
    return anonymous(pid), kernel["tcp"], _objects() or kernel["slab"]


def _objects() -> int:
    """Bytes of the kernel's objects (slabinfo(5), for root): slabs outlive what was in them."""
    try:
        lines = Path("/proc/slabinfo").read_text(encoding="ascii").splitlines()[2:]
    except OSError:
        return 0
    return sum(int(active) * int(size) for _, active, _, size, *_ in map(str.split, lines))


@contextmanager
def _holding(subject: Subject, kind: Kind, many: int) -> Iterator[None]:
    command = [*on(LOAD_CORE), sys.executable, "-m", "bench._holders", kind.name]
    command += [str(subject.port), str(many), subject.path, f"127.0.0.{next(_sources)}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"not all of {many} got in: {kind.title}")
        yield
        if process.poll() is not None:
            raise RuntimeError(f"some of {many} were cut: {kind.title}")
    finally:
        process.kill()
        process.communicate()


def _parked(running: RunningNode) -> int:
    """Requests that wait, as the worker tells."""
    told = running.get("/metrics").body.decode()
    found = re.findall(r"^tidegate_parked_requests\S* (\S+)$", told, re.MULTILINE)
    return sum(int(float(each)) for each in found)


def _report(found: dict[str, tuple[Cost, Cost | None]], as_json: bool) -> int:
    report = Report("memory", "What a viewer costs in memory, bytes", COLUMNS)
    for title, (cost, peer) in found.items():
        others = ("-", "-") if peer is None else (
            f"{peer.process:,.0f}", f"{ratio(peer.process, cost.process):.2f}")  # fmt: skip
        report.row(title, f"{cost.viewers:,}", f"{cost.process:,.0f}", f"{cost.kernel:,.0f}",
                   f"{cost.buffers:,.0f}", *others)  # fmt: skip
        figures = {"ours": asdict(cost)}
        if peer is not None:
            figures |= {"nginx": asdict(peer), "ratio_nginx": ratio(peer.process, cost.process)}
        report.figures[title] = figures
    plain = [found[kind.title][0].process for kind in KINDS if not kind.secure]
    report.figures["most_plain"] = max(plain)
    report.notes.append(
        f"At least: {LEAST_B:,} B in the process for a viewer without TLS, of 15,000 in one; aim: "
        f"{AIM_B:,} B; the dearest here takes {max(plain):,.0f} B. The process's own memory is "
        "anonymous memory; the kernel's is its slabs and TCP buffers."
    )
    _plot(found)
    report.finish(as_json)
    return int(max(plain) > LEAST_B)


def _plot(found: dict[str, tuple[Cost, Cost | None]]) -> None:
    series = {
        "ours": [cost.process / 1000 for cost, _ in found.values()],
        "kernel": [cost.kernel / 1000 for cost, _ in found.values()],
        "nginx": [peer.process / 1000 if peer else float("nan") for _, peer in found.values()],
    }
    figure, axes = canvas(9, 4.5)
    names = [title.replace(", ", ",\n").replace(" LL", "\nLL").replace(" at", "\nat")
             .replace(" over", "\nover") for title in found]  # fmt: skip
    grouped(axes, names, series, "{:.1f}")
    axes.axhline(LEAST_B / 1000, color="#d9503a", lw=1, ls=":")
    axes.axhline(AIM_B / 1000, color="#1b8a7a", lw=1, ls=":")
    axes.set(title="Memory of a viewer: our process, the kernel, nginx's process", ylabel="kB")
    save(figure, "memory")
