"""The listening sockets of the node.

Law: the node alone opens them and keeps them open while it lives; a part only borrows one. So a
part that dies loses no connection that was still in the backlog, and no part needs the right to
bind.
"""

import errno
import socket
from contextlib import ExitStack
from typing import Any

from tidegate.node.errors import NodeError

BACKLOG = 4096
"""Connections waiting for accept; the kernel cuts it to net.core.somaxconn (4096 by default)."""


def open_listener(host: str, port: int, table: str) -> socket.socket:
    """A bound, listening, non-blocking TCP socket; `table` is the table of settings it obeys.

    Port 0 takes any free one. The socket is closed on exec unless it is passed on by name. Raises
    `NodeError` that names the setting and how to change it.
    """
    return open_listeners(host, port, table, 1)[0]


def open_listeners(host: str, port: int, table: str, count: int) -> list[socket.socket]:
    """As many listeners of one port, over which the kernel spreads the connections.

    The first takes the port for itself alone, and only then lets the others in: SO_REUSEPORT from
    the start would share the port with another node of the same user, and nobody would be told.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise NodeError(_host_trouble(host, table)) from error
    with ExitStack() as undo:
        try:
            first = undo.enter_context(_listen(family, address, shared=False))
            if count > 1:
                first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound = first.getsockname()
            more = [
                undo.enter_context(_listen(family, bound, shared=True)) for _ in range(count - 1)
            ]
        except OSError as error:
            raise NodeError(_trouble(error, host, port, table)) from error
        undo.pop_all()
    return [first, *more]


def _listen(family: int, address: tuple[Any, ...], *, shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def adopt_listener(fd: int) -> socket.socket:
    """The listener that a part inherited as `fd`; no program that the part starts inherits it."""
    listener = socket.socket(fileno=fd)
    listener.set_inheritable(False)
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """The TCP port that the kernel gave or that was asked for."""
    return int(listener.getsockname()[1])


def _trouble(error: OSError, host: str, port: int, table: str) -> str:
    variable = f"TIDEGATE_{table}_PORT".upper()
    change = f"set {table}.port or {variable} to another (0 takes any free one)"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{table}.port: port {port} of {host} is taken by another program; {change}"
        case errno.EACCES:
            return f"{table}.port: port {port} needs root or CAP_NET_BIND_SERVICE; {change}"
        case errno.EADDRNOTAVAIL:
            return _host_trouble(host, table)
        case _:
            return f"{table}.port: cannot listen on port {port} of {host}: {error.strerror}"


def _host_trouble(host: str, table: str) -> str:
    variable = f"TIDEGATE_{table}_HOST".upper()
    return (
        f"{table}.host: {host} is no address of this machine; "
        f"set {table}.host or {variable} (0.0.0.0 is every IPv4 address)"
    )
