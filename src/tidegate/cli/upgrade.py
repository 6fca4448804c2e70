"""`tidegate upgrade`: asks the running node for new edge workers, and tells what became of it.

Law: it ends with success only when the new workers serve.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console

from tidegate.node.errors import NodeError
from tidegate.node.listeners import workers
from tidegate.node.state import Holder
from tidegate.node.supervisor import READY_S
from tidegate.node.upgrade import Report, read_report
from tidegate.settings import Settings, load

POLL_S = 0.05
PATIENCE_S = 20.0
"""Seconds beyond what the new workers may take: the node reads settings and writes a file."""


def run_upgrade(config: Path | None, as_json: bool) -> None:
    """Upgrades the node of these settings. Raises `NodeError` or `SettingsError` with the cause."""
    settings = load(config)
    with Holder(settings.log.root) as node, _alone(node.folder):
        report = _ask(node, PATIENCE_S + READY_S * workers(settings))
    if not report.ok:
        raise NodeError(report.problem)
    if as_json:
        print(msgspec.json.encode(report).decode(), flush=True)  # noqa: T201
    else:
        _show(report, settings)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One upgrade at a time, so that each reads the answer to its own request."""
    lock = os.open(folder / "upgrade", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise NodeError("another upgrade of this node is under way") from error
    finally:
        os.close(lock)


def _ask(node: Holder, within_s: float) -> Report:
    before = read_report(node.folder).attempt
    node.signal(signal.SIGHUP)
    deadline = time.monotonic() + within_s
    while (report := read_report(node.folder)).attempt <= before:
        if node.ended(POLL_S):
            raise NodeError(f"the node (process {node.pid}) ended")
        if time.monotonic() > deadline:
            raise NodeError(f"the node (process {node.pid}) gave no answer in {within_s:.0f} s")
    return report


def _show(report: Report, settings: Settings) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"New workers serve (generation {report.generation}); those before them go on "
        f"for up to {settings.node.upgrade_s:g} s with whom they serve."
    )
    if report.waits:
        console.print(f"These settings wait for a restart: {', '.join(report.waits)}")
