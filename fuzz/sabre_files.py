"""Whatever a trace or movie file holds, it is read whole, or refused with where it is wrong.

And what was read can be played: every session ends, with no more frozen than passed, or is refused
as one that would not end. The first byte chooses: trace or movie, rule, options.
"""

import math

from tidegate.sim.exact import (
    RULES,
    BadFile,
    ExactError,
    Movie,
    Options,
    Period,
    Trace,
    parse_movie,
    parse_trace,
    play,
)

SEEDS: list[bytes] = [
    b'\x00[{"duration_ms": 1000, "bandwidth_kbps": 2500, "latency_ms": 20},\n'
    b' {"duration_ms": 400.5, "bandwidth_kbps": 0, "latency_ms": 900}]',
    b'\x12[{"duration_ms":1,"bandwidth_kbps":0.001,"latency_ms":60000}]',
    b'\x01{"segment_duration_ms": 2000, "bitrates_kbps": [300, 800.5, 2500],\n'
    b' "segment_sizes_bits": [[600000, 1600000, 5000000], [550000, 1.5e6, 4400000]]}',
    b'\x1f{"segment_duration_ms":1,"bitrates_kbps":[1],"segment_sizes_bits":[[1],[9]],"more":[]}',
]

_TRACE = Trace((Period(4000, 3000, 20), Period(3000, 150, 400), Period(500, 0, 20)))
_MOVIE = Movie(2000, (300, 800, 2500), ((6e5, 1.6e6, 5e6),) * 4)
_PLAYED = 4
"""Segments of a movie that are played, and the periods of a trace: a fuzzer wants short ones."""


def one(data: bytes) -> None:
    """The rest is the file."""
    if not data:
        return
    kind, rest = data[0], data[1:]
    read = parse_movie if kind & 1 else parse_trace
    try:
        got = read(rest)
    except BadFile as error:
        _refused(error, "movie: " if kind & 1 else "trace: ")
        return
    assert got == read(rest)
    options = Options(rule=RULES[kind >> 1 & 3], buffer_s=60, calm=bool(kind & 8),
                      insufficient_buffer=not kind & 16, heed_target=bool(kind & 32))  # fmt: skip
    if isinstance(got, Movie):
        _played(_TRACE, got, options)
    elif all(period.duration_ms >= 100 for period in got.periods):
        _played(got, _MOVIE, options)


def _played(trace: Trace, movie: Movie, options: Options) -> None:
    shown = min(_PLAYED, len(movie.segment_sizes_bits)) * movie.segment_duration_ms
    movie = movie.lasting(shown / 1000)
    try:
        result = play(trace, movie, options)
    except ExactError as error:
        _refused(error)
        return
    assert 0 < result.join_ms <= result.total_ms < math.inf
    assert 0 <= result.rebuffer_ratio <= result.freeze_rate <= 1
    played = len(movie.segment_sizes_bits) * movie.segment_duration_ms
    assert math.isclose(result.total_ms, result.join_ms + played + result.frozen_ms, rel_tol=1e-6)


def _refused(error: ExactError, begins: str = "") -> None:
    assert str(error).startswith(begins)
    assert str(error)
