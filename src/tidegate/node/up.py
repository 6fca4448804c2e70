"""One node, from settings to its end: folders, sockets, parts.

Law: nothing that was opened here stays open after `up`, whichever step failed.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from tidegate.journal import open_journal
from tidegate.node.certificate import verify
from tidegate.node.listeners import Addresses, Listeners, addresses, open_all
from tidegate.node.part import Brief
from tidegate.node.state import Hold, with_folders
from tidegate.node.supervisor import Counts, Part, Supervisor
from tidegate.node.upgrade import Reload, Upgrades
from tidegate.settings import Settings

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
SIGNALS = (*STOP_SIGNALS, signal.SIGHUP)
MOST_FILES = 1_048_576
"""Open files asked for at most, where the hard limit is higher still or none."""

log = structlog.get_logger()

Announce = Callable[[Addresses], Awaitable[None]]


@dataclass(frozen=True)
class Extras:
    """What not every node has: a channel of its own, and settings that can be read again."""

    demo_channel: str | None = None
    reload: Reload | None = None


def up(settings: Settings, announce: Announce, extras: Extras = Extras()) -> bool:
    """Runs a node until SIGTERM or SIGINT; with `demo_channel`, one that publishes to itself.

    With `reload`, SIGHUP asks for an upgrade; without, and when the terminal is gone, it is one
    more signal to stop. `announce` is awaited once beside the running parts; an error it raises
    ends the node. Returns True when every part drained in time. Raises `NodeError` when the node
    cannot start.
    """
    hold_signals()
    open_journal("node", plain=sys.stderr.isatty())
    verify(settings.tls)
    as_written, settings = settings, with_folders(settings)
    raise_file_limit()
    with ExitStack() as stack:
        hold = stack.enter_context(Hold(settings.log.root))
        listeners = open_all(settings)
        stack.callback(listeners.close)
        at = addresses(settings, listeners)
        parts = [_part("ingest", settings, [listeners.rtmp.fileno()]), *_edges(settings, listeners)]
        if extras.demo_channel is not None:
            parts.append(_part("demo", settings, [], url=at.publish_url(extras.demo_channel)))
        counts = open_counts(hold.metrics_folder())
        supervisor = Supervisor(parts, settings.node.drain_s, counts)

        async def replace(newer: Settings) -> str:
            verify(newer.tls)
            newer = with_folders(newer)
            return await supervisor.upgrade(_edges(newer, listeners), newer.node.upgrade_s)

        node = _Node(supervisor, listeners)
        if extras.reload is not None:
            node.upgrades = Upgrades(hold.folder, as_written, extras.reload, replace)
        return asyncio.run(node.serve(announce(at)))


def _edges(settings: Settings, listeners: Listeners) -> list[Part]:
    """The edge workers, `edge.0` and on, each with its own listeners, and told their number."""
    http = settings.http.model_copy(update={"workers": len(listeners.http)})
    settings = settings.model_copy(update={"http": http})
    return [
        _part(f"edge.{index}", settings, listeners.of_worker(index), index=index)
        for index in range(len(listeners.http))
    ]


def _part(
    name: str, settings: Settings, sockets: Sequence[int], *, url: str = "", index: int = 0
) -> Part:
    brief = Brief(
        settings=settings.model_dump(mode="json"),
        sockets=list(sockets),
        url=url,
        plain=sys.stderr.isatty(),
        index=index,
    )
    return Part(name, brief)


class _Node:
    """The parts and what is told to them, while they run."""

    def __init__(self, supervisor: Supervisor, listeners: Listeners) -> None:
        self.upgrades: Upgrades | None = None
        self._supervisor = supervisor
        self._listeners = listeners
        self._in_terminal = sys.stderr.isatty()

    async def serve(self, announcing: Awaitable[None]) -> bool:
        """Runs the parts and, beside them, the announcement; the failure of either ends both."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        keeping = asyncio.create_task(self._supervisor.run(), name="supervisor")
        beside = [asyncio.ensure_future(announcing)]
        if self.upgrades is not None:
            beside.append(asyncio.create_task(self.upgrades.run(), name="upgrades"))
        for task in beside:
            task.add_done_callback(self._stop_if_failed)
        clean = await keeping
        hold_signals()
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return clean

    def _stop(self) -> None:
        # Else, while the parts drain, the kernel would accept connections that nobody answers.
        self._listeners.close()
        self._supervisor.stop()

    def _stop_if_failed(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self._stop()

    def _hang_up(self) -> None:
        gone = self._in_terminal and not sys.stderr.isatty()
        if self.upgrades is None or gone:
            self._stop()
        else:
            self.upgrades.ask()


def hold_signals() -> None:
    """Lets these signals wait: outside the node's loop, nothing is left half made or undone.

    No handler could raise instead: a library in between may turn what it raises into its own error.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


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
