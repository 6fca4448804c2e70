"""The wire's time, repaired once.

Law: an output time is the wire's, in ticks, plus what both tracks' jumps so far amount to; dts
strictly increases in a track; sound and picture stay as far apart as the wire has them, within
`SMOOTH_MS`. Nothing is guessed from frame rates.

Output is relative to the wire: a stream that begins at 0 comes out at 0, one that begins a little
below (as a huge unsigned number) comes out negative. The packager moves all of it.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tidegate.media.sample import AudioTrack, Track

Kind = Literal["video", "audio"]
RepairKind = Literal["wrap", "jump", "reorder", "drift", "composition"]

JUMP_FORWARD_MS = 10_000
"""Ahead of the track's last sample: a longer gap is closed. No player waits it out."""

JUMP_BACK_MS = 500
"""Behind the track's last sample: an encoder that sorts badly stays under it; more is a restart."""

LATE_MS = 2_000
"""Behind the track's last sample, when it follows the other's jump: more than tracks interleave."""

SMOOTH_MS = 8
"""From the wire to the grid of whole audio frames: under the 10 ms law, over ms rounding."""

DRIFT_REPORT_MS = 40
"""A step off the grid worth a report: two frames of sound, which can be heard."""

MAX_COMPOSITION_MS = 5_000
"""From dts to pts, either way: 16 frames of reordering at 3 frames a second."""

_LONGEST_STEP_MS = 1_000
"""A jump goes on after the track's last step, but leaves no hole longer than this."""

_HALF, _WRAP = 1 << 31, 1 << 32


@dataclass(frozen=True, slots=True)
class Repair:
    """A health event.

    `wrap`: the wire's 32 bits went round. `jump`: the wire leapt by `amount_ms`, closed up.
    `reorder`: a sample came `amount_ms` before its turn had been. `drift`: sound left its frames'
    grid by `amount_ms`. `composition`: an absurd offset, dropped.
    """

    kind: RepairKind
    track: Kind
    amount_ms: int


class Placed(NamedTuple):
    """A sample's repaired times, ticks, and what was repaired."""

    dts: int
    pts: int
    repairs: tuple[Repair, ...] = ()


