"""The running node's side of `tidegate upgrade`: new edge workers from settings read again.

Law: every request to upgrade ends in one report; where that tells a problem, nothing has changed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from tidegate.node import change
from tidegate.node.errors import NodeError
from tidegate.settings import Settings, SettingsError

log = structlog.get_logger()

Reload = Callable[[], Settings]
Replace = Callable[[Settings], Awaitable[str]]
"""Puts edge workers with these settings in the place of the running ones; what went wrong."""


class Report(msgspec.Struct, frozen=True):
    """What became of the latest request to upgrade: `<log.root>/.node/generation`.

    `generation` counts the sets of workers, `attempt` the requests; `waits` names the settings that
    were read and take effect only when the node is started again.
    """

    generation: int = 1
    attempt: int = 0
    at: float = 0.0
    ok: bool = True
    problem: str = ""
    waits: list[str] = []


def write_report(folder: Path, report: Report) -> None:
    """Replaces the report whole: a reader finds the one before or this one."""
    aside = folder / "generation.new"
    aside.write_bytes(msgspec.json.encode(report) + b"\n")
    aside.replace(folder / "generation")


def read_report(folder: Path) -> Report:
    """The latest report; of a node that has not come to write any, the one it begins with."""
    try:
        return msgspec.json.decode((folder / "generation").read_bytes(), type=Report)
    except FileNotFoundError:
        return Report()


class Upgrades:
    """Answers requests one after the other; those that come meanwhile are one more."""

    def __init__(self, folder: Path, settings: Settings, reload: Reload, replace: Replace) -> None:
        self._folder = folder
        self._settings = settings
        self._reload = reload
        self._replace = replace
        self._asked = asyncio.Event()
        self._last = Report(at=time.time())
        write_report(folder, self._last)

    def ask(self) -> None:
        """A request: may be called in a signal's handler of the loop."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._last = await self._answer()
            write_report(self._folder, self._last)

    async def _answer(self) -> Report:
        log.info("upgrade asked for", generation=self._last.generation)
        try:
            settings = self._reload()
            problem = _refusal(change.refused(self._settings, settings))
            problem = problem or await self._replace(settings)
        except (SettingsError, NodeError) as error:
            problem = str(error)
        generation, attempt = self._last.generation, self._last.attempt + 1
        if problem:
            log.error("upgrade refused or failed; the running workers stay", problem=problem)
            return Report(generation, attempt, time.time(), ok=False, problem=problem)
        waits = change.waiting(self._settings, settings)
        self._settings = settings
        log.info("upgraded", generation=generation + 1, wait_for_a_restart=waits)
        return Report(generation + 1, attempt, time.time(), waits=waits)


def _refusal(names: list[str]) -> str:
    if not names:
        return ""
    return f"{', '.join(names)}: cannot change while the node runs; start it again"
