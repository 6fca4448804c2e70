"""The main function of a part: a child process of the node, `python -m tidegate part NAME`.

Its standard input carries one line of JSON, the `Brief`, and then nothing: its end means that the
node is gone. Law: a part never outlives its node by more than the drain time, even if the part
hangs.
"""

import faulthandler
import math
import os
import signal
import threading
from collections.abc import Callable

import msgspec

from tidegate.journal import open_journal
from tidegate.node.sockets import adopt_listener
from tidegate.settings import Settings

MARGIN_S = 2.0
"""Seconds beyond node.drain_s until a part that still runs is killed."""
STDIN = 0
NAMES = ("ingest", "edge", "demo")


class Brief(msgspec.Struct, frozen=True):
    """What the node tells a part: settings as JSON holds them, inherited sockets, and the rest.

    `url` is where the demo publishes; `plain` asks for a journal to be read by people.
    """

    settings: dict[str, object]
    sockets: list[int]
    url: str = ""
    plain: bool = False


def main(name: str) -> None:
    """Runs one part until it is told to stop or its node is gone."""
    faulthandler.enable()
    stop_fd, stop = _stop_pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
    brief = msgspec.json.decode(_read_line(STDIN), type=Brief)
    settings = Settings.model_validate(brief.settings)
    open_journal(name, plain=brief.plain)
    threading.Thread(
        target=_outlive_not, args=(stop, settings.node.drain_s), name="node-watch", daemon=True
    ).start()
    _run(name, settings, brief, stop_fd)


def _read_line(fd: int) -> bytes:
    """Everything up to the end of the line, read without a buffer that a thread could hold."""
    line = bytearray()
    while not line.endswith(b"\n") and (more := os.read(fd, 65_536)):
        line += more
    return bytes(line)


def _stop_pipe() -> tuple[int, Callable[[], None]]:
    """A descriptor that becomes readable, and stays so, once the function beside it was called."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def stop() -> None:
        os.write(write_end, b"\0")

    return read_end, stop


def _outlive_not(stop: Callable[[], None], drain_s: float) -> None:
    """Waits for the end of standard input; then asks the part to stop, and sees to it.

    The alarm is the kernel's: it ends even a part that hangs inside a library.
    """
    while os.read(STDIN, 1):
        pass
    signal.alarm(math.ceil(drain_s + MARGIN_S))
    stop()


def _run(name: str, settings: Settings, brief: Brief, stop_fd: int) -> None:
    """Each part loads its own room and no other: an idle process holds only what it uses."""
    # ruff: noqa: PLC0415
    match name:
        case "ingest":
            from tidegate.ingest.part import run as run_ingest

            run_ingest(settings, adopt_listener(brief.sockets[0]), stop_fd)
        case "edge":
            from tidegate.edge.part import run as run_edge

            run_edge(settings, adopt_listener(brief.sockets[0]), stop_fd)
        case "demo":
            from tidegate.demo.part import run as run_demo

            run_demo(settings, brief.url, stop_fd)
        case _:
            raise ValueError(f"there is no part {name!r}; there are {', '.join(NAMES)}")
