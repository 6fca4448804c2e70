"""Every listening socket of a node, and the addresses that they give it.

Law: the sockets are opened together or not at all, and closed together. Each edge worker has its
own listener of a port: who waits at a worker's listener is nobody else's affair, so a worker that
dies takes no connection of another with it.
"""

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass

from tidegate.node.sockets import open_listener, open_listeners, port_of
from tidegate.settings import Settings


@dataclass(frozen=True)
class Listeners:
    """One for RTMP; for HTTP one a worker; for HTTPS as many, or none without a certificate."""

    rtmp: socket.socket
    http: tuple[socket.socket, ...]
    https: tuple[socket.socket, ...]

    def close(self) -> None:
        """All of them; again, nothing."""
        for listener in (self.rtmp, *self.http, *self.https):
            listener.close()

    def of_worker(self, index: int) -> list[int]:
        """The descriptors that the edge worker of a number inherits: HTTP, then HTTPS if any."""
        return [each[index].fileno() for each in (self.http, self.https) if each]


@dataclass(frozen=True)
class Addresses:
    """Where a running node is reached, from this machine, and its stream key.

    `https` is empty where the node has no certificate.
    """

    http: str
    rtmp: str
    key: str
    https: str = ""

    def publish_url(self, channel: str) -> str:
        """The whole RTMP URL that a publisher of `channel` is given."""
        return f"{self.rtmp}/{channel}?key={self.key}"


def open_all(settings: Settings) -> Listeners:
    """The listeners that the settings name. Raises `NodeError` with none left open."""
    http, tls, count = settings.http, settings.tls, workers(settings)
    with ExitStack() as undo:
        opened = open_listeners(http.host, http.port, "http", count)
        for listener in opened:
            undo.callback(listener.close)
        secure = open_listeners(tls.host, tls.port, "tls", count) if tls.certificates else []
        for listener in secure:
            undo.callback(listener.close)
        rtmp = open_listener(settings.rtmp.host, settings.rtmp.port, "rtmp")
        undo.pop_all()
    return Listeners(rtmp, tuple(opened), tuple(secure))


def addresses(settings: Settings, listeners: Listeners) -> Addresses:
    """What to tell whoever started the node."""
    rtmp, http = reachable(settings.rtmp.host), reachable(settings.http.host)
    secure = f"https://{reachable(settings.tls.host)}"
    return Addresses(
        http=f"http://{http}:{port_of(listeners.http[0])}",
        rtmp=f"rtmp://{rtmp}:{port_of(listeners.rtmp)}/live",
        key=settings.publish.key or "",
        https=f"{secure}:{port_of(listeners.https[0])}" if listeners.https else "",
    )


def workers(settings: Settings) -> int:
    """How many edge processes the settings ask for on this machine."""
    return settings.http.workers or len(os.sched_getaffinity(0))


def reachable(host: str) -> str:
    """The host to put in a URL for this machine: loopback where the node listens everywhere."""
    match host:
        case "" | "0.0.0.0":  # noqa: S104
            return "127.0.0.1"
        case "::":
            return "[::1]"
        case _:
            return f"[{host}]" if ":" in host else host
