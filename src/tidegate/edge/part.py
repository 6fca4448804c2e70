"""The edge as a part of the node: one process, one listening socket, until told to drain."""

import contextlib
import socket

import structlog

from tidegate.edge.catalog import Catalog
from tidegate.edge.counts import Counts
from tidegate.edge.loop import Loop
from tidegate.edge.request import RequestParser
from tidegate.edge.server import Server
from tidegate.edge.service import Service
from tidegate.edge.worker import Limits, Worker
from tidegate.settings import Settings

log = structlog.get_logger()


def run(settings: Settings, listener: socket.socket, stop_fd: int) -> None:
    """Serve viewers at `listener` until `stop_fd` is readable, then drain and return."""
    http = settings.http
    loop, counts = Loop(), Counts()
    with contextlib.ExitStack() as undo:
        undo.callback(loop.close)
        catalog = Catalog(settings.log.root, loop, counts)
        undo.callback(catalog.close)
        service = Service(loop, counts, catalog, http.slow_viewer_s)
        limits = Limits(header_s=http.header_timeout_s, idle_s=http.keepalive_s)
        worker = Worker(loop, counts, RequestParser(), limits, service)
        server = Server(listener, worker, http.max_connections)
        undo.callback(server.close)
        loop.add(stop_fd, _Stop(loop, server, stop_fd, settings.node.drain_s))
        log.info("edge ready", port=listener.getsockname()[1])
        loop.run()
    log.info("edge ended")


class _Stop:
    """The node's word to drain."""

    def __init__(self, loop: Loop, server: Server, fd: int, drain_s: float) -> None:
        self._loop = loop
        self._server = server
        self._fd = fd
        self._drain_s = drain_s

    def ready(self, _events: int) -> None:
        """`stop_fd` is readable, or its other end is closed."""
        self._loop.remove(self._fd)
        self._server.drain(self._drain_s)
