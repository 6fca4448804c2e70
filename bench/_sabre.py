"""Sabre beside our exact player: the sets it comes with, the cases, and both run on one session.

Law: a session is the same for both: the same files, the same options.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidegate.sim.exact import RULES, Options, Result, play, read_movie, read_trace

EXAMPLES = Path("example", "mmsys18")
OWN = Path(__file__).parent.parent / "tests" / "sim" / "traces"


@dataclass(frozen=True)
class Set:
    """Traces of one kind, the movie that is played over them and how many seconds of it."""

    folder: str
    movie: str
    seconds: float | None = None


SETS = {
    "3G": Set("3Glogs", "bbb"),
    "4G": Set("4Glogs", "bbb4k"),
    "FCC SD": Set("sd_fs", "bbb", 180),
    "FCC HD": Set("hd_fs", "bbb4k", 180),
}


@dataclass(frozen=True)
class Case:
    """A set, and how the players play; every rule is one row."""

    set: str
    options: Options
    note: str = ""

    @property
    def name(self) -> str:
        """As in `--case`."""
        return f"{self.set}, {self.options.buffer_s:g} s{self.note and ', ' + self.note}"


_CALM = Options(calm=True)
CASES = [
    *(Case(kind, replace(_CALM, buffer_s=buffer))
      for kind, buffer in (("3G", 10), ("4G", 25), ("4G", 10), ("4G", 5), ("FCC SD", 25),
                           ("FCC SD", 10), ("FCC HD", 10))),
    *(Case(kind, Options(), "not calm") for kind in SETS),
    Case("3G", Options(give_up=False, gamma_p_s=3), "nothing given up"),
    Case("FCC SD", Options(insufficient_buffer=False), "no buffer rule"),
    Case("4G", Options(average="sliding", windows=(3, 10)), "sliding averages"),
]  # fmt: skip
"""The seven of the papers (calm), and what they leave out."""


@dataclass
class Session:
    """One session by both; processor seconds, files read."""

    ours: Result
    ratio: float
    mean_kbps: float
    freezes: int
    ours_s: float
    sabre_s: float

    @property
    def freeze_error(self) -> float:
        """Of the share of time that is frozen, absolute."""
        return abs(self.ours.rebuffer_ratio - self.ratio)

    @property
    def bitrate_error(self) -> float:
        """Of the mean bitrate, relative."""
        return abs(self.ours.mean_kbps / self.mean_kbps - 1)


@dataclass
class Row:
    """A case under one rule."""

    case: Case
    rule: str
    sessions: list[Session] = field(default_factory=list)


class Sabre:
    """A running Sabre of a checkout, answering session by session."""

    def __init__(self, root: Path, child: subprocess.Popen[str]) -> None:
        self._root = root
        self._child = child

    def traces(self, kind: Set, most: int) -> list[Path]:
        """The traces of a set; `most` of them, evenly spread, or with 0 all."""
        paths = sorted((self._root / EXAMPLES / kind.folder).glob("*.json"))
        if not paths:
            raise FileNotFoundError(f"{self._root} has no traces in {EXAMPLES / kind.folder}")
        return paths[:: max(1, len(paths) // most)][:most] if most else paths

    def movie(self, kind: Set) -> Path:
        """The movie of a set."""
        return self._root / EXAMPLES / f"{kind.movie}.json"

    def compare(
        self, trace: Path, movie: Path, options: Options, seconds: float | None = None
    ) -> Session:
        """One session by both."""
        began = time.process_time()
        film = read_movie(movie)
        if seconds is not None:
            film = film.lasting(seconds)
        ours = play(read_trace(trace), film, options)
        ours_s = time.process_time() - began
        files = ["-n", str(trace), "-m", str(movie)]
        length = [] if seconds is None else ["-ml", str(seconds)]
        theirs = self._ask([*files, *length, *arguments(options)])
        return Session(
            ours,
            ratio=theirs["rebuffer_time"] / theirs["total_play_time"],
            mean_kbps=theirs["played_bitrate"] * theirs["to_time_average"],
            freezes=int(theirs["rebuffer_event_count"]),
            ours_s=ours_s,
            sabre_s=theirs["cpu_s"],
        )

    def _ask(self, command: list[str]) -> dict[str, float]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()
        answer: dict[str, float] = json.loads(self._child.stdout.readline() or '{"failed": "end"}')
        if "failed" in answer:
            raise RuntimeError(f"Sabre failed: {answer['failed']}: {' '.join(command)}")
        return answer


@contextmanager
def running(root: Path) -> Iterator[Sabre]:
    """Sabre out of the checkout at `root`."""
    program = root / "src" / "sabre.py"
    if not program.is_file():
        raise FileNotFoundError(f"{root} is no checkout of Sabre: it has no src/sabre.py")
    command = [sys.executable, "-m", "bench._sabre_child", str(program)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=OWN.parents[2]
    )
    try:
        yield Sabre(root.resolve(), child)
    finally:
        child.communicate()


def arguments(options: Options) -> list[str]:
    """The options as Sabre's command takes them."""
    command = ["-a", options.rule, "-b", str(options.buffer_s), "-gp", str(options.gamma_p_s)]
    command += ["-ma", options.average, "-hl", *map(str, options.half_lives_s)]
    command += ["-ws", *map(str, options.windows)]
    command += ["-ao"] if options.calm else []
    command += [] if options.insufficient_buffer else ["-noibr"]
    command += [] if options.give_up else ["-noa"]
    return command


def rows(sabre: Sabre, case: Case, most: int) -> Iterator[Row]:
    """Every rule of a case."""
    kind = SETS[case.set]
    traces, movie = sabre.traces(kind, most), sabre.movie(kind)
    for rule in RULES:
        options = replace(case.options, rule=rule)
        compared = [sabre.compare(each, movie, options, kind.seconds) for each in traces]
        yield Row(case, rule, compared)
