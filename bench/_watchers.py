"""`tidegate load` as its users run it: viewers in processes of their own, figures at the end."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from bench._proc import LOAD_CORE, SERVER_CORE, on
from support.node import TIDEGATE, environment
from support.processes import children
from support.wait import until

SLACK_S = 60
"""Seconds past its time that a load may take to say what it saw."""


class Watchers:
    """One load under way. A context manager: whoever still watches at the end is let go."""

    def __init__(
        self, url: str, viewers: int, seconds: float, *more: str, core: int | None, nice: int = 0
    ) -> None:
        command = [*(on(core) if core is not None else []), "nice", "-n", str(nice)]
        command += [*TIDEGATE, "load", url, "--json"]
        command += ["--viewers", str(viewers), "--seconds", f"{seconds:g}", *more]
        self._seconds = seconds
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._said, text=True, env=environment()
        )
        self.pid = self._process.pid

    def players(self) -> int:
        """The process that plays."""
        return until(self._child, "the load has begun")

    def figures(self) -> dict[str, Any]:
        """What they felt; waits for their end."""
        text = self._process.communicate(timeout=self._seconds + SLACK_S)[0]
        self._complain()
        told: dict[str, Any] = json.loads(text)
        return told

    def _child(self) -> int:
        self._process.poll()
        self._complain()
        return next(iter(children(self._process.pid)), 0)

    def _complain(self) -> None:
        if self._process.returncode:
            self._said.seek(0)
            told = self._said.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"tidegate load ended with {self._process.returncode}:\n{told}")

    def __enter__(self) -> "Watchers":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()
        self._said.close()


def watch(url: str, viewers: int, seconds: float, *more: str) -> Watchers:
    """A load on the load's core."""
    return Watchers(url, viewers, seconds, *more, core=LOAD_CORE)


def watch_beside(url: str, viewers: int, seconds: float, *more: str) -> Watchers:
    """A load on the server's core, which it gets when the server has nothing to do."""
    return Watchers(url, viewers, seconds, *more, core=SERVER_CORE, nice=10)


def paint(axes: Any, colours: Sequence[str]) -> None:
    """Each of the groups' series in a colour of its own."""
    for drawn, colour in zip(axes.containers, colours, strict=False):
        for bar in drawn:
            bar.set_color(colour)
    axes.legend(frameon=False, ncols=len(colours), loc="upper center", bbox_to_anchor=(0.5, -0.12))


def spread(loads: Sequence[dict[str, Any]]) -> str:
    """Freeze rate and errors of several, in a line."""
    rates = ", ".join(f"{100 * each['freeze_rate']:.3f} %" for each in loads)
    errors = [f"{word} {count}" for each in loads for word, count in each["errors"].items()]
    return f"freeze rates {rates}; errors: {', '.join(errors) or 'none'}"
