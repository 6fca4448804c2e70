"""One node, from settings to its end: folders, sockets, parts.

Law: nothing that was opened here stays open after `up`, whichever step failed.
"""

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from tidegate.journal import open_journal
from tidegate.node.part import Brief
from tidegate.node.sockets import open_listener, port_of
from tidegate.node.state import Hold, with_folders
from tidegate.node.supervisor import Counts, Part, Supervisor
from tidegate.settings import Settings

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
MOST_FILES = 1_048_576
"""Open files asked for at most, where the hard limit is higher still or none."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Addresses:
    """Where a running node is reached, from this machine, and its stream key."""

    http: str
    rtmp: str
    key: str

    def publish_url(self, channel: str) -> str:
        """The whole RTMP URL that a publisher of `channel` is given."""
        return f"{self.rtmp}/{channel}?key={self.key}"


Announce = Callable[[Addresses], Awaitable[None]]


def up(settings: Settings, announce: Announce, demo_channel: str | None = None) -> bool:
    """Runs a node until SIGTERM or SIGINT; with `demo_channel`, one that publishes to itself.

    `announce` is awaited once beside the running parts; an error it raises ends the node. Returns
    True when every part drained in time. Raises `NodeError` when the node cannot start.
    """
    hold_signals()
    open_journal("node", plain=sys.stderr.isatty())
    settings = with_folders(settings)
    raise_file_limit()
    with ExitStack() as stack:
        hold = stack.enter_context(Hold(settings.log.root))
        http = stack.enter_context(open_listener(settings.http.host, settings.http.port, "http"))
        rtmp = stack.enter_context(open_listener(settings.rtmp.host, settings.rtmp.port, "rtmp"))
        addresses = Addresses(
            http=f"http://{reachable(settings.http.host)}:{port_of(http)}",
            rtmp=f"rtmp://{reachable(settings.rtmp.host)}:{port_of(rtmp)}/live",
            key=settings.publish.key or "",
        )
        parts = [_part("ingest", settings, [rtmp]), _part("edge", settings, [http])]
        if demo_channel is not None:
            parts.append(_part("demo", settings, [], addresses.publish_url(demo_channel)))
        counts = open_counts(hold.metrics_folder())
        supervisor = Supervisor(parts, settings.node.drain_s, counts)
        return asyncio.run(_serve(supervisor, (http, rtmp), announce(addresses)))


def _part(name: str, settings: Settings, sockets: Sequence[socket.socket], url: str = "") -> Part:
    brief = Brief(
        settings=settings.model_dump(mode="json"),
        sockets=[listener.fileno() for listener in sockets],
        url=url,
        plain=sys.stderr.isatty(),
    )
    return Part(name, brief)


async def _serve(
    supervisor: Supervisor, listeners: Sequence[socket.socket], announcing: Awaitable[None]
) -> bool:
    """Runs the parts and, beside them, the announcement; the failure of either ends both."""

    def stop() -> None:
        # Else, while the parts drain, the kernel would accept connections that nobody answers.
        for listener in listeners:
            listener.close()
        supervisor.stop()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    keeping = asyncio.create_task(supervisor.run(), name="supervisor")
    announced = asyncio.ensure_future(announcing)
    await asyncio.wait([keeping, announced], return_when=asyncio.FIRST_COMPLETED)
    failure = announced.exception() if announced.done() else None
    announced.cancel()
    if failure is not None:
        stop()
    clean = await keeping
    hold_signals()
    if failure is not None:
        raise failure
    return clean


def hold_signals() -> None:
    """Lets SIGTERM and SIGINT wait: outside the node's loop, nothing is left half made or undone.

    No handler could raise instead: a library in between may turn what it raises into its own error.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def open_counts(folder: Path) -> Counts:
    """What the supervisor counts, into this node's metrics folder, which the parts inherit.

    prometheus_client chooses where it counts when it is first imported: hence the late import.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from prometheus_client import multiprocess  # noqa: PLC0415

    from tidegate.metrics import PART_RESTARTS  # noqa: PLC0415

    def ended(pid: int) -> None:
        # Gauges of the living only: a dead part holds no connection.
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]

    return Counts(ended=ended, restarted=lambda name: PART_RESTARTS.labels(part=name).inc())


def raise_file_limit() -> None:
    """Raises this process's soft limit of open files to the hard one; the parts inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def reachable(host: str) -> str:
    """The host to put in a URL for this machine: loopback where the node listens everywhere."""
    match host:
        case "" | "0.0.0.0":  # noqa: S104
            return "127.0.0.1"
        case "::":
            return "[::1]"
        case _:
            return f"[{host}]" if ":" in host else host
