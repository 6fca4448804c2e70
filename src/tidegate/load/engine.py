"""One process's viewers, from the first arrival to the last second.

Law: who comes when is the plan's; this only keeps the clock, and a view that leaves is replaced at
once, so that the audience stays what was asked for.
"""

import random
import resource
import time
from collections.abc import Callable

from tidegate.load.crew import Crew
from tidegate.load.hls import HlsView
from tidegate.load.outcome import Moment, Outcome
from tidegate.load.plan import Audience, Visit
from tidegate.load.player import State
from tidegate.load.scan import FlvScan, Mp4Scan
from tidegate.load.stream import Scout, StreamView
from tidegate.load.target import TargetError, kind_of
from tidegate.load.view import View

SCOUT_S = 15.0
"""Seconds that the scout may take to see a keyframe, before anyone else comes."""
SECOND_S = 1.0
REST_S = 0.002
"""Seconds between two looks at the sockets of streams: the fineness of what is measured."""
LAG_S = 1.0
"""Seconds by which a look at players of a stream stays behind: it tells them one arrival late."""

Tell = Callable[[Moment], None]


class Engine:
    """Runs `audience` against the crew's target; `tell` hears of every second."""

    def __init__(self, crew: Crew, audience: Audience, tell: Tell) -> None:
        self._crew = crew
        self._loop = crew.loop
        self._audience = audience
        self._tell = tell
        self._rng = random.Random(audience.seed)  # noqa: S311
        self._kind = kind_of(crew.target.url)
        self._views: set[View] = set()
        self._outcome = Outcome()
        self._began = self._received = 0.0

    def run(self) -> Outcome:
        """All of it. Raises `TargetError` when there is nothing to watch."""
        if self._kind != "hls":
            self._send_scout()
        loop = self._loop
        self._began = loop.now = loop.clock()
        for visit in self._audience.visits():
            loop.at(self._began + visit.at, self._arrival(visit))
        loop.at(self._began + self._audience.seconds, loop.stop)
        self._tick()
        cpu = time.process_time()
        self._go()
        now = loop.clock()
        for view in list(self._views):
            self._leave(view, now)
        outcome = self._outcome
        outcome.received = self._crew.received
        outcome.media_bits, outcome.media_s = self._crew.media_bits, self._crew.media_s
        outcome.errors = dict(self._crew.errors)
        outcome.cpu_s = time.process_time() - cpu
        return outcome

    def _send_scout(self) -> None:
        Scout(self._loop, self._crew, FlvScan if self._kind == "flv" else Mp4Scan)
        until = self._loop.clock() + SCOUT_S
        self._loop.at(until, lambda: None)
        while self._crew.atlas is None:
            self._loop.turn()
            if self._loop.now >= until:
                raise TargetError(
                    f"{self._crew.target.url}: no keyframe within {SCOUT_S:.0f} s; is it live?"
                )

    def _go(self) -> None:
        """Turn until the end; many arrivals taken together cost less than each by itself."""
        rest = 0.0 if self._kind == "hls" else REST_S
        loop = self._loop
        loop.start()
        while loop.running:
            loop.turn()
            time.sleep(rest)

    def _arrival(self, visit: Visit) -> Callable[[], None]:
        return lambda: self._enter(visit)

    def _enter(self, visit: Visit) -> None:
        view: View = (HlsView if self._kind == "hls" else StreamView)(self._crew, visit)
        self._views.add(view)
        view.begin()
        if visit.at + visit.lasts < self._audience.seconds:
            self._loop.at(self._began + visit.at + visit.lasts, lambda: self._replace(view))

    def _replace(self, view: View) -> None:
        now = self._loop.now
        self._leave(view, now)
        self._enter(self._audience.visit(now - self._began, self._rng))

    def _leave(self, view: View, now: float) -> None:
        self._views.discard(view)
        view.settle()
        view.finish()
        self._outcome.add_view(view.player, now)

    def _tick(self) -> None:
        now, frozen, buffered_s = self._loop.now, 0, 0.0
        lag_s = 0.0 if self._kind == "hls" else LAG_S
        for view in self._views:
            view.player.advance(now - lag_s)
            frozen += view.player.state is State.FROZEN
            buffered_s += view.player.buffered_s
        at, received = now - self._began, self._crew.received
        new = int(received - self._received)
        moment = Moment(at, len(self._views), frozen, new, buffered_s)
        self._received = received
        self._outcome.moments.append(moment)
        self._tell(moment)
        next_s = (now - self._began) // SECOND_S * SECOND_S + SECOND_S
        self._loop.at(self._began + next_s, self._tick)


def raise_file_limit(connections: int) -> None:
    """Let this process open so many. Raises `TargetError` when the system does not."""
    wanted = connections + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and hard != resource.RLIM_INFINITY and hard < wanted:
        raise TargetError(
            f"{connections} connections in one process, but its limit of open files is {hard}: "
            "raise `ulimit -Hn`, or use more --processes"
        )
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
