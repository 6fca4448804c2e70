"""A session, event by event: wait for room, choose, download, play meanwhile.

Law: one request at a time; time only passes in the network and in the buffer, by the same amount.
"""

from collections.abc import Callable

from tidegate.sim.exact.bola import Bola
from tidegate.sim.exact.bola_e import BolaE
from tidegate.sim.exact.buffer import Buffer
from tidegate.sim.exact.download import Download
from tidegate.sim.exact.dynamic import Dynamic
from tidegate.sim.exact.errors import Endless
from tidegate.sim.exact.estimate import Estimate, Ewma, Sliding
from tidegate.sim.exact.movie import Movie
from tidegate.sim.exact.network import Network
from tidegate.sim.exact.options import Options
from tidegate.sim.exact.result import Result
from tidegate.sim.exact.rule import Rule
from tidegate.sim.exact.throughput import Throughput
from tidegate.sim.exact.trace import Trace

LONGEST_SEGMENT_MS = 3_600_000.0
"""What a segment may take at the trace's mean rate: longer, and nobody watches."""
MOST_GIVEN_UP = 1_000
"""Downloads of one segment. A rule that keeps asking for what it then gives up would never end."""

_RULES: dict[str, Callable[[Movie, Options], Rule]] = {
    "bola": Bola,
    "bolae": BolaE,
    "throughput": Throughput,
    "dynamic": Dynamic,
}


def play(trace: Trace, movie: Movie, options: Options) -> Result:
    """The whole movie over that line, from its beginning. Raises `BadOptions` or `Endless`."""
    options.check(movie)
    _check(trace, movie)
    return Player(trace, movie, options, _RULES[options.rule](movie, options)).play()


class Player:
    """One session of a movie over a line, under a rule."""

    def __init__(self, trace: Trace, movie: Movie, options: Options, rule: Rule) -> None:
        self._movie = movie
        self._options = options
        self._rule = rule
        self._network = Network(trace)
        self._buffer = Buffer(movie)
        self._line = _estimate(movie, options)
        self._given_up = 0

    def play(self) -> Result:
        """To the end of the movie."""
        join_ms = self._first()
        for segment in range(1, len(self._movie.segment_sizes_bits)):
            self._fetch(segment)
        buffer = self._buffer
        buffer.pass_time(buffer.level_ms)
        return Result(
            total_ms=buffer.total_ms,
            join_ms=join_ms,
            frozen_ms=buffer.frozen_ms,
            freezes=buffer.freezes,
            mean_kbps=buffer.rates_kbps * self._movie.segment_duration_ms / buffer.total_ms,
            switched_kbps=buffer.switched_kbps,
            given_up=self._given_up,
        )

    def _first(self) -> float:
        """The first segment, at the lowest rung, comes to the end before anything is shown."""
        download = Download(0, self._movie.segment_sizes_bits[0][0])
        download.run(self._network)
        self._buffer.add(0)
        self._buffer.total_ms += download.ms
        self._learn(download)
        return download.ms

    def _fetch(self, segment: int) -> None:
        """That segment, asked for again whenever its download was given up."""
        target: int | None = None
        for _ in range(MOST_GIVEN_UP):
            self._wait_for_room()
            rung = self._choose(segment) if target is None else target
            download = self._download(segment, rung)
            if download.given_up_for is None:
                return
            self._given_up += 1
            if self._options.heed_target:
                target = download.given_up_for
        raise Endless(
            f"segment {segment} was asked for and given up {MOST_GIVEN_UP} times; "
            "let the insufficient-buffer rule be, or set heed_target"
        )

    def _wait_for_room(self) -> None:
        level = self._buffer.level_ms + self._movie.segment_duration_ms
        over = level - self._options.buffer_s * 1000
        if over > 0:
            self._pass_time(over)
            self._rule.waited(over)

    def _choose(self, segment: int) -> int:
        rung, delay = self._rule.choose(segment, self._buffer.level_ms, self._line)
        if delay > 0:
            self._pass_time(delay)
        return rung

    def _pass_time(self, ms: float) -> None:
        self._buffer.pass_time(ms)
        self._network.wait(ms)

    def _download(self, segment: int, rung: int) -> Download:
        download = Download(rung, self._movie.segment_sizes_bits[segment][rung])
        if self._options.give_up:
            level, rule, line = self._buffer.level_ms, self._rule, self._line
            download.run_watched(self._network, level, lambda begun: rule.watch(begun, line))
        else:
            download.run(self._network)
        self._buffer.pass_time(download.ms)
        if download.given_up_for is None:
            self._buffer.add(rung)
        self._rule.took(download, self._buffer.level_ms)
        if download.given_up_for is None:
            self._learn(download)
        return download

    def _learn(self, download: Download) -> None:
        self._line.push(download.body_ms, download.kbps, download.ttfb_ms)


def _estimate(movie: Movie, options: Options) -> Estimate:
    if options.average == "sliding":
        return Sliding(options.windows)
    return Ewma(options.half_lives_s, movie)


def _check(trace: Trace, movie: Movie) -> None:
    largest = max(max(sizes) for sizes in movie.segment_sizes_bits)
    if largest / trace.mean_kbps > LONGEST_SEGMENT_MS:
        raise Endless(
            f"the trace carries {trace.mean_kbps:g} kbit/s in the mean, so a segment of "
            f"{largest:g} bits would take more than an hour"
        )
