"""How a player plays: its rule of adaptation and what the rule is told.

Law: the defaults are Sabre's, and so is what the options do.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from tidegate.sim.exact.errors import BadOptions
from tidegate.sim.exact.movie import Movie

RuleName = Literal["bola", "bolae", "throughput", "dynamic"]
RULES: tuple[RuleName, ...] = get_args(RuleName)

LARGEST_BUFFER_S = 3600.0
MOST_STORED = 20
"""Downloads that a sliding window may reach back."""


@dataclass(frozen=True, slots=True)
class Options:
    """A player's; in brackets, what Sabre's command calls it.

    rule (-a). buffer_s: at most so much is downloaded ahead (-b). gamma_p_s: how much BOLA fears a
    freeze (-gp). calm: BOLA waits rather than swings between two rungs (-ao). insufficient_buffer:
    the rule that caps the rung when little is left; False is -noibr. give_up: downloads may be
    abandoned; False is -noa. average, half_lives_s, windows: the estimate (-ma, -hl, -ws).
    heed_target: what a download is abandoned for is what is asked for next; Sabre means to and
    does not.
    """

    rule: RuleName = "bolae"
    buffer_s: float = 25.0
    gamma_p_s: float = 5.0
    calm: bool = False
    insufficient_buffer: bool = True
    give_up: bool = True
    average: Literal["ewma", "sliding"] = "ewma"
    half_lives_s: tuple[float, ...] = (3.0, 8.0)
    windows: tuple[int, ...] = (3,)
    heed_target: bool = False

    def check(self, movie: Movie) -> None:
        """Raises `BadOptions` for what cannot be played, or not with this movie."""
        segment_s = movie.segment_duration_ms / 1000
        if self.rule not in RULES:
            raise BadOptions(f"rule: {self.rule!r} is not one of {', '.join(RULES)}")
        if not segment_s <= self.buffer_s <= LARGEST_BUFFER_S:
            raise BadOptions(f"buffer_s: {self.buffer_s:g} is not from a segment ({segment_s:g}) "
                             f"to {LARGEST_BUFFER_S:g}")  # fmt: skip
        if not 0 < self.gamma_p_s < math.inf:
            raise BadOptions(f"gamma_p_s: {self.gamma_p_s:g} is not above 0")
        if self.rule == "bolae" and self.insufficient_buffer and len(movie.bitrates_kbps) < 2:
            raise BadOptions("rule: bolae takes a movie of two bitrates or more")
        self._check_average()

    def _check_average(self) -> None:
        if self.average not in ("ewma", "sliding"):
            raise BadOptions(f"average: {self.average!r} is neither ewma nor sliding")
        if not self.half_lives_s or not all(0 < each < math.inf for each in self.half_lives_s):
            raise BadOptions("half_lives_s: one or more, each above 0")
        if not self.windows or not all(1 <= each <= MOST_STORED for each in self.windows):
            raise BadOptions(f"windows: one or more, each from 1 to {MOST_STORED}")
