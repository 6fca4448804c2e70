"""Slow links: network namespaces, and what comes down from the server's to a viewer's is shaped.

Law: every namespace that was made is gone at the end.
"""

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

BURST = 16 * 1024
"""Bytes that pass at once."""
QUEUE_MS = 200
"""What waits longer is dropped, as at the end of a subscriber's line."""


@dataclass(frozen=True)
class Step:
    """From `at_s` on the link carries `kbit`/s."""

    at_s: float
    kbit: float


@dataclass(frozen=True)
class Link:
    """A namespace beyond a shaped link; `server` is the address of this side."""

    inside: str
    server: str
    outer: str
    device: str

    def on(self) -> list[str]:
        """What to put before a command that runs beyond the link."""
        return ["ip", "netns", "exec", self.inside]

    def carry(self, kbit: float) -> None:
        """From now on, so many kbit/s go down."""
        rate = f"{kbit:g}kbit"
        command = ["tc", "-n", self.outer, "qdisc", "replace", "dev", self.device, "root", "tbf"]
        command += ["rate", rate, "burst", str(BURST), "latency", f"{QUEUE_MS}ms"]
        subprocess.run(command, check=True)

    @contextmanager
    def following(self, steps: Sequence[Step]) -> Iterator[None]:
        """The link changes on time while the context lasts."""
        over = threading.Event()

        def go() -> None:
            began = time.monotonic()
            for step in steps:
                if over.wait(max(0.0, began + step.at_s - time.monotonic())):
                    return
                self.carry(step.kbit)

        self.carry(steps[0].kbit)
        thread = threading.Thread(target=go, name=f"link {self.inside}")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def links(count: int) -> Iterator[list[Link]]:
    """So many links; this thread, and what it starts, is at their server's end meanwhile."""
    with ExitStack() as stack:
        outer = stack.enter_context(_namespace(f"tg{os.getpid()}s"))
        made = [stack.enter_context(_link(outer, number)) for number in range(count)]
        stack.enter_context(_within(outer))
        yield made


@contextmanager
def _within(name: str) -> Iterator[None]:
    """This thread is in that namespace: setns(2), which Python has from 3.12 on."""
    with open("/proc/thread-self/ns/net") as back, open(f"/var/run/netns/{name}") as there:  # noqa: PTH123  (kept open)
        _set(there.fileno())
        try:
            yield
        finally:
            _set(back.fileno())


def _set(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def _link(outer: str, number: int) -> Iterator[Link]:
    with _namespace(f"tg{os.getpid()}c{number}") as inside:
        device = f"down{number}"
        _ip(
            "-n",
            outer,
            "link",
            "add",
            device,
            "type",
            "veth",
            "peer",
            "name",
            "uplink",
            "netns",
            inside,
        )
        for space, name, end in ((outer, device, 1), (inside, "uplink", 2)):
            _ip("-n", space, "address", "add", f"10.231.{number}.{end}/24", "dev", name)
            _ip("-n", space, "link", "set", name, "up")
        yield Link(inside, f"10.231.{number}.1", outer, device)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