@dataclass(slots=True)
class _Lane:
    """One track's past: the wire's last time, what it was mapped to, the last dts given out.

    `step` is how far the wire went between its last samples: where a jump goes on.
    """

    kind: Kind
    timescale: int
    wire: int
    ms: int
    dts: int | None = None
    step: int = 1

    def at(self, wire: int) -> int:
        """Where this track's present mapping puts `wire`, ms."""
        return self.ms + ((wire - self.wire + _HALF) % _WRAP - _HALF)

    def last_ms(self) -> int:
        """The last dts given out, ms."""
        return self.ms if self.dts is None else self.dts * 1000 // self.timescale

    def rescale(self, timescale: int) -> None:
        """The track's parameters changed: go on in other ticks, not before the last sample."""
        if self.dts is not None:
            self.dts = -(-self.dts * timescale // self.timescale)
        self.timescale = timescale


class Timeline:
    """The times of one publish session. Of its tracks, one is video and one audio at most."""

    def __init__(self) -> None:
        self._lanes: dict[Kind, _Lane] = {}
        self._repairs: list[Repair] = []

    def place(self, track: Track, wire_ms: int, composition_ms: int = 0) -> Placed:
        """The times of a track's next sample: its dts on the wire (32 bits), and pts less dts."""
        wire = wire_ms % _WRAP
        is_audio = isinstance(track, AudioTrack)
        kind: Kind = "audio" if is_audio else "video"
        other = self._lanes.get("video" if is_audio else "audio")
        lane = self._lanes.get(kind)
        if lane is None:
            ms = self._first(kind, other, wire)
            lane = self._lanes[kind] = _Lane(kind, track.timescale, wire, ms)
        else:
            ms = self._follow(lane, other, wire)
        if lane.timescale != track.timescale:
            lane.rescale(track.timescale)
        if isinstance(track, AudioTrack):
            dts = pts = self._advance(lane, self._on_grid(lane, track.frame_size, ms))
        else:
            dts, pts = self._compose(lane, ms, composition_ms)
        if not self._repairs:
            return Placed(dts, pts)
        repairs, self._repairs = tuple(self._repairs), []
        return Placed(dts, pts, repairs)

    def _report(self, what: RepairKind, kind: Kind, amount_ms: int) -> None:
        self._repairs.append(Repair(what, kind, amount_ms))

    def _first(self, kind: Kind, other: _Lane | None, wire: int) -> int:
        """Where a track's first sample goes: as the wire has it, unless that is absurd."""
        if other is None:
            return (wire + _HALF) % _WRAP - _HALF
        ms, now = other.at(wire), other.last_ms()
        if abs(ms - now) <= JUMP_FORWARD_MS:
            return ms
        self._report("jump", kind, ms - now)
        return now

    def _follow(self, lane: _Lane, other: _Lane | None, wire: int) -> int:
        """Where a track's next sample goes, ms; the lane has then moved there."""
        own = lane.at(wire)
        ms = _chosen(lane, other, own, wire)
        if ms is None:
            self._report("jump", lane.kind, own - lane.ms)
            ms = max(lane.last_ms() + lane.step, other.last_ms() if other else lane.ms)
        elif wire < lane.wire and own >= lane.ms:
            self._report("wrap", lane.kind, _WRAP)
        if ms > lane.ms:
            lane.step = min(ms - lane.ms, _LONGEST_STEP_MS)
        lane.wire, lane.ms = wire, ms
        return ms

    def _on_grid(self, lane: _Lane, frame_size: int, ms: int) -> int:
        """Sound's ticks: a whole frame after the last, while the wire is not far from that."""
        exact = (ms * lane.timescale + 500) // 1000
        if lane.dts is None:
            return exact
        grid = lane.dts + frame_size
        off = exact - grid
        if abs(off) * 1000 <= SMOOTH_MS * lane.timescale:
            return grid
        if exact > lane.dts and abs(off) * 1000 > DRIFT_REPORT_MS * lane.timescale:
            self._report("drift", lane.kind, off * 1000 // lane.timescale)
        return exact

    def _compose(self, lane: _Lane, ms: int, composition_ms: int) -> tuple[int, int]:
        """A picture's dts and pts: pts is the wire's, but not before dts unless it was so there."""
        if abs(composition_ms) > MAX_COMPOSITION_MS:
            self._report("composition", lane.kind, composition_ms)
            composition_ms = 0
        wire_dts = ms * lane.timescale // 1000
        offset = composition_ms * lane.timescale // 1000
        dts = self._advance(lane, wire_dts)
        return dts, max(wire_dts + offset, dts + min(0, offset))

    def _advance(self, lane: _Lane, dts: int) -> int:
        """`dts`, or the tick after the last where that is not past it."""
        last = lane.dts
        if last is not None and dts <= last:
            self._report("reorder", lane.kind, (last - dts) * 1000 // lane.timescale)
            dts = last + 1
        lane.dts = dts
        return dts


def _chosen(lane: _Lane, other: _Lane | None, own: int, wire: int) -> int | None:
    """Where `wire` goes by this track's mapping or by the other's; None when by neither.

    They differ from one track's jump to the other's: samples of the old time base keep the old
    mapping, the first of the new one takes the new.
    """
    last = lane.last_ms()
    if other is None:
        return own if last - JUMP_BACK_MS <= own <= last + JUMP_FORWARD_MS else None
    theirs, expected = other.at(wire), lane.ms + lane.step
    reach = max(last, other.last_ms()) + JUMP_FORWARD_MS
    if abs(theirs - expected) < abs(own - expected) and last - LATE_MS <= theirs <= reach:
        return theirs
    if own != theirs:
        reach = last + JUMP_FORWARD_MS
    # Where the other track has gone already, the way there was a pause of this one, not a jump.
    return own if last - JUMP_BACK_MS <= own <= reach else None
