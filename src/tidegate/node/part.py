"""The main function of a part: a child process of the node, `python -m tidegate part NAME`.

Its standard input carries one line of JSON, the `Brief`, and then nothing: its end means that the
node is gone. Law: a part never outlives its node by more than the drain time, even if the part
hangs.
"""

import contextlib
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
STOP = b"\0"
RETIRE = b"r"
"""What the stop pipe brings after SIGUSR1, as `edge.part` knows it: a newer process took over."""
STDIN = 0
NAMES = ("ingest", "edge", "demo")


class Brief(msgspec.Struct, frozen=True):
    """What the node tells a part: settings as JSON holds them, inherited sockets, and the rest.

    `url` is where the demo publishes; `plain` asks for a journal to be read by people; `index` is
    the place among several of a kind; at the descriptor `ready`, unless it is -1, the part says
    with one byte that it serves.
    """

    settings: dict[str, object]
    sockets: list[int]
    url: str = ""
    plain: bool = False
    index: int = 0
    ready: int = -1


def main(name: str) -> None:
    """Runs one part until it is told to stop or its node is gone."""
    faulthandler.enable()
    stop_fd, say = _stop_pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: say(STOP))
    signal.signal(signal.SIGUSR1, lambda *_: say(RETIRE))
    brief = msgspec.json.decode(_read_line(STDIN), type=Brief)
    settings = Settings.model_validate(brief.settings)
    open_journal(f"edge.{brief.index}" if name == "edge" else name, plain=brief.plain)
    threading.Thread(
        target=_outlive_not, args=(say, settings.node.drain_s), name="node-watch", daemon=True
    ).start()
    _run(name, settings, brief, stop_fd)


def _read_line(fd: int) -> bytes:
    """Everything up to the end of the line, read without a buffer that a thread could hold."""
    line = bytearray()
    while not line.endswith(b"\n") and (more := os.read(fd, 65_536)):
        line += more
    return bytes(line)


def _stop_pipe() -> tuple[int, Callable[[bytes], None]]:
    """A descriptor that becomes readable once the function beside it was called, by its word."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def say(word: bytes) -> None:
        os.write(write_end, word)

    return read_end, say


def _outlive_not(say: Callable[[bytes], None], drain_s: float) -> None:
    """Waits for the end of standard input; then asks the part to stop, and sees to it.

    The alarm is the kernel's: it ends even a part that hangs inside a library, and one that was
    replaced and has all of node.upgrade_s.
    """
    while os.read(STDIN, 1):
        pass
    signal.alarm(math.ceil(drain_s + MARGIN_S))
    say(STOP)


def _teller(fd: int) -> Callable[[], None]:
    """Says at `fd` that the part serves; the node may have lost its patience before."""

    def ready() -> None:
        if fd >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(fd, b"\1")
            os.close(fd)

    return ready


def _run(name: str, settings: Settings, brief: Brief, stop_fd: int) -> None:
    """Each part loads its own room and no other: an idle process holds only what it uses."""
    # ruff: noqa: PLC0415
    match name:
        case "ingest":
            from tidegate.ingest.part import run as run_ingest

            run_ingest(settings, adopt_listener(brief.sockets[0]), stop_fd)
        case "edge":
            from tidegate.edge.part import run as run_edge

            http, *https = map(adopt_listener, brief.sockets)
            run_edge(settings, http, https[0] if https else None, stop_fd, _teller(brief.ready))
        case "demo":
            from tidegate.demo.part import run as run_demo

            run_demo(settings, brief.url, stop_fd)
        case _:
            raise ValueError(f"there is no part {name!r}; there are {', '.join(NAMES)}")
