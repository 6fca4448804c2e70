"""Who gets in: newcomers are judged once, when they ask for a channel's first playlist or stream.

Law: a refusal costs microseconds and says when to come back, or where to go; whoever watches
already is asked nothing here, so those who arrive never freeze those who are there.
"""

from collections.abc import Mapping

from tidegate.edge.admission import Address, Admission
from tidegate.edge.catalog import Epoch
from tidegate.edge.connection import Connection
from tidegate.edge.counts import Counts
from tidegate.edge.loop import Loop
from tidegate.edge.request import Request
from tidegate.edge.response import CORS, NO_STORE, Answer, error
from tidegate.settings import Channel, Http

_TEXTS = {
    "connections": "This server is full.",
    "address": "Too many connections from your address.",
    "rate": "Too many requests from your address.",
    "channel": "This channel has all the viewers it may have.",
    "capacity": "This server's line is full.",
    "busy": "This server is busy.",
}
"""By the words of `metrics.REFUSED`."""


class Door:
    """Judges by `admission`; `http` tells what a refusal says, `channels` who has limits."""

    def __init__(
        self,
        loop: Loop,
        counts: Counts,
        admission: Admission,
        http: Http,
        channels: Mapping[str, Channel],
    ) -> None:
        self._loop = loop
        self._counts = counts
        self._admission = admission
        self._buddy = http.buddy.encode() if http.buddy else b""
        self._limits = {name: channel.max_viewers for name, channel in channels.items()}
        retry = NO_STORE + b"Retry-After: %d\r\n" % http.retry_after_s
        self._refusals = {
            word: error(counts.tally("refused", 503), 503, text, retry)
            for word, text in _TEXTS.items()
        }
        self.full = self._refusals["connections"]
        self.too_fast = error(counts.tally("refused", 429), 429, _TEXTS["rate"], retry)

    def told(self, why: str) -> Answer:
        """What who may not even connect is told."""
        return self._refusals[why]

    def left(self, connection: Connection) -> None:
        """A connection is closed."""
        self._admission.left(connection.address)

    def allows(self, address: Address) -> bool:
        """Whether one more request from where it came is not too many."""
        if self._admission.asked(address, self._loop.now):
            return True
        self._counts.refused("rate")
        return False

    def refusal(self, request: Request, epoch: Epoch) -> Answer | None:
        """What a newcomer to a channel is told instead; None when it is welcome."""
        limit = self._limits.get(epoch.channel, 0)
        viewers = sum(feed.viewers for feed in epoch.feeds) if limit else 0
        why = self._admission.newcomer(viewers, limit, self._loop.now)
        if why is None:
            return None
        self._counts.refused(why)
        if not self._buddy:
            return self._refusals[why]
        location = b"Location: %b%b\r\n" % (self._buddy, request.target)
        return Answer(self._counts.tally("refused", 302), 302, location + NO_STORE + CORS, b"")
