"""One viewer's player: when it starts, freezes, catches up and how long each lasts.

Law: pure; time is an argument. Between two calls nothing happens but the playing of what is there,
so its state at any moment follows from what arrived when.

    WAITING ──start_s buffered──► PLAYING ──buffer empty──► FROZEN ──enough buffered──► PLAYING
"""

from dataclasses import dataclass
from enum import Enum

from tidegate.load.target import Kind


@dataclass(frozen=True, slots=True)
class Rules:
    """How a player plays, seconds of media.

    It starts with `start_s` in its buffer. After a freeze it goes on with `resume_s`, after each
    further one with twice as much, up to `resume_most_s`, as Chromium does. It plays at `catch_up`
    times the speed while it has more than `target_s` + `slack_s`, and skips to
    `target_s` when it has more than `most_s`.
    """

    start_s: float = 0.3
    resume_s: float = 0.4
    resume_most_s: float = 3.0
    target_s: float = 2.0
    slack_s: float = 1.0
    catch_up: float = 1.05
    most_s: float = 12.0


STREAM = Rules()
HLS = Rules(start_s=0.2, catch_up=1.0, most_s=float("inf"))
"""hls.js as it comes: no hurry, no skip (maxLiveSyncPlaybackRate, liveMaxLatencyDuration)."""
RULES: dict[Kind, Rules] = {"flv": STREAM, "mp4": STREAM, "hls": HLS}


class State(Enum):
    """See the module."""

    WAITING = "waiting"
    PLAYING = "playing"
    FROZEN = "frozen"


_WAITING, _PLAYING, _FROZEN = State.WAITING, State.PLAYING, State.FROZEN


class Player:
    """One view, asked for at `asked_at` (seconds of any clock)."""

    __slots__ = (
        "_at",
        "_end",
        "_missed",
        "_position",
        "_resume_s",
        "_rules",
        "asked_at",
        "frozen_s",
        "joined_at",
        "played_s",
        "skips",
        "stalls",
        "state",
    )

    def __init__(self, rules: Rules, asked_at: float) -> None:
        self._rules = rules
        self.asked_at = asked_at
        self.joined_at: float | None = None
        self.state = _WAITING
        self.stalls = self.skips = 0
        self.frozen_s = self.played_s = 0.0
        self._at = asked_at
        self._position = self._end = 0.0
        self._missed = 0.0
        self._resume_s = rules.resume_s

    @property
    def join_s(self) -> float | None:
        """Seconds from the request to the first picture; None while there is none."""
        return None if self.joined_at is None else self.joined_at - self.asked_at

    @property
    def buffered_s(self) -> float:
        """Seconds of media that are there and not played yet, as of the last call."""
        return self._end - self._position

    def missed(self, seconds: float) -> None:
        """So much media never comes: what follows is played at once, as after a seek."""
        if seconds > 0:
            self._missed += seconds
            self._resume_s = self._rules.resume_s

    def sought(self, now: float) -> None:
        """It goes elsewhere: what is in its buffer is not played, unless it plays that now."""
        self.advance(now)
        if self.state is not _PLAYING:
            self._position = self._end
            self._resume_s = self._rules.resume_s

    def arrived(self, start: float, end: float, now: float) -> None:
        """Media from `start` to `end` (its own seconds) is there, but for what was missed.

        `start` is that of the first media.
        """
        self.advance(now)
        end -= self._missed
        if self.state is _WAITING and self._end == 0.0 and self._position == 0.0:
            self._position = self._end = start
        self._end = max(self._end, end)
        buffered = self._end - self._position
        rules = self._rules
        if self.state is _WAITING and buffered >= rules.start_s:
            self.joined_at = now
            self.state = _PLAYING
        elif self.state is _FROZEN and buffered >= self._resume_s:
            self.state = _PLAYING
            self._resume_s = min(2 * self._resume_s, max(rules.resume_s, rules.resume_most_s))
        if buffered > rules.most_s and self.state is _PLAYING:
            self._position = self._end - rules.target_s
            self.skips += 1

    def advance(self, now: float) -> None:
        """Play, or freeze, up to `now`."""
        passed = now - self._at
        if passed <= 0:
            return
        self._at = now
        if self.state is _PLAYING:
            self._play(passed)
        elif self.state is _FROZEN:
            self.frozen_s += passed

    def _play(self, passed: float) -> None:
        rules = self._rules
        buffered = self._end - self._position
        rate = rules.catch_up if buffered > rules.target_s + rules.slack_s else 1.0
        lasts = buffered / rate
        if lasts >= passed:
            self.played_s += passed
            self._position += passed * rate
            return
        self.played_s += lasts
        self.frozen_s += passed - lasts
        self._position = self._end
        self.stalls += 1
        self.state = _FROZEN
