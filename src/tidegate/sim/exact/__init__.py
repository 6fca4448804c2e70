"""One player at a time, event by event, as Sabre simulates it: what faster kernels answer to."""

from tidegate.sim.exact.errors import BadFile, BadOptions, Endless, ExactError
from tidegate.sim.exact.movie import Movie, parse_movie, read_movie
from tidegate.sim.exact.options import RULES, Options, RuleName
from tidegate.sim.exact.player import Player, play
from tidegate.sim.exact.result import Result
from tidegate.sim.exact.trace import Period, Trace, parse_trace, read_trace

__all__ = [
    "RULES",
    "BadFile",
    "BadOptions",
    "Endless",
    "ExactError",
    "Movie",
    "Options",
    "Period",
    "Player",
    "Result",
    "RuleName",
    "Trace",
    "parse_movie",
    "parse_trace",
    "play",
    "read_movie",
    "read_trace",
]
