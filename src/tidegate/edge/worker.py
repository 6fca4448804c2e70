"""What all connections of a process share, and what they need of others."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tidegate.edge.counts import Counts
from tidegate.edge.loop import Loop
from tidegate.edge.request import Request, RequestParser

if TYPE_CHECKING:
    from tidegate.edge.connection import Connection


class Handler(Protocol):
    """Who answers: now, by `respond`; later, by `park`; or for ever, by `follow`."""

    def handle(self, connection: "Connection", request: Request) -> None:
        """Answer one request."""

    def left(self, connection: "Connection") -> None:
        """The connection is closed."""


class Follower(Protocol):
    """Who feeds a body without an end; `hears` what the viewer says, or leaves it unread."""

    @property
    def hears(self) -> bool:
        """Whether `heard` is to be called."""

    def heard(self, data: bytes) -> None:
        """The viewer spoke."""

    def drained(self) -> None:
        """All that was pushed is sent."""

    def gone(self) -> None:
        """The connection is closed, or the body has ended."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a viewer may take, seconds.

    `header_s`: from a head's first byte to its last. `idle_s`: between two requests, and between
    two bytes that the viewer takes. `handshake_s`: for TLS.
    """

    header_s: float
    idle_s: float
    handshake_s: float = 10.0


@dataclass(slots=True, eq=False)
class Worker:
    """One process's loop and all that its connections have in common."""

    loop: Loop
    counts: Counts
    parser: RequestParser
    limits: Limits
    handler: Handler
    connections: "set[Connection]" = field(default_factory=set)
    draining: bool = False

    def entered(self, connection: "Connection") -> None:
        """A connection is open."""
        self.connections.add(connection)
        self.counts.gauges.connections += 1

    def left(self, connection: "Connection") -> None:
        """A connection is closed; the last one to leave while draining ends the loop."""
        self.connections.discard(connection)
        self.counts.gauges.connections -= 1
        self.handler.left(connection)
        self.stop_if_drained()

    def stop_if_drained(self) -> None:
        """Nobody is left to serve, and nobody will come."""
        if self.draining and not self.connections:
            self.loop.stop()
